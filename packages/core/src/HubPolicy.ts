// HubPolicy: how patient a request is: its time limits, what is tried again, and how long to wait in between.
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import { checkDuration } from "./internal/checkDuration.ts"
import { heldBy } from "./internal/heldBy.ts"

/**
 * A checked policy, as `make` returns it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** The longest one request may take: a login with its body, a call of HubClient to its headers. Default 10 s. */
  readonly attemptTimeout: Duration.Duration
  /** The longest one operation may take, waits included. Default 60 s. */
  readonly deadline: Duration.Duration
  /** How often a failed request is repeated. Default 2, so three attempts. */
  readonly maxRetries: number
  /** How long to wait before repeating: a random time up to `base` × `factor`ⁿ, at most `cap`. */
  readonly backoff: {
    /** Default 200 ms. */
    readonly base: Duration.Duration
    /** Default 2. */
    readonly factor: number
    /** Default 10 s. */
    readonly cap: Duration.Duration
  }
  /** The longest wait the server may ask for; a longer one fails at once. Default 30 s. */
  readonly maxRetryAfter: Duration.Duration
  /** How many repeats all operations of one `HubAuth`, or of one `HubClient`, share while the server is down; fixed when it is built. */
  readonly retryBudget: {
    /** Default 100. */
    readonly capacity: number
    /** What a repeat takes. Default 5. */
    readonly retryCost: number
    /** What a repeat after a timeout takes. Default 10. */
    readonly timeoutCost: number
  }
}

/**
 * What `make`, `layer` and `with` take: any part of a policy.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly attemptTimeout?: Duration.DurationInput
  readonly deadline?: Duration.DurationInput
  readonly maxRetries?: number
  readonly backoff?: {
    readonly base?: Duration.DurationInput
    readonly factor?: number
    readonly cap?: Duration.DurationInput
  }
  readonly maxRetryAfter?: Duration.DurationInput
  readonly retryBudget?: { readonly capacity?: number; readonly retryCost?: number; readonly timeoutCost?: number }
}

/**
 * Patient enough for a person who waits and for a CI that must not give up at the first hiccup.
 *
 * @since 0.1.0
 * @category constants
 */
export const standard: Service = {
  attemptTimeout: Duration.seconds(10),
  deadline: Duration.seconds(60),
  maxRetries: 2,
  backoff: { base: Duration.millis(200), factor: 2, cap: Duration.seconds(10) },
  maxRetryAfter: Duration.seconds(30),
  retryBudget: { capacity: 100, retryCost: 5, timeoutCost: 10 }
}

/**
 * No retry, no wait, no time limit: for callers who bring their own.
 *
 * @since 0.1.0
 * @category constants
 */
export const none: Service = {
  ...standard,
  attemptTimeout: Duration.infinity,
  deadline: Duration.infinity,
  maxRetries: 0,
  maxRetryAfter: Duration.zero
}

/**
 * The policy in use, `standard` unless another is provided. The one around a call wins over the one `HubAuth` was built
 * with.
 *
 * @since 0.1.0
 * @category references
 */
export class HubPolicy extends Context.Reference<HubPolicy>()("@effect-dockerhub/core/HubPolicy", {
  defaultValue: (): Service => standard
}) {}

/**
 * `standard` with some parts of your own. Throws a `TypeError` that says which part is wrong and why.
 *
 * @example
 * ```ts
 * import { HubPolicy } from "@effect-dockerhub/core"
 *
 * const policy = HubPolicy.make({ attemptTimeout: "5 seconds", deadline: "20 seconds", maxRetries: 1 })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Service => override(standard, options)

/**
 * `make` as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<HubPolicy> => Layer.succeed(HubPolicy, make(options))

/** What `with` asked for, where the policy it changes is not known before `HubAuth` sees it. */
const overrides = new WeakMap<Service, Options>()

const with_: {
  (options: Options): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(self: Effect.Effect<A, E, R>, options: Options): Effect.Effect<A, E, R>
} = dual(2, <A, E, R>(self: Effect.Effect<A, E, R>, options: Options): Effect.Effect<A, E, R> => {
  checkParts(options)
  return Effect.mapInputContext(self, (context: Context.Context<R>) =>
    Context.add(context, HubPolicy, layered(context, options))
  )
})

export {
  /**
   * Change some parts of the policy for one effect: of the policy around it, or of the one `HubAuth` was built with.
   *
   * @example
   * ```ts
   * import { Credentials, HubAuth, HubPolicy } from "@effect-dockerhub/core"
   *
   * const impatient = HubAuth.login(Credentials.password("ada", "secret")).pipe(HubPolicy.with({ maxRetries: 0 }))
   * ```
   *
   * @since 0.1.0
   * @category combinators
   */
  with_ as with
}

/**
 * The policy of one call: the caller's where its context really holds one, else the captured one.
 *
 * @internal
 */
export const resolve = (captured: Service, caller: Context.Context<never>): Service => {
  const held = heldBy(caller, HubPolicy, captured)
  const options = overrides.get(held)
  return options === undefined ? held : override(captured, options)
}

const layered = (context: Context.Context<never>, options: Options): Service => {
  const held = heldBy(context, HubPolicy, unknown)
  const earlier = overrides.get(held)
  if (earlier === undefined) return override(held, options)
  const combined = combine(earlier, options)
  const policy = merge(standard, combined)
  overrides.set(policy, combined)
  return policy
}

/** Stands for the policy that a context does not hold. */
const unknown: Service = { ...standard }
overrides.set(unknown, {})

const combine = (earlier: Options, later: Options): Options => ({
  ...earlier,
  ...given(later),
  backoff: { ...earlier.backoff, ...given(later.backoff ?? {}) },
  retryBudget: { ...earlier.retryBudget, ...given(later.retryBudget ?? {}) }
})

/** What was really given: a part that is `undefined` changes nothing. */
const given = (options: object): object =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))

const merge = (policy: Service, options: Options): Service => {
  const { backoff = {}, retryBudget = {} } = options
  return {
    attemptTimeout: Duration.decode(options.attemptTimeout ?? policy.attemptTimeout),
    deadline: Duration.decode(options.deadline ?? policy.deadline),
    maxRetries: options.maxRetries ?? policy.maxRetries,
    backoff: {
      base: Duration.decode(backoff.base ?? policy.backoff.base),
      factor: backoff.factor ?? policy.backoff.factor,
      cap: Duration.decode(backoff.cap ?? policy.backoff.cap)
    },
    maxRetryAfter: Duration.decode(options.maxRetryAfter ?? policy.maxRetryAfter),
    retryBudget: {
      capacity: retryBudget.capacity ?? policy.retryBudget.capacity,
      retryCost: retryBudget.retryCost ?? policy.retryBudget.retryCost,
      timeoutCost: retryBudget.timeoutCost ?? policy.retryBudget.timeoutCost
    }
  }
}

const override = (policy: Service, options: Options): Service => {
  checkParts(options)
  const result = merge(policy, options)
  refuseIf(
    Duration.lessThan(result.deadline, result.attemptTimeout),
    `deadline (${Duration.format(result.deadline)}) must not be shorter than attemptTimeout (${Duration.format(result.attemptTimeout)}): no attempt could use its time`
  )
  refuseIf(
    Duration.lessThan(result.backoff.cap, result.backoff.base),
    "backoff.cap must not be shorter than backoff.base"
  )
  // Past 2³¹−1 ms a timer never fires.
  refuseIf(Duration.greaterThan(result.backoff.cap, Duration.days(1)), "backoff.cap must not be longer than a day")
  return result
}

const checkParts = ({ backoff = {}, retryBudget = {}, ...options }: Options): void => {
  checkDuration("HubPolicy: attemptTimeout", options.attemptTimeout, { allowZero: false })
  checkDuration("HubPolicy: deadline", options.deadline, { allowZero: false })
  checkDuration("HubPolicy: maxRetryAfter", options.maxRetryAfter, { allowZero: true })
  checkDuration("HubPolicy: backoff.base", backoff.base, { allowZero: true })
  checkDuration("HubPolicy: backoff.cap", backoff.cap, { allowZero: true })
  checkNumber("backoff.factor", backoff.factor, 1)
  checkNumber("maxRetries", options.maxRetries, 0)
  refuseIf(
    options.maxRetries !== undefined && !Number.isInteger(options.maxRetries),
    "maxRetries must be a whole number: 0 means one attempt"
  )
  checkNumber("retryBudget.capacity", retryBudget.capacity, 0)
  checkNumber("retryBudget.retryCost", retryBudget.retryCost, 0)
  checkNumber("retryBudget.timeoutCost", retryBudget.timeoutCost, 0)
}

const checkNumber = (name: string, value: number | undefined, least: number): void =>
  refuseIf(
    value !== undefined && !(Number.isFinite(value) && value >= least),
    `${name} must be a number of at least ${least}`
  )

const refuseIf = (wrong: boolean, reason: string): void => {
  if (wrong) throw new TypeError(`HubPolicy: ${reason}`)
}
