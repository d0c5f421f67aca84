// NodeHubHttp: the HTTP layer for Node, over undici.
import type * as HttpClient from "@effect/platform/HttpClient"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import type * as Layer from "effect/Layer"

/**
 * An `HttpClient` over undici, with a connection pool of its own that closes with the layer. It never follows a
 * redirect. Of Node's HTTP layers it costs the least per request.
 *
 * @example
 * ```ts
 * import { Credentials, HubAuth } from "@effect-dockerhub/core"
 * import { NodeHubHttp } from "@effect-dockerhub/node"
 * import { Effect, Layer } from "effect"
 *
 * const program = HubAuth.login(Credentials.password("ada", "correct horse battery staple")).pipe(
 *   Effect.provide(HubAuth.layer.pipe(Layer.provide(NodeHubHttp.layer)))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = NodeHttpClient.layerUndici
