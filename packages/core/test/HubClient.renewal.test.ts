import { assert, describe, it } from "@effect/vitest"
import { AuthError } from "@effect-dockerhub/core"
import * as HubClient from "@effect-dockerhub/core/HubClient"
import * as HubSession from "@effect-dockerhub/core/HubSession"
import { Faults, HubEmulator } from "@effect-dockerhub/core/testing"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { timed } from "./hub.ts"
import {
  bearers,
  below,
  callCount,
  calls,
  clientOf,
  clientOver,
  enqueue,
  execute,
  get,
  hubClient,
  logins,
  ok,
  token
} from "./hubClient.ts"

const expire = Effect.flatMap(HubEmulator.HubEmulator, (emulator) => emulator.expireTokens("ada"))
const always401 = enqueue(Faults.status(401), { times: Number.POSITIVE_INFINITY })

const many = (count: number) => Array.from({ length: count }, () => get("/v2/user/"))

/** Answers to a bearer: the good one is welcome, any other is refused. */
const only = (good: string) =>
  below(({ request }) => ok("said", { status: request.headers["authorization"] === `Bearer ${good}` ? 200 : 401 }))

describe("a 401", () => {
  it.effect("is answered by another token, once, and the caller sees only the end of it", () =>
    Effect.gen(function* () {
      yield* get("/v2/user/")
      yield* expire
      assert.strictEqual((yield* get("/v2/user/")).status, 200)
      assert.strictEqual(yield* logins, 2)
      const [first, dead, fresh] = yield* bearers
      assert.strictEqual(dead, first)
      assert.notStrictEqual(fresh, dead)
      yield* get("/v2/user/")
      assert.strictEqual((yield* bearers)[3], fresh)
      assert.strictEqual(yield* logins, 2)
    }).pipe(Effect.provide(hubClient()))
  )

  it.effect("to the repeat is the answer: there is no third try", () =>
    Effect.gen(function* () {
      yield* always401
      const response = yield* get("/v2/user/")
      assert.strictEqual(response.status, 401)
      assert.deepInclude(yield* response.json, { message: "status 401" })
      assert.strictEqual(yield* callCount, 2)
      assert.strictEqual(yield* logins, 2)
    }).pipe(Effect.provide(hubClient()))
  )

  it.effect("is the answer when the session has no other token", () =>
    Effect.gen(function* () {
      const { client: http, sent } = only("good")
      const { client } = yield* clientOver(http, "bad", "bad")
      const response = yield* client.get("/x")
      assert.strictEqual(response.status, 401)
      assert.strictEqual(yield* response.text, "said")
      assert.strictEqual(sent.length, 1)
    })
  )

  it.effect("from elsewhere is no business of the session's", () =>
    Effect.gen(function* () {
      const { client: http, sent } = below(() => ok(null, { status: 401 }))
      const { client, logins } = yield* clientOver(http, "a-token")
      assert.strictEqual((yield* client.get("https://elsewhere.example/")).status, 401)
      assert.strictEqual(sent.length, 1)
      assert.strictEqual(yield* logins, 0)
    })
  )

  it.effect("fails the call with the session's error when no token can be had", () =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.HubEmulator
      yield* get("/v2/user/")
      yield* expire
      yield* emulator.addAccount({ username: "ada", password: "another password" })
      const error = yield* Effect.flip(get("/v2/user/"))
      assert.strictEqual(error._tag, "InvalidCredentials")
      assert.strictEqual(yield* callCount, 2)
    }).pipe(Effect.provide(hubClient()))
  )

  it.effect("when the first token cannot be had, nothing is sent", () =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.HubEmulator
      yield* emulator.enqueue(Faults.status(401), { route: "createAccessToken" })
      assert.strictEqual((yield* Effect.flip(get("/v2/user/")))._tag, "InvalidCredentials")
      assert.strictEqual(yield* callCount, 0)
    }).pipe(Effect.provide(hubClient()))
  )

  it.effect(
    "an error of the session's is never repeated here, however transient: the session has had its repeats",
    () =>
      Effect.gen(function* () {
        let asked = 0
        const { client: http } = only("good")
        const login = Effect.suspend(() => {
          asked++
          return Effect.fail(new AuthError.ServiceUnavailable({ status: 503, detail: "" }))
        })
        const client = yield* clientOf(http, login)
        const { millis, result } = yield* timed(client.get("/x"))
        assert.strictEqual((yield* Effect.flip(result))._tag, "ServiceUnavailable")
        assert.strictEqual(millis, 0)
        assert.strictEqual(asked, 1)
      })
  )

  it.effect("renews once in a call, its retries included", () =>
    Effect.gen(function* () {
      const answers = [401, 503, 401, 200]
      const { client: http, sent } = below(() => ok(null, { status: answers[sent.length - 1] ?? 500 }))
      const { client, logins } = yield* clientOver(http, "one", "two", "three")
      const { result } = yield* timed(client.get("/x"))
      assert.strictEqual((yield* result).status, 401)
      assert.deepStrictEqual(
        sent.map(({ request }) => request.headers["authorization"]),
        ["Bearer one", "Bearer two", "Bearer two"]
      )
      assert.strictEqual(yield* logins, 2)
    })
  )

  it.effect("renews once in a call, even if the session brings a third token by itself", () =>
    Effect.gen(function* () {
      const answers = [401, 503, 401, 200]
      let reset = Effect.void
      const { client: http, sent } = below(() =>
        Effect.zipRight(sent.length === 2 ? reset : Effect.void, ok(null, { status: answers[sent.length - 1] ?? 500 }))
      )
      const { client, session } = yield* clientOver(http, "one", "two", "three", "four")
      reset = session.reset
      const { result } = yield* timed(client.get("/x"))
      assert.strictEqual((yield* result).status, 401)
      assert.deepStrictEqual(
        sent.map(({ request }) => request.headers["authorization"]),
        ["Bearer one", "Bearer two", "Bearer three"]
      )
    })
  )

  it.effect("for a token that is spared is repeated with what the session has by now", () =>
    Effect.gen(function* () {
      let reset = Effect.void
      const { client: http, sent } = below(({ request }) =>
        Effect.zipRight(
          sent.length === 3 ? reset : Effect.void,
          ok(null, { status: request.headers["authorization"] === "Bearer three" || sent.length === 2 ? 200 : 401 })
        )
      )
      const { client, logins, session } = yield* clientOver(http, "one", "two", "three", "four")
      reset = session.reset
      assert.strictEqual((yield* client.get("/x")).status, 200)
      assert.strictEqual((yield* client.get("/x")).status, 200)
      assert.strictEqual(sent.length, 4)
      assert.strictEqual(yield* logins, 3)
    })
  )

  it.effect("five late ones for one dead token cause one login", () =>
    Effect.gen(function* () {
      yield* get("/v2/user/")
      for (let call = 1; call <= 5; call++) yield* enqueue(Faults.delay(`${call} seconds`))
      const five = yield* Effect.fork(Effect.all(many(5), { concurrency: 5 }))
      yield* TestClock.adjust("500 millis")
      yield* expire
      yield* TestClock.adjust("10 seconds")
      const answers = yield* Fiber.join(five)
      assert.deepStrictEqual(
        answers.map(({ status }) => status),
        [200, 200, 200, 200, 200]
      )
      assert.strictEqual(yield* callCount, 11)
      assert.strictEqual(yield* logins, 2)
    }).pipe(Effect.provide(hubClient()))
  )

  it.effect.each([
    ["read where it is short", [100], 0, 0, 2],
    ["cancelled where it is long", [10_000, 50_000, 10_000, 10_000], 0, 1, 3],
    ["cancelled where it never ends", [], 1000, 1, 0],
    ["left alone where it cannot be cancelled", [], 1000, 1, 0]
  ] as const)("is let go of before the repeat: %s", ([what, pieces, takes, cancels, pulls]) =>
    Effect.gen(function* () {
      let cancelled = 0
      let read = 0
      const body = () =>
        new ReadableStream(
          {
            pull: (controller) => {
              const size = pieces[read]
              if (size === undefined && what !== "read where it is short") return new Promise(() => {})
              if (size === undefined) controller.close()
              else controller.enqueue(new Uint8Array(size))
              read++
              return undefined
            },
            cancel: () => {
              cancelled++
              return what === "left alone where it cannot be cancelled" ? new Promise(() => {}) : undefined
            }
          },
          { highWaterMark: 0 }
        )
      const { client: http, sent } = below(({ request }) =>
        Effect.sync(() => {
          if (request.headers["authorization"] === "Bearer old") return new Response(body(), { status: 401 })
          assert.strictEqual(cancelled, cancels)
          return new Response()
        })
      )
      const { client } = yield* clientOver(http, "old", "new")
      const { millis, result } = yield* timed(client.get("/x"))
      assert.strictEqual((yield* result).status, 200)
      assert.strictEqual(sent.length, 2)
      assert.strictEqual(millis, takes)
      assert.strictEqual(read, pulls)
    })
  )

  it.effect("is let go of when the call is interrupted while another token is fetched", () =>
    Effect.gen(function* () {
      const cancelled = yield* Deferred.make<void>()
      const { client: http } = below(() =>
        Effect.sync(() => {
          const cancel = () => Deferred.unsafeDone(cancelled, Effect.void)
          return new Response(new ReadableStream({ cancel }), { status: 401 })
        })
      )
      const tokens = [token("old"), Effect.never]
      const client = yield* clientOf(
        http,
        Effect.suspend(() => tokens.shift() ?? Effect.never)
      )
      const call = yield* Effect.fork(client.get("/x"))
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.interrupt(call)
      yield* TestClock.adjust("2 seconds")
      yield* Deferred.await(cancelled)
    })
  )
})

describe("a body", () => {
  const bytes = new TextEncoder().encode("hello")
  const form = new FormData()
  form.append("a", "1")

  it.effect.each([
    ["none", 2, HttpBody.empty],
    ["bytes", 2, HttpBody.uint8Array(bytes)],
    ["a form", 2, HttpBody.formData(form)],
    ["a raw string", 2, HttpBody.raw("hello")],
    ["a raw buffer", 2, HttpBody.raw(bytes.buffer)],
    ["a raw view", 2, HttpBody.raw(new DataView(bytes.buffer))],
    ["a blob", 2, HttpBody.raw(new Blob(["hello"]))],
    ["parameters", 2, HttpBody.raw(new URLSearchParams({ a: "1" }))],
    ["a stream", 1, HttpBody.stream(Stream.succeed(bytes))],
    ["a raw stream", 1, HttpBody.raw(new ReadableStream())],
    ["something raw", 1, HttpBody.raw({ hello: "there" })]
  ] as const)("after a 401, %s is sent so often: %s", ([, times, body]) =>
    Effect.gen(function* () {
      const { client: http, sent } = only("new")
      const { client } = yield* clientOver(http, "old", "new", "newer")
      const response = yield* client.execute(HttpClientRequest.post("/x").pipe(HttpClientRequest.setBody(body)))
      assert.strictEqual(sent.length, times)
      assert.strictEqual(response.status, times === 2 ? 200 : 401)
      // In either case the dead token is gone.
      yield* client.get("/y")
      assert.strictEqual(sent.at(-1)?.request.headers["authorization"], "Bearer new")
    })
  )

  it.effect("that is a stream is read once, and its 401 handed out", () =>
    Effect.gen(function* () {
      let read = 0
      const body = Stream.suspend(() => {
        read++
        return Stream.succeed(bytes)
      })
      yield* get("/v2/user/")
      yield* expire
      const response = yield* execute(HttpClientRequest.post("/v2/logout/").pipe(HttpClientRequest.bodyStream(body)))
      assert.strictEqual(response.status, 401)
      assert.deepInclude(yield* response.json, { message: "Token is expired" })
      assert.strictEqual(read, 1)
      assert.strictEqual(yield* logins, 1)
      assert.strictEqual((yield* get("/v2/user/")).status, 200)
      assert.strictEqual(yield* logins, 2)
      assert.strictEqual((yield* calls).length, 3)
    }).pipe(Effect.provide(hubClient()))
  )
})

describe("an endpoint that always says 401", () => {
  it.effect.each([
    ["read", () => HttpClientRequest.get("/v2/user/")],
    ["streamed to", () => HttpClientRequest.put("/v2/user/").pipe(HttpClientRequest.bodyStream(Stream.empty))]
  ] as const)("costs one login a minute, when it is %s", ([, request]) =>
    Effect.gen(function* () {
      yield* always401
      for (let second = 0; second < 180; second++) {
        assert.strictEqual((yield* execute(request())).status, 401)
        yield* TestClock.adjust("1 seconds")
      }
      assert.strictEqual(yield* logins, 1 + 3)
    }).pipe(Effect.provide(hubClient({ tokenLifetime: "1 hours" })))
  )

  it.effect("costs no more when many ask at once", () =>
    Effect.gen(function* () {
      yield* always401
      const storm = Effect.all(many(50), { concurrency: "unbounded" })
      yield* storm
      yield* storm
      assert.strictEqual(yield* logins, 2)
      yield* TestClock.adjust("1 minutes")
      yield* storm
      assert.strictEqual(yield* logins, 3)
    }).pipe(Effect.provide(hubClient()))
  )

  it.effect("costs no more when two clients share the session", () =>
    Effect.gen(function* () {
      yield* always401
      const other = yield* HubClient.make
      for (let call = 0; call < 20; call++) {
        yield* get("/v2/user/")
        yield* other.get("/v2/user/")
      }
      assert.strictEqual(yield* logins, 2)
    }).pipe(Effect.provide(hubClient()))
  )

  it.effect("does not end a token that is good elsewhere, but for once a minute", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.status(401), { route: "other", times: Number.POSITIVE_INFINITY })
      for (let call = 0; call < 10; call++) {
        assert.strictEqual((yield* get("/v2/forbidden")).status, 401)
        assert.strictEqual((yield* get("/v2/user/")).status, 200)
      }
      assert.strictEqual(yield* logins, 2)
    }).pipe(Effect.provide(hubClient()))
  )
})

describe("a new token", () => {
  it.effect("is spared for 60 s from when it came, to the second", () =>
    Effect.gen(function* () {
      yield* get("/v2/user/")
      yield* expire
      yield* get("/v2/user/")
      yield* TestClock.adjust("59 seconds")
      yield* expire
      assert.strictEqual((yield* get("/v2/user/")).status, 401)
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual((yield* get("/v2/user/")).status, 200)
      assert.strictEqual(yield* logins, 3)
    }).pipe(Effect.provide(hubClient()))
  )

  it.effect("is not spared any longer for a late 401 of the old one", () =>
    Effect.gen(function* () {
      yield* get("/v2/user/")
      yield* enqueue(Faults.delayed("9 seconds", Faults.status(401)))
      const late = yield* Effect.fork(get("/v2/user/"))
      yield* TestClock.adjust("1 seconds")
      yield* expire
      yield* get("/v2/user/")
      yield* TestClock.adjust("30 seconds")
      yield* Fiber.join(late)
      yield* expire
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* get("/v2/user/")).status, 200)
      assert.strictEqual(yield* logins, 3)
    }).pipe(Effect.provide(hubClient()))
  )

  it.effect("that replaced an old one in time, without a 401, is not spared", () =>
    Effect.gen(function* () {
      yield* get("/v2/user/")
      yield* Effect.flatMap(HubSession.HubSession, (session) => session.reset)
      yield* get("/v2/user/")
      yield* expire
      assert.strictEqual((yield* get("/v2/user/")).status, 200)
      assert.strictEqual(yield* logins, 3)
    }).pipe(Effect.provide(hubClient()))
  )

  it.effect("that replaced a spared one in time is not spared in its turn", () =>
    Effect.gen(function* () {
      yield* get("/v2/user/")
      yield* expire
      yield* get("/v2/user/")
      yield* Effect.flatMap(HubSession.HubSession, (session) => session.reset)
      yield* get("/v2/user/")
      yield* expire
      assert.strictEqual((yield* get("/v2/user/")).status, 200)
      assert.strictEqual(yield* logins, 4)
    }).pipe(Effect.provide(hubClient()))
  )

  it.effect("is only spared when it is another than the refused one", () =>
    Effect.gen(function* () {
      const { client: http, sent } = below(() => ok(null, { status: 401 }))
      const { client, logins } = yield* clientOver(http, "one", "one", "two", "three")
      for (let call = 1; call <= 5; call++) yield* client.get("/x")
      assert.strictEqual(sent.at(-1)?.request.headers["authorization"], "Bearer two")
      assert.strictEqual(yield* logins, 3)
    })
  )
})
