import { assert, describe, it } from "@effect/vitest"
import { Credentials, HubAuth, HubClient, HubConfig, HubSession } from "@effect-dockerhub/core"
import { HubEmulator } from "@effect-dockerhub/core/testing"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { ada, hub, PASSWORD, requests } from "./hub.ts"

const repositories = [{ namespace: "ada", name: "engine", private: true }]

const client = HubClient.layer.pipe(
  Layer.provideMerge(HubSession.layer({ credentials: ada })),
  Layer.provideMerge(hub({ rateLimit: false, repositories }))
)

const status = (url: string) =>
  Effect.flatMap(HubClient.HubClient, (it) => Effect.map(it.get(url), (response) => response.status))

const TAGS = "/v2/namespaces/ada/repositories/engine/tags"
const logins = Effect.map(requests, (seen) => seen.filter(({ route }) => route === "login").length)

describe("HubClient over a HubSession", () => {
  it.effect("lists a private repository's tags for hours, with one login a token", () =>
    Effect.gen(function* () {
      for (let minute = 0; minute < 60; minute++) {
        assert.strictEqual(yield* status(TAGS), 200)
        yield* TestClock.adjust("1 minutes")
      }
      assert.isAtMost(yield* logins, 8)
    }).pipe(Effect.provide(client))
  )

  it.effect("renews a token that the server ended, with one login for five calls at once", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* status(TAGS), 200)
      yield* Effect.flatMap(HubEmulator.HubEmulator, (emulator) => emulator.expireTokens("ada"))
      const statuses = yield* Effect.all(
        Array.from({ length: 5 }, () => status(TAGS)),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(statuses, [200, 200, 200, 200, 200])
      assert.strictEqual(yield* logins, 2)
    }).pipe(Effect.provide(client))
  )

  it.effect("makes at most one login more a minute for an endpoint that always answers 401", () =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.HubEmulator
      for (let second = 0; second < 180; second += 5) {
        // Whoever holds a token is told at once that it is worthless.
        yield* emulator.expireTokens("ada")
        yield* status(TAGS)
        yield* emulator.expireTokens("ada")
        yield* status(TAGS)
        yield* TestClock.adjust("5 seconds")
      }
      assert.isAtMost(yield* logins, 1 + 3)
    }).pipe(Effect.provide(client))
  )

  it.effect("fails like the login where there is no token to be had", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(status(TAGS))
      assert.strictEqual(error._tag, "InvalidCredentials")
    }).pipe(
      Effect.provide(
        HubClient.layer.pipe(
          Layer.provide(HubSession.layer({ credentials: Credentials.password("ada", `${PASSWORD}!`) })),
          Layer.provideMerge(hub())
        )
      )
    )
  )

  it.effect("sends the token to the Hub the session logs in to, whatever Hub is configured around the client", () =>
    Effect.gen(function* () {
      const sent: Array<string> = []
      const spying = Layer.effect(
        HttpClient.HttpClient,
        Effect.map(
          HttpClient.HttpClient,
          HttpClient.tapRequest((request) =>
            Effect.sync(() => void sent.push(`${request.url} ${"authorization" in request.headers}`))
          )
        )
      )
      const staging = Layer.provide(HubAuth.layer, HubConfig.layer({ baseUrl: "https://hub-stage.docker.com" }))
      yield* Effect.gen(function* () {
        yield* status(TAGS)
        const it = yield* HubClient.HubClient
        yield* it.execute(HttpClientRequest.get(`https://hub.docker.com${TAGS}`))
      }).pipe(
        Effect.provide(
          HubClient.layer.pipe(
            Layer.provide(HubSession.layer({ credentials: ada })),
            Layer.provide(staging),
            Layer.provide(spying),
            Layer.provide(HubEmulator.layer({ accounts: [{ username: "ada", password: PASSWORD }], repositories }))
          )
        )
      )
      assert.deepStrictEqual(sent, [
        "https://hub-stage.docker.com/v2/users/login false",
        `https://hub-stage.docker.com${TAGS} true`,
        `https://hub.docker.com${TAGS} false`
      ])
    })
  )
})
