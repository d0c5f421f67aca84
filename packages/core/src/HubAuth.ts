// HubAuth: logging in to Docker Hub, with and without a second factor, as typed Effect programs.
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { AccessToken } from "./AccessToken.ts"
import type {
  AuthenticateError,
  AuthError,
  CreateAccessTokenError,
  ExchangeError,
  LoginError,
  TwoFactorChallenge,
  TwoFactorLoginError
} from "./AuthError.ts"
import { InvalidTwoFactorCode } from "./AuthError.ts"
import type { Credentials, Password, PersonalAccessToken } from "./Credentials.ts"
import * as HubConfig from "./HubConfig.ts"
import * as HubPolicy from "./HubPolicy.ts"
import { authenticateWith } from "./internal/authenticate.ts"
import type { Request } from "./internal/classify.ts"
import { classify } from "./internal/classify.ts"
import * as Holds from "./internal/holds.ts"
import { countLogin } from "./internal/metrics.ts"
import * as Operation from "./internal/operation.ts"
import { patiently } from "./internal/retry.ts"
import * as RetryBudget from "./internal/retryBudget.ts"
import { exchange, withoutRedirects } from "./internal/transport.ts"
import { typedCode } from "./internal/typedCode.ts"
import { AccessTokenRequest, LoginRequest, TwoFactorLoginRequest } from "./internal/wire.ts"
import * as SecondFactor from "./SecondFactor.ts"

/**
 * What Docker Hub's authentication offers. Every operation is one span of its own name, retries and times out by
 * `HubPolicy`, and can be interrupted at any moment.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * `PostUsersLogin`: a bearer for a password or a personal access token. Fails with `TwoFactorRequired` when the
   * account asks for a code, with `InvalidCredentials` when it refuses.
   */
  readonly login: (credentials: Password | PersonalAccessToken) => Effect.Effect<AccessToken, LoginError>
  /**
   * `PostUsers2FALogin`: a bearer for the challenge of a `TwoFactorRequired` and a code. A request that may have
   * reached the server is never repeated: the code may be spent. Fails with `InvalidTwoFactorCode` when the code is
   * refused or its challenge has expired, and without a request when it is blank.
   */
  readonly twoFactorLogin: (input: TwoFactorLogin) => Effect.Effect<AccessToken, TwoFactorLoginError>
  /**
   * `AuthCreateAccessToken`: a bearer for any kind of credentials, valid for ten minutes. What it answers to the
   * password of an account with a second factor is not documented.
   */
  readonly createAccessToken: (credentials: Credentials) => Effect.Effect<AccessToken, CreateAccessTokenError>
  /**
   * A bearer by the endpoint that fits the credentials: access tokens by `createAccessToken`, a password by `login`
   * and, where a code is asked for, by `SecondFactor` and `twoFactorLogin`: up to three codes of a person, two of a
   * TOTP seed and one more where an answer was lost. The deadline covers each request, never the time a person or a TOTP period takes.
   */
  readonly authenticate: (credentials: Credentials) => Effect.Effect<AccessToken, AuthenticateError>
  /** What it was built with, for what is built upon it. A service of your own may leave it out. */
  readonly builtWith?: { readonly config: HubConfig.Service; readonly secondFactor: SecondFactor.Service }
}

/**
 * What `twoFactorLogin` takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface TwoFactorLogin {
  readonly challenge: TwoFactorChallenge
  /** As a person may type it: white space is removed. */
  readonly code: string | Redacted.Redacted<string>
}

/**
 * The service that logs in to Docker Hub.
 *
 * @example
 * ```ts
 * import { Credentials, HubAuth } from "@effect-dockerhub/core"
 * import { FetchHttpClient } from "@effect/platform"
 * import { Effect, Layer } from "effect"
 *
 * const program = HubAuth.login(Credentials.password("ada", "correct horse battery staple")).pipe(
 *   Effect.provide(HubAuth.layer.pipe(Layer.provide(FetchHttpClient.layer)))
 * )
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export class HubAuth extends Context.Tag("@effect-dockerhub/core/HubAuth")<HubAuth, Service>() {}

/**
 * The service over any HTTP layer. `HubConfig`, `HubPolicy` and `SecondFactor` are read here, once; a `HubPolicy` or
 * `SecondFactor` around a call wins for that call.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Service, never, HttpClient.HttpClient> = Effect.gen(function* () {
  const client = yield* HttpClient.HttpClient
  // Checked again and copied: a service of the caller's own, or a URL that changes, must not lead the password elsewhere.
  const config = HubConfig.make(yield* HubConfig.HubConfig)
  const { origin } = config.baseUrl
  const secondFactor = yield* SecondFactor.SecondFactor
  const context = yield* Effect.context<HttpClient.HttpClient>()
  const requestInit = Context.getOption(context, FetchHttpClient.RequestInit)
  const policy = HubPolicy.resolve(HubPolicy.standard, context)
  const holds = Holds.make()
  const budget = RetryBudget.make(policy.retryBudget)

  const accountOf = (kind: Credentials["_tag"], identifier: string) =>
    Option.some(`${origin} ${kind} ${identifier.trim().toLowerCase()}`)

  const send = <E extends AuthError>(
    request: Request<E>,
    body: unknown
  ): Effect.Effect<AccessToken, E | ExchangeError> =>
    Effect.contextWithEffect((caller: Context.Context<never>) =>
      patiently(
        {
          attempt: ({ limit }) =>
            withoutRedirects(
              exchange(client, post(config, new URL(request.operation.path, origin), body)),
              requestInit
            ).pipe(
              limit,
              Effect.flatMap((answer) => classify(answer, request, config))
            ),
          errorOf: (error: E | ExchangeError) => Option.some(error),
          repeatable: () => request.operation.repeatable,
          discard: () => Effect.void,
          account: request.account,
          onAttempt: (attempts) => Effect.annotateCurrentSpan("dockerhub.attempts", attempts)
        },
        { policy: HubPolicy.resolve(policy, caller), holds, budget }
      )
    ).pipe(
      Effect.tapBoth({
        onSuccess: () => countLogin(request.operation.name, "AccessToken"),
        onFailure: (error) => countLogin(request.operation.name, error._tag)
      })
    )

  const login = Effect.fn("HubAuth.login")(function* (credentials: Password | PersonalAccessToken) {
    const secret = secretOf(credentials)
    const account = accountOf(credentials._tag, credentials.username)
    return yield* send(
      { operation: Operation.login, account, secrets: [secret] },
      Schema.encodeSync(LoginRequest)({ username: credentials.username, password: secret })
    )
  })

  const twoFactorLogin = Effect.fn("HubAuth.twoFactorLogin")(function* ({ challenge, code }: TwoFactorLogin) {
    const typed = typedCode(code)
    if (Redacted.value(typed) === "") {
      return yield* new InvalidTwoFactorCode({ detail: "the code was blank, and nothing was sent" })
    }
    return yield* send(
      { operation: Operation.twoFactorLogin, account: challenge.account, secrets: [challenge.value, typed] },
      Schema.encodeSync(TwoFactorLoginRequest)({ login_2fa_token: challenge.value, code: typed })
    )
  })

  const createAccessToken = Effect.fn("HubAuth.createAccessToken")(function* (credentials: Credentials) {
    const secret = secretOf(credentials)
    const identifier = credentials._tag === "OrganizationAccessToken" ? credentials.organization : credentials.username
    return yield* send(
      { operation: Operation.createAccessToken, account: accountOf(credentials._tag, identifier), secrets: [secret] },
      Schema.encodeSync(AccessTokenRequest)({ identifier, secret })
    )
  })

  const authenticate = Effect.fn("HubAuth.authenticate")(function* (credentials: Credentials) {
    if (credentials._tag !== "Password") return yield* createAccessToken(credentials)
    const caller = yield* Effect.context<never>()
    const chosen = SecondFactor.resolve(secondFactor, caller)
    return yield* authenticateWith({ login: login(credentials), twoFactorLogin, secondFactor: chosen })
  })

  return HubAuth.of({ login, twoFactorLogin, createAccessToken, authenticate, builtWith: { config, secondFactor } })
})

/**
 * `make` as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<HubAuth, never, HttpClient.HttpClient> = Layer.effect(HubAuth, make)

/**
 * `Service.login` of the service in context.
 *
 * @since 0.1.0
 * @category accessors
 */
export const login = (credentials: Password | PersonalAccessToken): Effect.Effect<AccessToken, LoginError, HubAuth> =>
  Effect.flatMap(HubAuth, (auth) => auth.login(credentials))

/**
 * `Service.twoFactorLogin` of the service in context.
 *
 * @since 0.1.0
 * @category accessors
 */
export const twoFactorLogin = (input: TwoFactorLogin): Effect.Effect<AccessToken, TwoFactorLoginError, HubAuth> =>
  Effect.flatMap(HubAuth, (auth) => auth.twoFactorLogin(input))

/**
 * `Service.createAccessToken` of the service in context.
 *
 * @since 0.1.0
 * @category accessors
 */
export const createAccessToken = (
  credentials: Credentials
): Effect.Effect<AccessToken, CreateAccessTokenError, HubAuth> =>
  Effect.flatMap(HubAuth, (auth) => auth.createAccessToken(credentials))

/**
 * `Service.authenticate` of the service in context.
 *
 * @since 0.1.0
 * @category accessors
 */
export const authenticate = (credentials: Credentials): Effect.Effect<AccessToken, AuthenticateError, HubAuth> =>
  Effect.flatMap(HubAuth, (auth) => auth.authenticate(credentials))

const secretOf = (credentials: Credentials): Redacted.Redacted<string> =>
  credentials._tag === "Password" ? credentials.password : credentials.token

const post = (config: HubConfig.Service, url: URL, body: unknown): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.post(url).pipe(
    HttpClientRequest.setHeader("user-agent", config.userAgent),
    HttpClientRequest.acceptJson,
    HttpClientRequest.setBody(HttpBody.unsafeJson(body))
  )
