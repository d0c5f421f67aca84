// A session's tokens as HubClient takes them, so that an endpoint that always says 401 causes no storm of logins.
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { AccessToken } from "../AccessToken.ts"
import type { AuthenticateError } from "../AuthError.ts"
import type * as HubSession from "../HubSession.ts"

export interface GuardedTokens {
  readonly token: Effect.Effect<AccessToken, AuthenticateError>
  /** A 401 came for this token: tell the session, unless the token is too young. */
  readonly refuse: (token: AccessToken) => Effect.Effect<void>
}

/** How long a token is spared that took the place of a refused one: 60 s, in nanoseconds. */
const SPARED = 60_000_000_000n

/** All clients on one session share its guard: with one each, they would invalidate each other's new tokens in turn. */
const guards = new WeakMap<HubSession.Service, GuardedTokens>()

export const of = (session: HubSession.Service): GuardedTokens => {
  const guard = guards.get(session) ?? make(session)
  guards.set(session, guard)
  return guard
}

export const isSame = (one: AccessToken, other: AccessToken): boolean =>
  Redacted.value(one.value) === Redacted.value(other.value)

const make = (session: HubSession.Service): GuardedTokens => {
  let refused: AccessToken | undefined
  let spared: { readonly token: AccessToken; readonly until: bigint } | undefined
  return {
    token: Effect.tap(session.token, (token) =>
      Effect.map(Clock.currentTimeNanos, (now) => {
        if (refused === undefined || isSame(token, refused)) return
        refused = undefined
        // A late 401 for the old token brings the same new one again, which is no younger for that.
        if (spared === undefined || !isSame(token, spared.token)) spared = { token, until: now + SPARED }
      })
    ),
    refuse: (token) =>
      Effect.flatMap(Clock.currentTimeNanos, (now) => {
        if (spared !== undefined && isSame(token, spared.token) && now < spared.until) return Effect.void
        refused = token
        return session.invalidate(token)
      })
  }
}
