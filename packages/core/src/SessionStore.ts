// SessionStore: where a session's token rests between runs, and who may log in for it.
import type * as PlatformError from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { SessionStoreError } from "./AuthError.ts"
import * as HubPolicy from "./HubPolicy.ts"
import { keyedLock } from "./internal/keyedLock.ts"
import { NonEmptySecret } from "./internal/secret.ts"

/** A skew beyond this is no clock's. */
const TEN_YEARS = 10 * 365 * 24 * 3600 * 1000

/**
 * A token, as it is stored.
 *
 * @since 0.1.0
 * @category models
 */
export class Token extends Schema.TaggedClass<Token>("@effect-dockerhub/core/SessionStore/Token")("Token", {
  value: NonEmptySecret,
  /** By the server's clock; for a token that does not say, the session's guess. */
  expiresAt: Schema.DateTimeUtc,
  /** The server's clock minus ours when it was issued, in milliseconds. */
  clockSkew: Schema.Finite.pipe(Schema.between(-TEN_YEARS, TEN_YEARS))
}) {}

/**
 * That a login was refused a moment ago, so that the next process does not ask again at once.
 *
 * @since 0.1.0
 * @category models
 */
export class Refusal extends Schema.TaggedClass<Refusal>("@effect-dockerhub/core/SessionStore/Refusal")("Refusal", {
  error: Schema.Literal("InvalidCredentials", "InvalidTwoFactorCode", "AccessDenied", "RateLimited"),
  until: Schema.DateTimeUtc
}) {}

/**
 * What a store keeps under a key.
 *
 * @since 0.1.0
 * @category models
 */
export type StoredToken = Token | Refusal

/**
 * The schema of what a store keeps. Its encoded form holds the token in clear.
 *
 * @since 0.1.0
 * @category schemas
 */
export const StoredToken: Schema.Schema<StoredToken, typeof Token.Encoded | typeof Refusal.Encoded> = Schema.Union(
  Token,
  Refusal
)

/**
 * A place for tokens. A key is a fingerprint of the Hub, the account and the kind of its credentials; nothing in it is
 * derived from a password.
 *
 * **Gotchas**
 *
 * So a store answers for an account, not for a password: a session with a wrong one gets the token that a session with
 * the right one has stored. Never share a store between people who bring passwords of their own.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** What is stored; none for nothing, and for what cannot be read as a token. */
  readonly read: (key: string) => Effect.Effect<Option.Option<StoredToken>, SessionStoreError>
  readonly write: (key: string, entry: StoredToken) => Effect.Effect<void, SessionStoreError>
  readonly remove: (key: string) => Effect.Effect<void, SessionStoreError>
  /**
   * Run an effect while no other holder of the store does for the same key. It waits at most `HubPolicy.deadline` for the
   * others, and then runs anyway: a holder that died must not keep everyone from logging in.
   */
  readonly exclusively: (key: string) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/**
 * The store in use. A `HubSession` takes it if it is in context when the session is built, else keeps one of its own in
 * memory.
 *
 * @since 0.1.0
 * @category tags
 */
export class SessionStore extends Context.Tag("@effect-dockerhub/core/SessionStore")<SessionStore, Service>() {}

/**
 * A store that ends with the process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<Service> = Effect.map(policyAround(), ({ deadline }) => {
  const entries = new Map<string, StoredToken>()
  return {
    read: (key) => Effect.sync(() => Option.fromNullable(entries.get(key))),
    write: (key, entry) => Effect.sync(() => void entries.set(key, entry)),
    remove: (key) => Effect.sync(() => void entries.delete(key)),
    exclusively: keyedLock(deadline)
  }
})

/**
 * `makeMemory` as a layer, for sessions that share it.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<SessionStore> = Layer.effect(SessionStore, makeMemory)

/**
 * A store over any `KeyValueStore` of `@effect/platform`. `exclusively` holds within this process only, and the tokens are
 * written in clear: give it a store that nobody else can read.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerKeyValueStore: Layer.Layer<SessionStore, never, KeyValueStore.KeyValueStore> = Layer.effect(
  SessionStore,
  Effect.gen(function* () {
    const { deadline } = yield* policyAround()
    const store = yield* KeyValueStore.KeyValueStore
    return {
      read: (key) =>
        store.get(key).pipe(
          Effect.mapError(failed("read")),
          Effect.map((text) => Option.flatMap(text, (found) => decode(key, found)))
        ),
      write: (key, entry) => Effect.mapError(store.set(key, encode({ version: 1, key, entry })), failed("write")),
      remove: (key) => Effect.mapError(store.remove(key), failed("remove")),
      exclusively: keyedLock(deadline)
    }
  })
)

/** An entry names its key, so that one that was moved or copied is known for foreign. */
const Entry = Schema.parseJson(Schema.Struct({ version: Schema.Literal(1), key: Schema.String, entry: StoredToken }))
const encode = Schema.encodeSync(Entry)
const decodeEntry = Schema.decodeUnknownOption(Entry)

const decode = (key: string, text: string): Option.Option<StoredToken> =>
  decodeEntry(text).pipe(
    Option.filter((found) => found.key === key),
    Option.map((found) => found.entry)
  )

const failed =
  (operation: SessionStoreError["operation"]) =>
  // Only what kind of failure: a description may repeat what was to be written.
  (error: PlatformError.PlatformError): SessionStoreError =>
    new SessionStoreError({ operation, reason: error._tag === "SystemError" ? error.reason : error._tag })

function policyAround(): Effect.Effect<HubPolicy.Service> {
  return Effect.contextWith((context: Context.Context<never>) => HubPolicy.resolve(HubPolicy.standard, context))
}
