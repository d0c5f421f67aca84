// DockerConfig: the credentials `docker login` left on this machine.
import * as AccessToken from "@effect-dockerhub/core/AccessToken"
import * as Credentials from "@effect-dockerhub/core/Credentials"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import type { Entry } from "./internal/dockerAuth.ts"
import type { DockerConfigError } from "./internal/dockerConfigError.ts"
import { problem } from "./internal/dockerConfigError.ts"
import { eraseAll, place, storePair } from "./internal/hubEntries.ts"

export {
  /**
   * What every operation of this module can fail with.
   *
   * @since 0.1.0
   * @category errors
   */
  DockerConfigError
} from "./internal/dockerConfigError.ts"

/**
 * How long one run of a credential helper may take. Default 30 s: a keychain answers at once unless it asks a person to
 * unlock it, and nobody else is there for a program that hangs. `withHelperTimeout` sets it.
 *
 * @since 0.1.0
 * @category references
 */
export class HelperTimeout extends Context.Reference<HelperTimeout>()(
  "@effect-dockerhub/node/DockerConfig/HelperTimeout",
  {
    defaultValue: () => Duration.seconds(30)
  }
) {}

/**
 * Another `HelperTimeout` for one effect. Throws a `TypeError` for a duration that is not longer than zero.
 *
 * @example
 * ```ts
 * import { DockerConfig } from "@effect-dockerhub/node"
 *
 * const patient = DockerConfig.credentials.pipe(DockerConfig.withHelperTimeout("2 minutes"))
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const withHelperTimeout: {
  (timeout: Duration.DurationInput): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(self: Effect.Effect<A, E, R>, timeout: Duration.DurationInput): Effect.Effect<A, E, R>
} = dual(2, <A, E, R>(self: Effect.Effect<A, E, R>, timeout: Duration.DurationInput) => {
  // Effect reads NaN and everything negative as zero.
  const decoded = Option.filter(Duration.decodeUnknown(timeout), (duration) => !Duration.isZero(duration))
  if (Option.isNone(decoded)) throw new TypeError("HelperTimeout must be a duration longer than zero")
  return Effect.provideService(self, HelperTimeout, decoded.value)
})

/**
 * The credentials for Docker Hub, from the first of these that has any say:
 *
 * 1. the variable `DOCKER_AUTH_CONFIG`, if it has an entry for Docker Hub;
 * 2. the credential helper that `credHelpers` of `config.json` names for Docker Hub, or else `credsStore` for all hosts;
 * 3. `auths` of `config.json`.
 *
 * **Details**
 *
 * `config.json` is in the directory `DOCKER_CONFIG`, or in `.docker` of the home directory. These variables, `HOME` and the
 * helpers' `PATH` are read through Effect's `Config`. All spellings of the Hub's address count. The kind of the credentials
 * is told by their secret, as `Credentials.fromSecret` does. Nothing is kept: each run reads afresh.
 *
 * @example
 * ```ts
 * import { HubAuth, HubSession } from "@effect-dockerhub/core"
 * import { DockerConfig, NodeHubHttp } from "@effect-dockerhub/node"
 * import { Effect, Layer } from "effect"
 *
 * const Session = DockerConfig.credentials.pipe(
 *   Effect.map((credentials) => HubSession.layer({ credentials })),
 *   Layer.unwrapEffect,
 *   Layer.provide(HubAuth.layer),
 *   Layer.provide(NodeHubHttp.layer)
 * )
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const credentials: Effect.Effect<Credentials.Credentials, DockerConfigError> = Effect.gen(function* () {
  const { find, source } = yield* Effect.flatMap(HelperTimeout, place)
  const entry = yield* find("credentials")
  if (Option.isNone(entry)) return yield* problem("NoEntry", source)
  if (entry.value._tag === "IdentityToken") return yield* problem("IdentityToken", source)
  return Credentials.fromSecret(entry.value.username, entry.value.secret)
}).pipe(Effect.withSpan("DockerConfig.credentials"))

/**
 * The access token for Docker Hub's API that `docker login` keeps beside the credentials, while it is good: use it before
 * a login is made. It is none when there is none, when it has expired or does not say when it will, and when it belongs to
 * another account than `credentials`, and when the helper reports a failure for it: then a login is what is left.
 *
 * **Gotchas**
 *
 * It is Docker Hub's: do not send it to another `HubConfig.baseUrl`. Nobody here can renew it.
 *
 * @since 0.1.0
 * @category accessors
 */
export const accessToken: Effect.Effect<Option.Option<AccessToken.AccessToken>, DockerConfigError> = Effect.gen(
  function* () {
    const { find } = yield* Effect.flatMap(HelperTimeout, place)
    // Not every helper knows this key, and some fail for what they do not know. A real trouble shows in `credentials`.
    const entry = Effect.catchIf(
      find("accessToken"),
      ({ reason }) => reason === "HelperFailed",
      () => Effect.succeedNone
    )
    const stored = Option.filter(yield* entry, isPair)
    if (Option.isNone(stored)) return Option.none()
    const token = yield* Effect.option(AccessToken.fromString(stored.value.secret))
    if (!Option.exists(token, ({ expiresAt }) => Option.isSome(expiresAt))) return Option.none()
    if (Option.isNone(token) || (yield* AccessToken.isExpired(token.value))) return Option.none()
    const account = Option.filter(yield* find("credentials"), isPair)
    const isForeign = Option.exists(account, ({ username }) => nameOf(username) !== nameOf(stored.value.username))
    return isForeign ? Option.none() : token
  }
).pipe(Effect.withSpan("DockerConfig.accessToken"))

/**
 * Keep credentials where `docker login` would: with the credential helper of the configuration, or else in `config.json`,
 * which is not encrypted. Whatever else is in the file stays as it is, to the byte, and the file is replaced in one step.
 *
 * **Gotchas**
 *
 * An entry in `DOCKER_AUTH_CONFIG` still comes first. Between processes the last one to write wins, as with Docker.
 *
 * @since 0.1.0
 * @category mutations
 */
export const store = (credentials: Credentials.Credentials): Effect.Effect<void, DockerConfigError> =>
  Effect.flatMap(HelperTimeout, (timeout) =>
    credentials._tag === "Password"
      ? storePair(credentials.username, credentials.password, timeout)
      : credentials._tag === "PersonalAccessToken"
        ? storePair(credentials.username, credentials.token, timeout)
        : storePair(credentials.organization, credentials.token, timeout)
  ).pipe(Effect.withSpan("DockerConfig.store"))

/**
 * Forget what is kept for Docker Hub, the tokens beside the credentials included, as `docker logout` does: in the
 * credential helper and in `config.json`. It is no failure that there is nothing.
 *
 * @since 0.1.0
 * @category mutations
 */
export const erase: Effect.Effect<void, DockerConfigError> = Effect.flatMap(HelperTimeout, eraseAll).pipe(
  Effect.withSpan("DockerConfig.erase")
)

const isPair = (entry: Entry): entry is Extract<Entry, { readonly _tag: "Pair" }> => entry._tag === "Pair"

/** Docker IDs are in lower case, whatever people type. */
const nameOf = (username: string): string => username.trim().toLowerCase()
