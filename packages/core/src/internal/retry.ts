// Patience: one attempt after another, under a policy: what may be repeated, how long to wait, when to stop.
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { AuthError } from "../AuthError.ts"
import { RateLimited, RequestTimedOut } from "../AuthError.ts"
import type * as HubPolicy from "../HubPolicy.ts"
import type { Holds } from "./holds.ts"
import type { RetryBudget } from "./retryBudget.ts"

export interface Job<A, E> {
  readonly attempt: Effect.Effect<A, E>
  /** Whether repeating it can do no harm once it may have reached the server. */
  readonly repeatable: boolean
  /** The account to hold back; none for a challenge whose account is not known. */
  readonly account: Option.Option<string>
}

export interface Means {
  readonly policy: HubPolicy.Service
  readonly holds: Holds
  readonly budget: RetryBudget
}

/** Whether a failure may be repeated, by its tag (behaviour.md §2). Every tag that is not here: never. */
const mayRepeat: { readonly [Tag in AuthError["_tag"]]?: (error: Extract<AuthError, { _tag: Tag }>) => Repeat } = {
  // Without a time it may be the lock of the account, and asking again would prolong it.
  RateLimited: ({ retryAfter }) => (Option.isSome(retryAfter) ? "if repeatable" : "never"),
  ServiceUnavailable: ({ status }) => (status === 502 || status === 503 || status === 504 ? "if repeatable" : "never"),
  RequestTimedOut: () => "if repeatable",
  TransportFailure: ({ reason, sent }) =>
    reason === "Tls" || reason === "Proxy" || reason === "Decode" ? "never" : sent ? "if repeatable" : "always"
}

type Repeat = "always" | "if repeatable" | "never"

/** Run a job to its end. The number of attempts goes to the current span as `dockerhub.attempts`. */
export const patiently = <A, E extends AuthError>(
  job: Job<A, E>,
  means: Means
): Effect.Effect<A, E | RateLimited | RequestTimedOut> =>
  Effect.gen(function* () {
    const { budget, policy } = means
    const startedAt = yield* monotonic
    const deadline = startedAt + Duration.toMillis(policy.deadline)
    let spent = 0
    for (let attempts = 1; ; attempts++) {
      yield* waitOutHold(job, means, { deadline, retries: attempts - 1 })
      yield* Effect.annotateCurrentSpan("dockerhub.attempts", attempts)
      const outcome = yield* Effect.either(limited(job.attempt, policy, deadline))
      if (Either.isRight(outcome)) {
        budget.refund(spent)
        return outcome.right
      }
      const error = outcome.left
      yield* holdIfLimited(job, means, error)
      if (error._tag === "TwoFactorRequired") budget.refund(spent)
      const delay = yield* delayBefore(job, means, { deadline, retries: attempts - 1, error })
      const cost = error._tag === "RequestTimedOut" ? policy.retryBudget.timeoutCost : policy.retryBudget.retryCost
      if (Option.isNone(delay) || !budget.take(cost)) return yield* Effect.fail(error)
      spent += cost
      yield* Effect.logDebug(
        `${error._tag}: attempt ${attempts} failed, the next one in ${Duration.format(delay.value)}`
      )
      yield* Effect.sleep(delay.value)
    }
  })

/** Milliseconds on a clock that never runs backwards, whatever is done to the time of day meanwhile. */
const monotonic: Effect.Effect<number> = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos) / 1_000_000)

/** One attempt, ended by the policy's time limits. */
const limited = <A, E>(
  attempt: Effect.Effect<A, E>,
  policy: HubPolicy.Service,
  deadline: number
): Effect.Effect<A, E | RequestTimedOut> =>
  Effect.flatMap(monotonic, (now) => {
    const left = Duration.millis(deadline - now)
    const byDeadline = Duration.lessThanOrEqualTo(left, policy.attemptTimeout)
    return Effect.timeoutFail(attempt, {
      duration: byDeadline ? left : policy.attemptTimeout,
      onTimeout: () =>
        byDeadline
          ? new RequestTimedOut({ scope: "deadline", after: policy.deadline })
          : new RequestTimedOut({ scope: "attempt", after: policy.attemptTimeout })
    })
  })

interface Moment {
  /** On the monotonic clock. */
  readonly deadline: number
  /** How many attempts were repeats. */
  readonly retries: number
}

/** How long to wait before the same job is tried again; none when it must not be. */
const delayBefore = (
  job: { readonly repeatable: boolean },
  { policy }: Means,
  { deadline, error, retries }: Moment & { readonly error: AuthError }
): Effect.Effect<Option.Option<Duration.Duration>> => {
  const repeat = repeatOf(error)
  if (retries >= policy.maxRetries || repeat === "never" || (repeat === "if repeatable" && !job.repeatable)) {
    return Effect.succeedNone
  }
  const told = error._tag === "RateLimited" ? error.retryAfter : Option.none()
  return affordable(policy, deadline, retries, told)
}

const repeatOf = (error: AuthError): Repeat => {
  // The table pairs each tag with a function of that tag's error, which an indexed access cannot express.
  const decide = mayRepeat[error._tag] as ((error: AuthError) => Repeat) | undefined
  return decide === undefined ? "never" : decide(error)
}

/** The wait: a random back-off, at least as long as told; none when it is longer than the policy or the deadline allows. */
const affordable = (
  policy: HubPolicy.Service,
  deadline: number,
  retries: number,
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

const holdIfLimited = (job: Job<unknown, unknown>, { holds }: Means, error: AuthError): Effect.Effect<void> =>
  Effect.map(monotonic, (now) => {
    if (error._tag === "RateLimited" && Option.isSome(job.account)) holds.hold(job.account.value, error.retryAfter, now)
  })

/** Wait until the account is held no longer, as a repeat would; fail at once where that takes too long. */
const waitOutHold = (job: Job<unknown, unknown>, means: Means, moment: Moment): Effect.Effect<void, RateLimited> =>
  Effect.gen(function* () {
    const now = yield* monotonic
    const left = Option.flatMap(job.account, (account) => means.holds.left(account, now))
    if (Option.isNone(left)) return
    const delay = yield* affordable(means.policy, moment.deadline, moment.retries, left)
    if (Option.isNone(delay)) {
      const detail = "an earlier request for this account was limited; nothing was sent"
      return yield* new RateLimited({ retryAfter: left, rateLimit: Option.none(), detail })
    }
    yield* Effect.sleep(delay.value)
    // Somebody else may have been told to wait meanwhile.
    yield* waitOutHold(job, means, moment)
  })
