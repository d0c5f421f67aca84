// Refusals: the failures of a login that are remembered, so that the server is not asked again in vain.
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { AuthenticateError } from "../AuthError.ts"
import { RateLimited } from "../AuthError.ts"

export interface Refusals {
  /**
   * Remember a failure, if it is of a kind that is: until when (in epoch milliseconds, may be `Infinity`). `told` is the
   * end of a failure that another process met.
   */
  readonly remember: (error: AuthenticateError, now: number, told: Option.Option<number>) => Option.Option<number>
  /** The failure to answer with now. */
  readonly current: (now: number) => Option.Option<AuthenticateError>
  /** Forget, after a success or by request. */
  readonly forget: () => void
}

const SECOND = 1000
const MINUTE = 60 * SECOND

/** How long the n-th failure of a kind in a row is remembered, in milliseconds; a kind that is not here is not. */
const memory: { readonly [Tag in AuthenticateError["_tag"]]?: (count: number) => number } = {
  InvalidCredentials: () => Number.POSITIVE_INFINITY,
  AccessDenied: () => Number.POSITIVE_INFINITY,
  InvalidTwoFactorCode: () => Number.POSITIVE_INFINITY,
  TwoFactorRequired: () => Number.POSITIVE_INFINITY,
  SecondFactorUnavailable: () => Number.POSITIVE_INFINITY,
  RateLimited: (count) => Math.min(MINUTE * 2 ** (count - 1), 10 * MINUTE),
  EdgeBlocked: (count) => Math.min(5 * SECOND * 2 ** (count - 1), 5 * MINUTE),
  UnexpectedResponse: (count) => Math.min(5 * SECOND * 2 ** (count - 1), 5 * MINUTE)
}

export const make = (): Refusals => {
  let remembered: { readonly error: AuthenticateError; readonly until: number } | undefined
  const counts = new Map<AuthenticateError["_tag"], number>()

  const untilWhen = (error: AuthenticateError, now: number): Option.Option<number> => {
    const rule = memory[error._tag]
    if (rule === undefined) return Option.none()
    const count = (counts.get(error._tag) ?? 0) + 1
    counts.set(error._tag, count)
    const asked = error._tag === "RateLimited" ? Option.map(error.retryAfter, Duration.toMillis) : Option.none()
    return Option.some(now + Option.getOrElse(asked, () => rule(count)))
  }

  return {
    remember: (error, now, told) => {
      const until = Option.orElse(told, () => untilWhen(error, now))
      if (Option.isSome(until)) remembered = { error, until: until.value }
      return until
    },
    current: (now) => {
      if (remembered === undefined || now >= remembered.until) return Option.none()
      const { error, until } = remembered
      return Option.some(error._tag === "RateLimited" ? stillLimited(error, until - now) : error)
    },
    forget: () => {
      remembered = undefined
      counts.clear()
    }
  }
}

/** The same refusal, with the time that is left of it. */
const stillLimited = ({ detail, rateLimit }: RateLimited, left: number): RateLimited =>
  new RateLimited({ retryAfter: Option.some(Duration.millis(left)), rateLimit, detail })
