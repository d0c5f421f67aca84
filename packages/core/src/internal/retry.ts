// Patience: one attempt after another, under a policy: what may be repeated, how long to wait, when to stop.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { AuthError } from "../AuthError.ts"
import { RateLimited, RequestTimedOut } from "../AuthError.ts"
import type * as HubPolicy from "../HubPolicy.ts"
import type { Holds } from "./holds.ts"
import { countRetry, countWait } from "./metrics.ts"
import { monotonic } from "./monotonic.ts"
import type { RetryBudget } from "./retryBudget.ts"

export interface Job<A, E> {
  /** One attempt. What it does on the network goes through `limit`; `untimed` is for what no time limit covers. */
  readonly attempt: (time: Time) => Effect.Effect<A, E>
  /** What a failure of an attempt means; none for one that ends the job, whatever the policy says. */
  readonly errorOf: (failure: E) => Option.Option<AuthError>
  /** Whether repeating it can do no harm although the request may have reached the server. */
  readonly repeatable: (error: AuthError) => boolean
  /** What is done with a failure before the attempt is repeated. */
  readonly discard: (failure: E) => Effect.Effect<void>
  /** Told the number of each attempt before it is made. */
  readonly onAttempt: (attempts: number) => Effect.Effect<void>
  /** The account to hold back after a 429; none where nothing is known of it. */
  readonly account: Option.Option<string>
}

export interface Time {
  /** End this where the policy's time limits say so. */
  readonly limit: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E | RequestTimedOut>
  /** Let the deadline wait while this takes its time. */
  readonly untimed: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
}

export interface Means {
  readonly policy: HubPolicy.Service
  readonly holds: Holds
  readonly budget: RetryBudget
}

/** Whether a failure may be repeated, by its tag (behaviour.md §2). Every tag that is not here: never. */
const repeats: { readonly [Tag in AuthError["_tag"]]?: (error: Extract<AuthError, { _tag: Tag }>) => Repeat } = {
  // Without a time it may be the lock of the account, and asking again would prolong it.
  RateLimited: ({ retryAfter }) => (Option.isSome(retryAfter) ? "if repeatable" : "never"),
  ServiceUnavailable: ({ status }) => (status === 502 || status === 503 || status === 504 ? "if repeatable" : "never"),
  RequestTimedOut: () => "if repeatable",
  TransportFailure: ({ reason, sent }) =>
    reason === "Connect" ? "always" : sent && (reason === "Reset" || reason === "Unknown") ? "if repeatable" : "never"
}

type Repeat = "always" | "if repeatable" | "never"

/** Run a job to its end. */
export const patiently = <A, E>(job: Job<A, E>, means: Means): Effect.Effect<A, E | RateLimited> =>
  Effect.gen(function* () {
    const { budget, policy } = means
    const deadline = { at: (yield* monotonic) + Duration.toMillis(policy.deadline) }
    const time = timeOf(policy, deadline)
    let spent = 0
    for (let attempts = 1; ; attempts++) {
      const moment = { deadline: deadline.at, retries: attempts - 1 }
      yield* waitOutHold(job.account, means, moment)
      yield* job.onAttempt(attempts)
      const outcome = yield* Effect.either(job.attempt(time))
      if (Either.isRight(outcome)) {
        budget.refund(spent)
        return outcome.right
      }
      const failure = outcome.left
      const error = job.errorOf(failure)
      if (Option.isNone(error)) return yield* Effect.fail(failure)
      yield* holdIfLimited(job.account, means, error.value)
      // The password was right: the server is well.
      if (error.value._tag === "TwoFactorRequired") budget.refund(spent)
      const delay = mayRepeat(error.value, job, policy, attempts - 1)
        ? yield* affordable(policy, { ...moment, deadline: deadline.at }, toldBy(error.value))
        : Option.none()
      if (Option.isNone(delay)) return yield* Effect.fail(failure)
      const cost = budget.take(error.value._tag === "RequestTimedOut")
      if (Option.isNone(cost)) return yield* Effect.fail(failure)
      spent += cost.value
      const pause = Math.round(Duration.toMillis(delay.value))
      yield* Effect.logDebug(`${error.value._tag}: attempt ${attempts} failed, the next one in ${pause} ms`)
      yield* job.discard(failure)
      yield* countRetry
      yield* wait(delay.value)
      // A blocked process sleeps longer than it meant to.
      if ((yield* monotonic) >= deadline.at) return yield* Effect.fail(failure)
    }
  })

/** `deadline` is on the monotonic clock, and moves while something untimed is done. */
const timeOf = (policy: HubPolicy.Service, deadline: { at: number }): Time => ({
  limit: (effect) =>
    Effect.flatMap(monotonic, (now) => {
      // Nothing is sent that nobody would wait for: it might spend a code.
      if (now >= deadline.at) return Effect.fail(new RequestTimedOut({ scope: "deadline", after: policy.deadline }))
      const left = Duration.millis(deadline.at - now)
      const byDeadline = Duration.lessThanOrEqualTo(left, policy.attemptTimeout)
      return Effect.timeoutFail(effect, {
        duration: byDeadline ? left : policy.attemptTimeout,
        onTimeout: () =>
          byDeadline
            ? new RequestTimedOut({ scope: "deadline", after: policy.deadline })
            : new RequestTimedOut({ scope: "attempt", after: policy.attemptTimeout })
      })
    }),
  untimed: (effect) =>
    Effect.flatMap(monotonic, (start) =>
      Effect.ensuring(
        effect,
        Effect.map(monotonic, (end) => {
          deadline.at += end - start
        })
      )
    )
})

interface Moment {
  /** On the monotonic clock. */
  readonly deadline: number
  /** How many attempts were repeats. */
  readonly retries: number
}

const mayRepeat = (
  error: AuthError,
  job: { readonly repeatable: (error: AuthError) => boolean },
  policy: HubPolicy.Service,
  retries: number
): boolean => {
  // The table pairs each tag with a function of that tag's error, which an indexed access cannot express.
  const decide = repeats[error._tag] as ((error: AuthError) => Repeat) | undefined
  const repeat = decide === undefined ? "never" : decide(error)
  return retries < policy.maxRetries && (repeat === "always" || (repeat === "if repeatable" && job.repeatable(error)))
}

const toldBy = (error: AuthError): Option.Option<Duration.Duration> =>
  error._tag === "RateLimited" ? error.retryAfter : Option.none()

/** The wait: a random back-off, at least as long as told; none when it is longer than the policy or the deadline allows. */
const affordable = (
  policy: HubPolicy.Service,
  { deadline, retries }: Moment,
  told: Option.Option<Duration.Duration>
): Effect.Effect<Option.Option<Duration.Duration>> =>
  Effect.gen(function* () {
    const { base, cap, factor } = policy.backoff
    const longest = Math.min(Duration.toMillis(base) * factor ** retries, Duration.toMillis(cap))
    const backoff = Duration.millis(Math.round(yield* Random.nextRange(0, longest)))
    const delay = Duration.max(
      backoff,
      Option.getOrElse(told, () => Duration.zero)
    )
    const now = yield* monotonic
    const allowed =
      !Option.exists(told, Duration.greaterThan(policy.maxRetryAfter)) && now + Duration.toMillis(delay) < deadline
    return allowed ? Option.some(delay) : Option.none()
  })

const holdIfLimited = (account: Option.Option<string>, { holds }: Means, error: AuthError): Effect.Effect<void> =>
  Effect.map(monotonic, (now) => {
    if (error._tag === "RateLimited" && Option.isSome(account)) holds.hold(account.value, error.retryAfter, now)
  })

const wait = (delay: Duration.Duration): Effect.Effect<void> => Effect.zipRight(countWait(delay), Effect.sleep(delay))

/** Wait until the account is held no longer, as a repeat would; fail at once where that takes too long. */
const waitOutHold = (account: Option.Option<string>, means: Means, moment: Moment): Effect.Effect<void, RateLimited> =>
  Effect.gen(function* () {
    const now = yield* monotonic
    const left = Option.flatMap(account, (held) => means.holds.left(held, now))
    if (Option.isNone(left)) return
    const delay = yield* affordable(means.policy, moment, left)
    if (Option.isNone(delay)) {
      const detail = "an earlier request for this account was limited; nothing was sent"
      return yield* new RateLimited({ retryAfter: left, rateLimit: Option.none(), detail })
    }
    yield* wait(delay.value)
    // Somebody else may have been told to wait meanwhile.
    yield* waitOutHold(account, means, moment)
  })
