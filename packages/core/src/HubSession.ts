// HubSession: one account's token, kept fresh for everyone who asks.
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { AccessToken } from "./AccessToken.ts"
import type { AuthenticateError, SessionStoreError } from "./AuthError.ts"

/**
 * What happens to a session's token; never a secret.
 *
 * @since 0.1.0
 * @category models
 */
export type SessionEvent = Data.TaggedEnum<{
  /** The first login. */
  Authenticated: { readonly expiresAt: Option.Option<DateTime.Utc> }
  /** A later login, ahead of the token's end or after it. */
  Refreshed: { readonly expiresAt: Option.Option<DateTime.Utc> }
  /** A token was found in the store, and no login was needed. */
  Restored: { readonly expiresAt: Option.Option<DateTime.Utc> }
  /** A login in the background failed; the token at hand is still served. */
  RefreshFailed: { readonly error: AuthenticateError["_tag"]; readonly retryIn: Duration.Duration }
  /** A login failed in a way that is remembered: until then, or until `reset`, nobody asks again. */
  Refused: { readonly error: AuthenticateError["_tag"]; readonly until: Option.Option<DateTime.Utc> }
}>

/**
 * The constructors and matchers of `SessionEvent`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const SessionEvent: Data.TaggedEnum.Constructor<SessionEvent> = Data.taggedEnum<SessionEvent>()

/**
 * One account's token, shared by everyone who asks.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * A token that is good for now: the one at hand, or else the outcome of one login that all who ask meanwhile share.
   * Near its end it is replaced in the background.
   */
  readonly token: Effect.Effect<AccessToken, AuthenticateError>
  /** Say that the server refused a token. Nothing happens unless it is the one at hand. */
  readonly invalidate: (rejected: AccessToken) => Effect.Effect<void>
  /** Forget the token and any remembered refusal: the next who asks causes a login. */
  readonly reset: Effect.Effect<void>
  /** Forget the token everywhere. Fails with `SessionStoreError` when the store could not. */
  readonly logout: Effect.Effect<void, SessionStoreError>
  /** What happens from now on; whoever is slow misses the oldest but 64. */
  readonly events: Stream.Stream<SessionEvent>
}

/**
 * The session of the program at hand.
 *
 * @since 0.1.0
 * @category tags
 */
export class HubSession extends Context.Tag("@effect-dockerhub/core/HubSession")<HubSession, Service>() {}

/**
 * `Service.token` of the session in context.
 *
 * @since 0.1.0
 * @category accessors
 */
export const token: Effect.Effect<AccessToken, AuthenticateError, HubSession> = Effect.flatMap(
  HubSession,
  (session) => session.token
)

/**
 * `Service.invalidate` of the session in context.
 *
 * @since 0.1.0
 * @category accessors
 */
export const invalidate = (rejected: AccessToken): Effect.Effect<void, never, HubSession> =>
  Effect.flatMap(HubSession, (session) => session.invalidate(rejected))

/**
 * `Service.reset` of the session in context.
 *
 * @since 0.1.0
 * @category accessors
 */
export const reset: Effect.Effect<void, never, HubSession> = Effect.flatMap(HubSession, (session) => session.reset)

/**
 * `Service.logout` of the session in context.
 *
 * @since 0.1.0
 * @category accessors
 */
export const logout: Effect.Effect<void, SessionStoreError, HubSession> = Effect.flatMap(
  HubSession,
  (session) => session.logout
)

/**
 * `Service.events` of the session in context.
 *
 * @since 0.1.0
 * @category accessors
 */
export const events: Stream.Stream<SessionEvent, never, HubSession> = Stream.unwrap(
  Effect.map(HubSession, (session) => session.events)
)
