import { assert, describe, it } from "@effect/vitest"
import {
  AccessToken,
  AuthError,
  Credentials,
  HubAuth,
  HubConfig,
  HubPolicy,
  SecondFactor
} from "@effect-dockerhub/core"
import { Faults, HubEmulator } from "@effect-dockerhub/core/testing"
import { HubEmulatorServer, NodeHubHttp } from "@effect-dockerhub/node"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import type { ServeError } from "@effect/platform/HttpServerError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"

const PASSWORD = "correct horse battery staple"
const SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
const PAT = `dckr_pat_${"p".repeat(27)}`
const ada = Credentials.password("ada", PASSWORD)
const grace = Credentials.password("grace", PASSWORD)

const world: HubEmulator.Options = {
  accounts: [
    { username: "ada", password: PASSWORD },
    { username: "grace", password: PASSWORD, totpSecret: SEED, personalAccessTokens: [{ token: PAT }] }
  ]
}

type Case = readonly [
  what: string,
  tag: AuthError.AuthError["_tag"],
  arrange: Effect.Effect<void, never, HubEmulator.HubEmulator>,
  act: Effect.Effect<AccessToken.AccessToken, AuthError.AuthenticateError, HubAuth.HubAuth>
]

type Hub = Layer.Layer<HubAuth.HubAuth | HubEmulator.HubEmulator, ServeError>

const onSocket = (http: Layer.Layer<HttpClient.HttpClient>): Hub => {
  const config = Layer.unwrapEffect(
    Effect.map(HubEmulatorServer.HubEmulatorServer, ({ url }) => HubConfig.layer({ baseUrl: url }))
  )
  return HubAuth.layer.pipe(Layer.provide([config, http]), Layer.provideMerge(HubEmulatorServer.layer(world)))
}

const inMemory: Hub = HubAuth.layer.pipe(Layer.provideMerge(HubEmulator.layer(world)))

const layers: ReadonlyArray<readonly [string, Hub]> = [
  ["in memory", inMemory],
  ["undici", onSocket(NodeHubHttp.layer)],
  ["node:http", onSocket(NodeHttpClient.layer)],
  ["fetch", onSocket(FetchHttpClient.layer)]
]

const withTotp = Effect.provideServiceEffect(
  SecondFactor.SecondFactor,
  Effect.sync(() => SecondFactor.totp(SEED))
)
const once = HubPolicy.with({ maxRetries: 0 })
const quickly = HubPolicy.with({ backoff: { base: "1 millis" } })
const requests = Effect.flatMap(HubEmulator.HubEmulator, (emulator) => emulator.requests)
const enqueue = (fault: Faults.Fault, times = 1) =>
  Effect.flatMap(HubEmulator.HubEmulator, (emulator) => emulator.enqueue(fault, { times }))

/** Until the server has seen so many requests: what a client has sent may still be on its way. */
const arrived = (count: number) =>
  Effect.repeat(requests, { until: (seen) => seen.length >= count, schedule: Schedule.spaced("5 millis") })

// What a program may rely on, whatever carries its requests: one suite, four layers, the real clock.
describe.each(layers)("%s", (_, hub) => {
  it.live("logs in with a password, with a second factor, with an access token", () =>
    Effect.gen(function* () {
      const tokens = [
        yield* HubAuth.login(ada),
        yield* withTotp(HubAuth.authenticate(grace)),
        yield* HubAuth.authenticate(Credentials.personalAccessToken("grace", PAT))
      ]
      for (const token of tokens) {
        const left = Option.getOrThrow(yield* AccessToken.timeToLive(token))
        assert.closeTo(Duration.toSeconds(left), 600, 3)
      }
      assert.deepStrictEqual(
        (yield* requests).map(({ route }) => route),
        ["login", "login", "twoFactorLogin", "createAccessToken"]
      )
    }).pipe(Effect.provide(hub))
  )

  it.live("sends our user agent and JSON, and nothing of the trace", () =>
    Effect.gen(function* () {
      yield* HubAuth.login(ada)
      const [seen] = yield* requests
      assert.match(seen?.headers["user-agent"] ?? "", /^effect-dockerhub\//)
      assert.strictEqual(seen?.headers["content-type"], "application/json")
      for (const name of ["authorization", "traceparent", "b3"]) assert.notProperty(seen?.headers, name)
    }).pipe(Effect.withSpan("the caller's"), Effect.provide(hub))
  )

  it.live.each<Case>([
    ["a wrong password", "InvalidCredentials", Effect.void, HubAuth.login(Credentials.password("ada", "wrong"))],
    ["a challenge", "TwoFactorRequired", Effect.void, HubAuth.login(grace)],
    [
      "a wrong code",
      "InvalidTwoFactorCode",
      Effect.void,
      HubAuth.twoFactorLogin({ challenge: AuthError.TwoFactorChallenge.make("x"), code: "1" })
    ],
    ["a limit", "RateLimited", enqueue(Faults.rateLimited()), HubAuth.login(ada)],
    ["HAProxy's limit", "RateLimited", enqueue(Faults.hap429), HubAuth.login(ada)],
    ["a denial", "AccessDenied", enqueue(Faults.status(403)), HubAuth.login(ada)],
    ["a challenge page", "EdgeBlocked", enqueue(Faults.challengePage()), HubAuth.login(ada)],
    ["error code: 1010", "EdgeBlocked", enqueue(Faults.errorCode1010), HubAuth.login(ada)],
    ["an outage", "ServiceUnavailable", enqueue(Faults.status(503)), HubAuth.login(ada)],
    ["a reset before the body", "TransportFailure", enqueue(Faults.resetBeforeBody), HubAuth.login(ada)],
    ["a reset after the body", "TransportFailure", enqueue(Faults.resetAfterBody()), HubAuth.login(ada)],
    ["a body that ends early", "TransportFailure", enqueue(Faults.truncatedBody()), HubAuth.login(ada)],
    ["a body over 1 MiB", "UnexpectedResponse", enqueue(Faults.oversizedBody(3_000_000)), HubAuth.login(ada)],
    ["a redirect", "UnexpectedResponse", enqueue(Faults.redirect("https://127.0.0.1:9/", 307)), HubAuth.login(ada)]
  ])("%s is %s", ([, tag, arrange, act]) =>
    Effect.gen(function* () {
      yield* arrange
      const error = yield* Effect.flip(act)
      assert.strictEqual(error._tag, tag)
      if (error._tag === "TransportFailure") assert.deepInclude(error, { reason: "Reset", sent: true })
      assert.strictEqual((yield* requests).length, 1)
    }).pipe(once, Effect.provide(hub))
  )

  it.live("repeats a login whose connection broke, never a code that may have arrived", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.resetAfterBody(), 2)
      yield* HubAuth.login(ada)
      assert.strictEqual((yield* requests).length, 3)
      const required = yield* Effect.flip(HubAuth.login(grace))
      if (required._tag !== "TwoFactorRequired") return assert.fail(required._tag)
      yield* enqueue(Faults.resetAfterBody())
      yield* Effect.flip(HubAuth.twoFactorLogin({ challenge: required.challenge, code: "123456" }))
      assert.strictEqual((yield* requests).filter(({ route }) => route === "twoFactorLogin").length, 1)
    }).pipe(quickly, Effect.provide(hub))
  )

  it.live("gives up on a server that never answers, at the time limit", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.never)
      const [took, error] = yield* Effect.timed(Effect.flip(HubAuth.login(ada)))
      assert.deepInclude(error, { _tag: "RequestTimedOut", scope: "attempt" })
      assert.isBelow(Duration.toMillis(took), 1000)
    }).pipe(HubPolicy.with({ maxRetries: 0, attemptTimeout: "50 millis" }), Effect.provide(hub))
  )

  it.live("ends at once when interrupted in the middle of a request", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.never)
      const fiber = yield* Effect.fork(HubAuth.login(ada))
      yield* arrived(1)
      const [took] = yield* Effect.timed(Fiber.interrupt(fiber))
      assert.isBelow(Duration.toMillis(took), 500)
    }).pipe(Effect.provide(hub))
  )
})

describe("no server at all", () => {
  it.live.each([
    ["undici", NodeHubHttp.layer],
    ["node:http", NodeHttpClient.layer],
    ["fetch", FetchHttpClient.layer]
  ] as const)("is a connection that was never made, on %s", ([, http]) =>
    Effect.gen(function* () {
      // A port that was free a moment ago.
      const { url } = yield* Effect.provide(HubEmulatorServer.HubEmulatorServer, HubEmulatorServer.layer())
      const layer = Layer.provide(HubAuth.layer, [http, HubConfig.layer({ baseUrl: url })])
      const error = yield* Effect.flip(Effect.provide(HubAuth.login(ada), layer))
      assert.deepInclude(error, { _tag: "TransportFailure", reason: "Connect", sent: false })
    }).pipe(quickly)
  )
})
