// What can be counted of logins and sessions. No label holds an account, let alone a secret.
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"

const logins = Metric.counter("dockerhub_logins", {
  description: "Requests for a token, by operation and outcome (a tag of AuthError, or AccessToken)",
  incremental: true
})
const refreshes = Metric.counter("dockerhub_refreshes", {
  description: "Tokens that sessions asked for, by outcome",
  incremental: true
})
const retries = Metric.counter("dockerhub_retries", { description: "Requests that were repeated", incremental: true })
const waited = Metric.counter("dockerhub_wait_seconds", { description: "Seconds waited before a request" })
const age = Metric.histogram(
  "dockerhub_token_age_seconds",
  MetricBoundaries.fromIterable([30, 60, 120, 240, 360, 480, 600, 1200, 3600]),
  "How old a session's token was when another took its place"
)

export const countLogin = (operation: string, outcome: string): Effect.Effect<void> =>
  Metric.increment(Metric.tagged(Metric.tagged(logins, "operation", operation), "outcome", outcome))

export const countRefresh = (outcome: string): Effect.Effect<void> =>
  Metric.increment(Metric.tagged(refreshes, "outcome", outcome))

export const countRetry: Effect.Effect<void> = Metric.increment(retries)

export const countWait = (wait: Duration.Duration): Effect.Effect<void> =>
  Metric.incrementBy(waited, Duration.toSeconds(wait))

export const recordAge = (milliseconds: number): Effect.Effect<void> => Metric.update(age, milliseconds / 1000)
