// The life of a token a session holds: until when it is served, and from when on a new one is asked for.
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import type { AccessToken } from "../AccessToken.ts"

/** All times are by our clock, in epoch milliseconds. */
export interface Lifetime {
  readonly since: number
  readonly expiresAt: number
  /** From here on it is replaced in the background. */
  readonly refreshAt: number
  /** From here on it is not served: a request made with it might arrive too late. */
  readonly servedUntil: number
}

export interface Share {
  /** The part of its life in which a token is replaced in the background, jitter included. */
  readonly refreshAhead: number
  /** How long a token lives that does not say, in milliseconds. */
  readonly fallback: number
}

/** No token is served within this time of its end, or a tenth of its life where that is less. */
const LONGEST_MARGIN = 5000

/** `since` is when the token's life began, by our clock. */
export const lifetimeOf = (token: AccessToken, since: number, { fallback, refreshAhead }: Share): Lifetime => {
  const expiresAt = Option.match(token.expiresAt, {
    onNone: () => since + fallback,
    onSome: (end) => DateTime.toEpochMillis(end) - token.clockSkew
  })
  const life = Math.max(0, expiresAt - since)
  const servedUntil = expiresAt - Math.min(LONGEST_MARGIN, life / 10)
  return { since, expiresAt, servedUntil, refreshAt: Math.min(servedUntil, expiresAt - life * refreshAhead) }
}
