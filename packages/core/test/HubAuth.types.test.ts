import { describe, expectTypeOf, it } from "@effect/vitest"
import { Credentials, HubAuth } from "@effect-dockerhub/core"
import type { AccessToken, AuthError } from "@effect-dockerhub/core"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"

const login = HubAuth.login(Credentials.password("ada", "a password"))
const ignore = () => Effect.void

const handlers = {
  InvalidCredentials: ignore,
  TwoFactorRequired: ignore,
  RateLimited: ignore,
  AccessDenied: ignore,
  EdgeBlocked: ignore,
  ServiceUnavailable: ignore,
  TransportFailure: ignore,
  RequestTimedOut: ignore,
  UnexpectedResponse: ignore
}

type ErrorOf<T> = T extends Effect.Effect<infer _A, infer E, infer _R> ? E : never

describe("the compiler", () => {
  it("sees that nothing is left when every error of login is handled", () => {
    const program = Effect.catchTags(login, handlers)
    expectTypeOf<ErrorOf<typeof program>>().toEqualTypeOf<never>()
  })

  it("refuses a program that forgets one", () => {
    const { TwoFactorRequired: _, ...forgetful } = handlers
    const program = Effect.catchTags(login, forgetful)
    expectTypeOf<ErrorOf<typeof program>>().toEqualTypeOf<AuthError.TwoFactorRequired>()
    const runs = (effect: Effect.Effect<unknown, never, HubAuth.HubAuth>) => effect
    // @ts-expect-error TwoFactorRequired is not handled
    runs(program)
  })

  it("refuses a handler for an error that cannot happen", () => {
    // @ts-expect-error login never fails with InvalidTwoFactorCode
    Effect.catchTags(login, { ...handlers, InvalidTwoFactorCode: ignore })
  })

  it("knows exactly what each operation fails with and needs", () => {
    expectTypeOf(login).toEqualTypeOf<Effect.Effect<AccessToken.AccessToken, AuthError.LoginError, HubAuth.HubAuth>>()
    expectTypeOf<AuthError.TwoFactorLoginError["_tag"]>().toEqualTypeOf<
      | "InvalidTwoFactorCode"
      | "RateLimited"
      | "AccessDenied"
      | "EdgeBlocked"
      | "ServiceUnavailable"
      | "TransportFailure"
      | "RequestTimedOut"
      | "UnexpectedResponse"
    >()
    expectTypeOf<Exclude<AuthError.AuthenticateError, AuthError.LoginError>["_tag"]>().toEqualTypeOf<
      "InvalidTwoFactorCode" | "SecondFactorUnavailable"
    >()
    expectTypeOf(HubAuth.layer).toEqualTypeOf<Layer.Layer<HubAuth.HubAuth, never, HttpClient.HttpClient>>()
  })

  it("refuses an organization's token at login", () => {
    // @ts-expect-error /v2/users/login takes no organization access token
    HubAuth.login(Credentials.organizationAccessToken("acme", "dckr_oat_x"))
  })
})
