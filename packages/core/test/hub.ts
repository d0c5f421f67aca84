// The Hub that the tests of HubAuth log in to: its people, and HubAuth over the emulator in memory.
import { AuthError, Credentials, HubAuth } from "@effect-dockerhub/core"
import type { AccessToken } from "@effect-dockerhub/core"
import { HubEmulator } from "@effect-dockerhub/core/testing"
import type { Faults } from "@effect-dockerhub/core/testing"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"

export const PASSWORD = "correct horse battery staple"
export const SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
export const PAT = `dckr_pat_${"p".repeat(27)}`
export const OAT = `dckr_oat_${"o".repeat(32)}`

/** No second factor. */
export const ada = Credentials.password("ada", PASSWORD)
/** A second factor, and a personal access token. */
export const grace = Credentials.password("grace", PASSWORD)
export const graceToken = Credentials.personalAccessToken("grace", PAT)
export const acmeToken = Credentials.organizationAccessToken("acme", OAT)

export const world: HubEmulator.Options = {
  accounts: [
    { username: "ada", password: PASSWORD },
    { username: "grace", password: PASSWORD, totpSecret: SEED, personalAccessTokens: [{ token: PAT }] }
  ],
  organizations: [{ name: "acme", accessTokens: [{ token: OAT }] }]
}

/** HubAuth over an emulator of its own, both to be had by the test. */
export const hub = (
  options?: HubEmulator.Options
): Layer.Layer<HubAuth.HubAuth | HubEmulator.HubEmulator | HttpClient.HttpClient> =>
  Layer.provideMerge(HubAuth.layer, HubEmulator.layer({ ...world, ...options }))

/** HubAuth over an HTTP layer made by hand, for what no emulator does. */
export const over = (client: HttpClient.HttpClient): Layer.Layer<HubAuth.HubAuth> =>
  Layer.provide(HubAuth.layer, Layer.succeed(HttpClient.HttpClient, client))

export const operationNames = ["login", "twoFactorLogin", "createAccessToken"] as const
export type OperationName = (typeof operationNames)[number]

/** Each operation, with what it sends that nobody may see. */
export const operations: {
  readonly [Name in OperationName]: Effect.Effect<
    AccessToken.AccessToken,
    AuthError.LoginError | AuthError.TwoFactorLoginError,
    HubAuth.HubAuth
  >
} = {
  login: HubAuth.login(ada),
  twoFactorLogin: HubAuth.twoFactorLogin({
    challenge: AuthError.TwoFactorChallenge.make("a-challenge"),
    code: "123456"
  }),
  createAccessToken: HubAuth.createAccessToken(graceToken)
}

export const enqueue = (fault: Faults.Fault, times: number = 1) =>
  Effect.flatMap(HubEmulator.HubEmulator, (emulator) => emulator.enqueue(fault, { times }))

export const requests = Effect.flatMap(HubEmulator.HubEmulator, (emulator) => emulator.requests)

/** How many requests the server has seen. */
export const requestCount = Effect.map(requests, (seen) => seen.length)

/** Let time pass until an effect is done, and tell when that was, in milliseconds on the test's clock. */
export const timed = <A, E, R>(effect: Effect.Effect<A, E, R>, longest: Duration.DurationInput = "10 minutes") =>
  Effect.gen(function* () {
    const start = yield* TestClock.currentTimeMillis
    const fiber = yield* Effect.fork(Effect.zip(Effect.either(effect), TestClock.currentTimeMillis))
    yield* TestClock.adjust(longest)
    const done = yield* Fiber.poll(fiber)
    if (Option.isNone(done)) return yield* Effect.dieMessage("not done in the time allowed")
    const [result, end] = yield* done.value
    return { result, millis: end - start }
  })
