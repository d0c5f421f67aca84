// HubConfig: which Docker Hub we talk to, how we introduce ourselves, and whose tokens we accept.
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"

/**
 * A checked configuration, as `make` returns it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** The Hub's origin: https, or http on loopback. Default `https://hub.docker.com`. */
  readonly baseUrl: URL
  /** The `User-Agent` of every request. Docker's edge blocks clients without one (docker/hub-feedback#2502). */
  readonly userAgent: string
  /** Issuers (`iss`) whose tokens are Hub's. Default: `api.docker.com` and `login.docker.com`, as Docker's own client. */
  readonly trustedIssuers: ReadonlyArray<string>
  /** `strict` also refuses a token without `iss`, `aud` or `exp`. Default `lenient`. */
  readonly tokenValidation: "lenient" | "strict"
}

/**
 * What `make` takes; every field has a default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly baseUrl?: string | URL
  readonly userAgent?: string
  readonly trustedIssuers?: ReadonlyArray<string>
  readonly tokenValidation?: "lenient" | "strict"
}

/**
 * The configuration in use, `https://hub.docker.com` unless another is provided. `HubAuth` reads it once, when it is
 * built: a base URL that changed from call to call would send secrets elsewhere.
 *
 * @since 0.1.0
 * @category references
 */
export class HubConfig extends Context.Reference<HubConfig>()("@effect-dockerhub/core/HubConfig", {
  defaultValue: (): Service => make({})
}) {}

/**
 * A configuration. Throws a `TypeError` that says what is wrong: a base URL that is not an origin or would send secrets
 * in clear, a user agent that no header can hold.
 *
 * @example
 * ```ts
 * import { HubConfig } from "@effect-dockerhub/core"
 *
 * const config = HubConfig.make({ baseUrl: "http://127.0.0.1:8080" })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Service =>
  Either.getOrThrowWith(check(options, "baseUrl"), (reason) => new TypeError(reason))

/**
 * `make` as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<HubConfig> => Layer.succeed(HubConfig, make(options))

/**
 * The base URL from `DOCKERHUB_URL` (empty counts as missing), the rest by default. Fails with a `ConfigError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<HubConfig, ConfigError.ConfigError> = Layer.effect(
  HubConfig,
  Config.string("DOCKERHUB_URL").pipe(
    Config.withDefault(""),
    Config.mapOrFail((url) =>
      Either.mapLeft(check(url === "" ? {} : { baseUrl: url }, "DOCKERHUB_URL"), (reason) =>
        ConfigError.InvalidData(["DOCKERHUB_URL"], reason)
      )
    )
  )
)

/** `name` is what the user knows the base URL by. */
const check = (options: Options, name: string): Either.Either<Service, string> =>
  Either.gen(function* () {
    const baseUrl = yield* checkBaseUrl(options.baseUrl ?? "https://hub.docker.com", name)
    const userAgent = yield* checkUserAgent(options.userAgent ?? "effect-dockerhub/0.1.0")
    return {
      baseUrl,
      userAgent,
      // A copy: whose tokens are trusted must not change after it was checked.
      trustedIssuers: [...(options.trustedIssuers ?? ["https://api.docker.com/", "https://login.docker.com/"])],
      tokenValidation: options.tokenValidation ?? "lenient"
    }
  })

// None of these sentences repeats the URL: what is wrong with it may be the password in it.
const checkBaseUrl = (input: string | URL, name: string): Either.Either<URL, string> => {
  if (!URL.canParse(String(input))) return Either.left(`${name} must be a URL, such as https://hub.docker.com`)
  const url = new URL(String(input))
  if (url.username !== "" || url.password !== "") {
    return Either.left(`${name} must not hold a user name or password: give them as Credentials`)
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return Either.left(`${name} must be an https URL`)
  if (url.protocol === "http:" && !isLoopback(url.hostname)) {
    return Either.left(
      `${name} must be https: plain http is for loopback only, it would show the password to the network`
    )
  }
  return url.href === `${url.origin}/`
    ? Either.right(url)
    : Either.left(`${name} must be an origin, without path, query or fragment, such as https://hub.docker.com`)
}

const isLoopback = (hostname: string): boolean =>
  hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname)

const checkUserAgent = (userAgent: string): Either.Either<string, string> =>
  /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(userAgent)
    ? Either.right(userAgent)
    : Either.left("userAgent must be printable ASCII, not empty and without a space at either end")
