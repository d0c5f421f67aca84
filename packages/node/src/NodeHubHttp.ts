// NodeHubHttp: the HTTP layer for Node, over undici: proxies, certificates, connections and time limits.
import type * as HttpClient from "@effect/platform/HttpClient"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import type * as ConfigError from "effect/ConfigError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import { settingsFromConfig } from "./internal/httpConfig.ts"
import { checkSettings } from "./internal/httpSettings.ts"
import type { HttpSettings, Names } from "./internal/httpSettings.ts"
import { HubDispatcher } from "./internal/hubDispatcher.ts"

/**
 * What `layerWith` takes; every field has a default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The proxy for `https:` URLs, which are tunnelled through it: an http or https URL, with a user name and a password
   * where it asks for them. Redacted where it holds a password. Default: none.
   */
  readonly httpsProxy?: string | Redacted.Redacted<string> | undefined
  /** The proxy for `http:` URLs, likewise; it sees the whole request. Default: none. */
  readonly httpProxy?: string | Redacted.Redacted<string> | undefined
  /**
   * What is reached without a proxy: a name and all below it (`example.com`), an address (`10.0.0.1`, `::1`), a block
   * (`10.0.0.0/8`), each with a `:port` or without, or `*`. Default: this machine, `["localhost", "127.0.0.0/8", "::1"]`.
   */
  readonly noProxy?: ReadonlyArray<string> | undefined
  /** Certificates in PEM form, trusted in addition to those that Node trusts. Default: none. */
  readonly ca?: string | undefined
  /** What a server that asks for a client certificate is shown; a proxy never is. Default: none. */
  readonly clientCertificate?: ClientCertificate | undefined
  /** The most connections to one server at a time; further requests wait for their turn. Default: no limit. */
  readonly maxConnections?: number | undefined
  /**
   * How long a connection without a request is kept for the next one, unless the server says less. Zero closes each after
   * its answer. Default: 4 seconds, or what the server says, up to 10 minutes.
   */
  readonly keepAlive?: Duration.DurationInput | undefined
  /**
   * The longest until a connection is there: the name, the proxy and TLS included. undici keeps this limit and the next
   * two to about a second. Default: 10 seconds.
   */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /**
   * The longest from the end of a request to the end of the answer's headers. Default: an hour, since `HubPolicy` limits
   * each attempt of a login anyway.
   */
  readonly headersTimeout?: Duration.DurationInput | undefined
  /** The longest between two pieces of an answer's body. Default: no limit. */
  readonly bodyTimeout?: Duration.DurationInput | undefined
}

/**
 * A client certificate and its key, in PEM form.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientCertificate {
  /** The certificate, then those that issued it, where the server does not know them. */
  readonly certificate: string
  /** Its private key. */
  readonly key: string | Redacted.Redacted<string>
  /** What the key is encrypted with. Default: nothing. */
  readonly passphrase?: string | Redacted.Redacted<string> | undefined
}

/**
 * An `HttpClient` over undici, with a connection pool of its own that closes with the layer. It never follows a
 * redirect, and uses no proxy. Of Node's HTTP layers it costs the least per request.
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

/**
 * `layer` with options. Throws a `TypeError` that says which option cannot be, and why.
 *
 * **Details**
 *
 * A proxy that refuses is a `TransportFailure` with the reason `Proxy`, one that cannot be reached `Connect`; in both
 * cases nothing was sent. A certificate that is not trusted is `Tls`.
 *
 * @example
 * ```ts
 * import { NodeHubHttp } from "@effect-dockerhub/node"
 * import { Redacted } from "effect"
 *
 * const Http = NodeHubHttp.layerWith({
 *   httpsProxy: Redacted.make("http://ada:secret@proxy.example:3128"),
 *   connectTimeout: "3 seconds",
 *   maxConnections: 8
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = ({ clientCertificate, ...options }: Options): Layer.Layer<HttpClient.HttpClient> => {
  const checked = checkSettings({ ...options, ...clientCertificate }, inCode)
  return fromSettings(Either.getOrThrowWith(checked, ({ sentence }) => new TypeError(sentence)))
}

/**
 * `layer` with the options that the environment gives. An empty variable counts as missing; so does an upper-case one
 * where the lower-case one is set. Fails with a `ConfigError` that names the variable, the file it names, and what to do.
 *
 * **Details**
 *
 * | variable | option |
 * |---|---|
 * | `https_proxy`, `HTTPS_PROXY` | `httpsProxy` |
 * | `http_proxy`, `HTTP_PROXY` | `httpProxy` |
 * | `no_proxy`, `NO_PROXY` | `noProxy`, separated by commas or spaces; this machine is always among them |
 * | `DOCKERHUB_CA_FILE` | `ca` |
 * | `DOCKERHUB_CLIENT_CERT_FILE`, `DOCKERHUB_CLIENT_KEY_FILE`, `DOCKERHUB_CLIENT_KEY_PASSPHRASE` | `clientCertificate` |
 * | `DOCKERHUB_MAX_CONNECTIONS` | `maxConnections` |
 * | `DOCKERHUB_KEEP_ALIVE` | `keepAlive`, such as `10 seconds` |
 * | `DOCKERHUB_CONNECT_TIMEOUT`, `DOCKERHUB_HEADERS_TIMEOUT`, `DOCKERHUB_BODY_TIMEOUT` | the time limits, likewise |
 *
 * **Gotchas**
 *
 * As with curl and Docker, `HTTP_PROXY` alone is no proxy for `https:` URLs.
 *
 * @example
 * ```ts
 * import { HubAuth } from "@effect-dockerhub/core"
 * import { NodeHubHttp } from "@effect-dockerhub/node"
 * import { Layer } from "effect"
 *
 * const Hub = HubAuth.layer.pipe(Layer.provide(NodeHubHttp.layerConfig))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError> = Layer.unwrapEffect(
  Effect.map(settingsFromConfig, (settings) => fromSettings(settings))
)

function fromSettings(settings: HttpSettings): Layer.Layer<HttpClient.HttpClient> {
  const dispatcher = Effect.acquireRelease(
    Effect.sync(() => new HubDispatcher(settings)),
    (made) => Effect.promise(() => made.destroy())
  )
  return Layer.provide(NodeHttpClient.layerUndiciWithoutDispatcher, Layer.scoped(NodeHttpClient.Dispatcher, dispatcher))
}

const inCode: Names = {
  httpProxy: "httpProxy",
  httpsProxy: "httpsProxy",
  noProxy: "noProxy",
  ca: "ca",
  certificate: "clientCertificate.certificate",
  key: "clientCertificate.key",
  passphrase: "clientCertificate.passphrase",
  maxConnections: "maxConnections",
  keepAlive: "keepAlive",
  connectTimeout: "connectTimeout",
  headersTimeout: "headersTimeout",
  bodyTimeout: "bodyTimeout"
}
