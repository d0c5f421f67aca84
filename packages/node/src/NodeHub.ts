// NodeHub: batteries included, the login, the session and the client of one account in one layer.
import * as HubAuth from "@effect-dockerhub/core/HubAuth"
import * as HubClient from "@effect-dockerhub/core/HubClient"
import * as HubConfig from "@effect-dockerhub/core/HubConfig"
import * as HubSession from "@effect-dockerhub/core/HubSession"
import * as SecondFactor from "@effect-dockerhub/core/SecondFactor"
import type { HttpClient } from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as DockerConfig from "./DockerConfig.ts"
import { mayHaveDockersCredentials } from "./internal/dockersHub.ts"
import { storeWithDockersToken } from "./internal/dockersToken.ts"
import * as NodeHubHttp from "./NodeHubHttp.ts"
import * as NodeSecondFactor from "./NodeSecondFactor.ts"

/**
 * What `layer` takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends HubSession.Options {
  /** Proxies, certificates, connections and time limits. Default: those of `NodeHubHttp.layer`. */
  readonly http?: NodeHubHttp.Options
}

/**
 * What both layers provide.
 *
 * @since 0.1.0
 * @category models
 */
export type NodeHub = HubAuth.HubAuth | HubSession.HubSession | HubClient.HubClient

/**
 * Everything for one account, with what is given in code. `HubConfig`, `HubPolicy`, `SecondFactor` and `SessionStore` are
 * taken from the context where it has them. Throws a `TypeError` for options that cannot be.
 *
 * @example
 * ```ts
 * import { Credentials, HubClient } from "@effect-dockerhub/core"
 * import { NodeHub } from "@effect-dockerhub/node"
 * import { Effect } from "effect"
 *
 * const program = Effect.flatMap(HubClient.HubClient, (hub) => hub.get("/v2/user/")).pipe(
 *   Effect.provide(NodeHub.layer({ credentials: Credentials.personalAccessToken("ada", "dckr_pat_…") }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = ({ http, ...session }: Options): Layer.Layer<NodeHub> =>
  over(http === undefined ? NodeHubHttp.layer : NodeHubHttp.layerWith(http), HubSession.layer(session))

/**
 * Everything for one account, from `Config` alone.
 *
 * | what | from |
 * |---|---|
 * | the Hub | `DOCKERHUB_URL`, else `https://hub.docker.com` |
 * | credentials | `DOCKERHUB_USERNAME` and so on (`Credentials.config`) if one of them is set, else `DockerConfig.credentials`, for Docker Hub and a Hub on this machine alone |
 * | second factor | the seed in `DOCKERHUB_TOTP_SECRET`, else the terminal |
 * | HTTP | `NodeHubHttp.layerConfig` |
 *
 * **Details**
 *
 * A `HubPolicy` and a `SessionStore` are taken from the context where it has them. With Docker's own credentials and for
 * `https://hub.docker.com`, the access token that `docker login` keeps beside them is used, while it is good, before a login
 * is made.
 *
 * @example
 * ```ts
 * import { HubSession } from "@effect-dockerhub/core"
 * import { NodeHub, NodeSessionStore } from "@effect-dockerhub/node"
 * import { Effect, Layer } from "effect"
 *
 * const program = HubSession.token.pipe(
 *   Effect.provide(NodeHub.layerConfig.pipe(Layer.provide(NodeSessionStore.layer)))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<NodeHub, ConfigError.ConfigError | DockerConfig.DockerConfigError> =
  Layer.unwrapEffect(
    Effect.map(
      Effect.suspend(() => isInEnvironment),
      (inEnvironment) =>
        over(NodeHubHttp.layerConfig, inEnvironment ? HubSession.layerConfig() : dockersSession).pipe(
          Layer.provide(Layer.merge(HubConfig.layerConfig, secondFactor))
        )
    )
  )

const over = <E, E2>(
  http: Layer.Layer<HttpClient, E>,
  session: Layer.Layer<HubSession.HubSession, E2, HubAuth.HubAuth>
): Layer.Layer<NodeHub, E | E2> =>
  HubClient.layer.pipe(Layer.provideMerge(session), Layer.provideMerge(HubAuth.layer), Layer.provide(http))

const dockersSession: Layer.Layer<
  HubSession.HubSession,
  ConfigError.ConfigError | DockerConfig.DockerConfigError,
  HubAuth.HubAuth
> = HubConfig.HubConfig.pipe(
  Effect.filterOrFail(
    ({ baseUrl }) => mayHaveDockersCredentials(baseUrl),
    () =>
      ConfigError.MissingData(
        ["DOCKERHUB_USERNAME"],
        "what docker login saved is for Docker Hub alone, and DOCKERHUB_URL is another: set DOCKERHUB_USERNAME with DOCKERHUB_PASSWORD or DOCKERHUB_TOKEN"
      )
  ),
  Effect.zipRight(DockerConfig.credentials),
  Effect.map((credentials) => HubSession.layer({ credentials })),
  Layer.unwrapEffect,
  Layer.provide(storeWithDockersToken)
)

/** Whether any of the variables is set: half a login is an error to be told, not a reason to look elsewhere. */
const isInEnvironment: Effect.Effect<boolean, ConfigError.ConfigError> = Effect.exists(
  ["DOCKERHUB_USERNAME", "DOCKERHUB_ORGANIZATION", "DOCKERHUB_PASSWORD", "DOCKERHUB_TOKEN"],
  (name) => Effect.map(Config.withDefault(Config.string(name), ""), (value) => value.trim() !== "")
)

const secondFactor: Layer.Layer<SecondFactor.SecondFactor, ConfigError.ConfigError> = Layer.effect(
  SecondFactor.SecondFactor,
  Effect.map(SecondFactor.SecondFactor, (found) => (found._tag === "None" ? NodeSecondFactor.terminal : found))
).pipe(Layer.provide(SecondFactor.layerConfig))
