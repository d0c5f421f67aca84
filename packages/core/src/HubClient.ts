// HubClient: an HttpClient that carries the session's token to Docker Hub, and to nobody else.
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { AuthenticateError } from "./AuthError.ts"
import * as HubConfig from "./HubConfig.ts"
import * as HubPolicy from "./HubPolicy.ts"
import { HubSession } from "./HubSession.ts"
import * as GuardedTokens from "./internal/guardedTokens.ts"
import * as Holds from "./internal/holds.ts"
import { call } from "./internal/hubCall.ts"
import * as RetryBudget from "./internal/retryBudget.ts"

/**
 * An `HttpClient` that can also fail with what a login can fail with.
 *
 * @since 0.1.0
 * @category models
 */
export type Service = HttpClient.HttpClient.With<HttpClientError.HttpClientError | AuthenticateError>

/**
 * Docker Hub's API, as whoever the session stands for.
 *
 * **Details**
 *
 * - A URL is relative to the Hub's origin. The token goes to that origin only; elsewhere, by an absolute URL or by a
 *   redirect, a request goes without. A request with an `Authorization` of its own is left as it is.
 * - A 401 makes the session get another token, and the request is sent once more, unless its body is a stream: then the
 *   401 is the answer, and the next call has the new token. A new token is spared by 401s for a minute.
 * - 429 with a time, 502, 503, 504 and broken connections are repeated as `HubPolicy` says: GET, HEAD, OPTIONS, PUT and
 *   DELETE always, POST and PATCH after a 429 or when nothing was sent. When repeats end, the last response is handed
 *   out: here, too, a status is no error. `attemptTimeout` runs to the headers; a login and the reading of a body take
 *   their own time.
 * - Responses and errors carry the caller's request, never the one that was sent. Only where a relative URL is answered
 *   by a redirect the URL is made absolute, for `HttpClient.followRedirects` to start from.
 *
 * **Gotchas**
 *
 * `HttpClient.withScope` does not reach the request that is sent. A response is let go when its body has been read, or
 * when the reading is interrupted.
 *
 * @example
 * ```ts
 * import { HubClient } from "@effect-dockerhub/core"
 * import { HttpClientResponse } from "@effect/platform"
 * import { Effect, Schema } from "effect"
 *
 * const User = Schema.Struct({ username: Schema.String })
 *
 * const whoami = Effect.gen(function* () {
 *   const hub = yield* HubClient.HubClient
 *   const response = yield* hub.get("/v2/user/")
 *   return yield* HttpClientResponse.schemaBodyJson(User)(response)
 * })
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export class HubClient extends Context.Tag("@effect-dockerhub/core/HubClient")<HubClient, Service>() {}

/**
 * The client over any HTTP layer, for the Hub the session logs in to. `HubPolicy` (and `HubConfig`, where the session names no Hub) is read here, once; a `HubPolicy` around a call wins for
 * that call.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Service, never, HubSession | HttpClient.HttpClient> = Effect.gen(function* () {
  const client = yield* HttpClient.HttpClient
  const session = yield* HubSession
  // The Hub of the session, whose tokens are for it alone.
  const config = HubConfig.make(session.config ?? (yield* HubConfig.HubConfig))
  const context = yield* Effect.context<HubSession | HttpClient.HttpClient>()
  const policy = HubPolicy.resolve(HubPolicy.standard, context)
  const holds = Holds.make()
  const budget = RetryBudget.make(policy.retryBudget)
  const hub = {
    client,
    config,
    requestInit: Context.getOption(context, FetchHttpClient.RequestInit),
    tokens: GuardedTokens.of(session)
  }
  // After whatever a user's `mapRequest` or `followRedirects` does to a request: where it goes is decided last.
  return HttpClient.makeWith(
    (prepared: Effect.Effect<HttpClientRequest.HttpClientRequest>) =>
      Effect.flatMap(prepared, (request) =>
        Effect.contextWithEffect((caller: Context.Context<never>) =>
          call(hub, request, { policy: HubPolicy.resolve(policy, caller), holds, budget })
        )
      ),
    Effect.succeed
  )
})

/**
 * `make` as a layer.
 *
 * @example
 * ```ts
 * import { Credentials, HubAuth, HubClient, HubSession } from "@effect-dockerhub/core"
 * import { FetchHttpClient } from "@effect/platform"
 * import { Layer } from "effect"
 *
 * const hub = HubClient.layer.pipe(
 *   Layer.provide(HubSession.layer({ credentials: Credentials.personalAccessToken("ada", "dckr_pat_example") })),
 *   Layer.provide(HubAuth.layer),
 *   Layer.provide(FetchHttpClient.layer)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<HubClient, never, HubSession | HttpClient.HttpClient> = Layer.effect(HubClient, make)
