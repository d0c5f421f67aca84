import { assert, describe, it } from "@effect/vitest"
import { HubAuth, HubConfig, HubPolicy, SecondFactor } from "@effect-dockerhub/core"
import { Faults, HubEmulator } from "@effect-dockerhub/core/testing"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { ada, enqueue, grace, hub, requestCount, SEED, timed } from "./hub.ts"

const captured = HubPolicy.layer({ maxRetries: 1, maxRetryAfter: "1 seconds" })
const captive = Layer.provide(hub({ rateLimit: false }), captured)

/** How many requests a login in an outage makes. */
const attempts = Effect.gen(function* () {
  yield* enqueue(Faults.status(503), Number.POSITIVE_INFINITY)
  yield* timed(HubAuth.login(ada))
  return yield* requestCount
})

describe("HubPolicy", () => {
  it.effect("provided below the layer is captured", () =>
    Effect.map(Effect.provide(attempts, captive), (count) => assert.strictEqual(count, 2))
  )

  it.effect("provided around a call wins", () =>
    attempts.pipe(
      Effect.provideService(HubPolicy.HubPolicy, HubPolicy.make({ maxRetries: 4 })),
      Effect.provide(captive),
      Effect.map((count) => assert.strictEqual(count, 5))
    )
  )

  it.effect("provided as a layer around a call wins as well", () =>
    attempts.pipe(
      Effect.provide(HubPolicy.layer({ maxRetries: 4 })),
      Effect.provide(captive),
      Effect.map((count) => assert.strictEqual(count, 5))
    )
  )

  it.effect("changed by `with` keeps the rest of the captured one", () =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.HubEmulator
      assert.strictEqual(yield* HubPolicy.with(attempts, { maxRetries: 3 }), 4)
      yield* emulator.clearFaults
      yield* emulator.clearRequests
      yield* emulator.enqueue(Faults.rateLimited({ after: "2 seconds" }))
      const { millis, result } = yield* HubPolicy.with(timed(HubAuth.login(ada)), { maxRetries: 3 })
      assert.strictEqual(millis, 0)
      assert.isTrue(Either.isLeft(result))
    }).pipe(Effect.provide(captive))
  )

  it.effect("changed by `with` around the building of the layer is captured", () =>
    attempts.pipe(
      Effect.provide(Layer.fresh(hub({ rateLimit: false }))),
      HubPolicy.with({ maxRetries: 3 }),
      Effect.map((count) => assert.strictEqual(count, 4))
    )
  )

  it.effect("nearest to the call wins over a `with` further out", () =>
    attempts.pipe(
      Effect.provideService(HubPolicy.HubPolicy, HubPolicy.make({ maxRetries: 4 })),
      HubPolicy.with({ maxRetries: 0 }),
      Effect.provide(captive),
      Effect.map((count) => assert.strictEqual(count, 5))
    )
  )

  it.effect("that cannot be, once `with` meets the captured one, is a bug with a sentence", () =>
    Effect.gen(function* () {
      const cause = yield* Effect.sandbox(HubPolicy.with(HubAuth.login(ada), { deadline: "1 seconds" })).pipe(
        Effect.flip
      )
      assert.isTrue(Cause.isDie(cause))
      assert.include(Cause.pretty(cause), "deadline (1s) must not be shorter than attemptTimeout (10s)")
    }).pipe(Effect.provide(captive))
  )
})

describe("SecondFactor", () => {
  const login = Effect.either(HubAuth.authenticate(grace))
  const totp = () => SecondFactor.layer(SecondFactor.totp(SEED))

  it.effect("provided below the layer is captured", () =>
    login.pipe(
      Effect.provide(Layer.provide(hub(), totp())),
      Effect.map((result) => assert.isTrue(Either.isRight(result)))
    )
  )

  it.effect("provided around a call wins", () =>
    Effect.gen(function* () {
      assert.isTrue(Either.isLeft(yield* Effect.provideService(login, SecondFactor.SecondFactor, SecondFactor.none)))
      assert.isTrue(Either.isRight(yield* login))
    }).pipe(Effect.provide(Layer.provide(hub(), totp())))
  )

  it.effect("is none where nobody provides one", () =>
    login.pipe(
      Effect.provide(hub()),
      Effect.map((result) => assert.isTrue(Either.isLeft(result)))
    )
  )
})

describe("HubConfig", () => {
  it.effect("around a call changes nothing: a secret goes nowhere but to the Hub HubAuth was built for", () =>
    Effect.gen(function* () {
      const fetched: Array<string> = []
      const fetch: typeof globalThis.fetch = (url, init) => {
        fetched.push(`${String(url)} ${init?.redirect}`)
        return Promise.resolve(Response.json({ token: "abc" }))
      }
      const layer = HubAuth.layer.pipe(
        Layer.provide(FetchHttpClient.layer),
        Layer.provide(Layer.succeed(FetchHttpClient.Fetch, fetch)),
        Layer.provide(HubConfig.layer({ baseUrl: "http://localhost:8080" }))
      )
      yield* HubAuth.login(ada).pipe(
        Effect.provideService(HubConfig.HubConfig, HubConfig.make({ baseUrl: "https://evil.example" })),
        Effect.provide(layer)
      )
      assert.deepStrictEqual(fetched, ["http://localhost:8080/v2/users/login manual"])
    })
  )
})

describe("a HubConfig of one's own", () => {
  it.effect("that would show the password to the network is a bug with a sentence, before anything is sent", () =>
    Effect.gen(function* () {
      const inClear = { ...HubConfig.make({}), baseUrl: new URL("http://hub.docker.com") }
      const cause = yield* HubAuth.make.pipe(
        Effect.provideService(HubConfig.HubConfig, inClear),
        Effect.sandbox,
        Effect.flip
      )
      assert.isTrue(Cause.isDie(cause))
      assert.include(Cause.pretty(cause), "baseUrl must be https")
      assert.strictEqual(yield* requestCount, 0)
    }).pipe(Effect.provide(hub()))
  )

  it.effect("that changes afterwards leads no secret elsewhere", () =>
    Effect.gen(function* () {
      const urls: Array<string> = []
      const client = HttpClient.make((request, url) =>
        Effect.sync(() => {
          urls.push(url.href)
          return HttpClientResponse.fromWeb(request, Response.json({ token: "abc" }))
        })
      )
      const config = HubConfig.make({})
      const auth = yield* HubAuth.make.pipe(
        Effect.provideService(HubConfig.HubConfig, config),
        Effect.provideService(HttpClient.HttpClient, client)
      )
      for (const url of [config.baseUrl, auth.builtWith?.config.baseUrl]) if (url) url.host = "evil.example"
      yield* auth.login(ada)
      assert.deepStrictEqual(urls, ["https://hub.docker.com/v2/users/login"])
    })
  )
})

describe("FetchHttpClient.RequestInit", () => {
  const inits = (
    place: (program: Effect.Effect<unknown, unknown, HubAuth.HubAuth>) => Effect.Effect<unknown, unknown>
  ) =>
    Effect.gen(function* () {
      const seen: Array<RequestInit | undefined> = []
      const fetch: typeof globalThis.fetch = (_, init) => {
        seen.push(init)
        return Promise.resolve(Response.json({ token: "abc" }))
      }
      yield* place(HubAuth.login(ada)).pipe(Effect.provideService(FetchHttpClient.Fetch, fetch))
      return seen
    })

  const init = { credentials: "include", keepalive: true, redirect: "follow" } as const
  const layer = Layer.provide(HubAuth.layer, FetchHttpClient.layer)

  it.effect("of the layer is kept, but for redirects, which are never followed", () =>
    Effect.gen(function* () {
      const [seen] = yield* inits(
        Effect.provide(Layer.provide(layer, Layer.succeed(FetchHttpClient.RequestInit, init)))
      )
      assert.deepInclude(seen, { credentials: "include", redirect: "manual" })
    })
  )

  it.effect("around the call is kept as well, and wins", () =>
    Effect.gen(function* () {
      const [seen] = yield* inits((login) =>
        login.pipe(
          Effect.provideService(FetchHttpClient.RequestInit, {
            cache: "no-store" as const,
            credentials: "omit" as const,
            redirect: "follow" as const
          }),
          Effect.provide(Layer.provide(layer, Layer.succeed(FetchHttpClient.RequestInit, init)))
        )
      )
      assert.deepInclude(seen, { keepalive: true, credentials: "omit", cache: "no-store", redirect: "manual" })
    })
  )

  it.effect("is manual redirects where nobody says anything", () =>
    Effect.gen(function* () {
      const [seen] = yield* inits(Effect.provide(layer))
      assert.deepInclude(seen, { redirect: "manual" })
    })
  )
})
