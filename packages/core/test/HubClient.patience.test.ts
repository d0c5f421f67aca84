import { assert, describe, it } from "@effect/vitest"
import { HubAuth, HubPolicy } from "@effect-dockerhub/core"
import { Faults, HubEmulator } from "@effect-dockerhub/core/testing"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { ada, enqueue as enqueueAny, timed } from "./hub.ts"
import { below, callCount, clientOf, clientOver, enqueue, execute, get, hubClient, ok, token } from "./hubClient.ts"

const methods = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH"] as const

/** The longest back-off there can be. */
const HIGHEST: Random.Random = Object.assign(Random.make("unused"), {
  nextRange: (_: number, max: number) => Effect.succeed(max)
})

const nodeError = (fields: Record<string, unknown>) => Object.assign(new Error("failed"), fields)
const refused = nodeError({ code: "ECONNREFUSED", syscall: "connect" })
const reset = nodeError({ code: "ECONNRESET", syscall: "read" })

/** How often a request of each method is sent when every answer is like this. */
const attempts = (answer: Parameters<typeof below>[0]) =>
  Effect.forEach(methods, (method) =>
    Effect.gen(function* () {
      const { client: http, sent } = below(answer)
      const { client } = yield* clientOver(http, "a-token")
      yield* timed(client.execute(HttpClientRequest.make(method)("/x")))
      return sent.length
    })
  )

const status = (code: number, headers: HeadersInit = {}) => ok(null, { status: code, headers })

describe("what is repeated", () => {
  it.effect.each([
    ["502", [3, 3, 3, 3, 3, 1, 1], () => status(502)],
    ["503", [3, 3, 3, 3, 3, 1, 1], () => status(503)],
    ["504", [3, 3, 3, 3, 3, 1, 1], () => status(504)],
    ["429 with a time", [3, 3, 3, 3, 3, 3, 3], () => status(429, { "retry-after": "1" })],
    ["429 without a time", [1, 1, 1, 1, 1, 1, 1], () => status(429)],
    ["500", [1, 1, 1, 1, 1, 1, 1], () => status(500)],
    ["501", [1, 1, 1, 1, 1, 1, 1], () => status(501)],
    ["403", [1, 1, 1, 1, 1, 1, 1], () => status(403)],
    ["404", [1, 1, 1, 1, 1, 1, 1], () => status(404)],
    ["a redirect", [1, 1, 1, 1, 1, 1, 1], () => status(307, { location: "/there" })],
    ["a reset", [3, 3, 3, 3, 3, 1, 1], () => Effect.fail(reset)],
    ["silence", [3, 3, 3, 3, 3, 1, 1], () => Effect.never],
    ["an error nobody knows", [3, 3, 3, 3, 3, 1, 1], () => Effect.fail("hunter2!")],
    ["a refused connection", [3, 3, 3, 3, 3, 3, 3], () => Effect.fail(refused)],
    ["a certificate", [1, 1, 1, 1, 1, 1, 1], () => Effect.fail(nodeError({ code: "CERT_HAS_EXPIRED" }))]
  ] as const)(`%s: so many requests of ${methods.join(", ")}: %j`, ([, expected, answer]) =>
    Effect.map(attempts(answer), (counts) => assert.deepStrictEqual(counts, [...expected]))
  )

  it.effect("a request that cannot be encoded is not tried again", () =>
    Effect.gen(function* () {
      const { client: http, sent } = below(({ request }) =>
        Effect.fail(new HttpClientError.RequestError({ request, reason: "Encode" }))
      )
      const { client } = yield* clientOver(http, "a-token")
      const { result } = yield* timed(client.get("/x"))
      assert.deepInclude(yield* Effect.flip(result), { _tag: "RequestError", reason: "Encode" })
      assert.strictEqual(sent.length, 1)
    })
  )

  const bytes = Stream.succeed(new Uint8Array(10))

  /** A layer that begins to read the body of a request, as they do, and then has this. */
  const reading = (answer: Effect.Effect<Response, unknown>) =>
    below(({ request: { body } }) =>
      body._tag === "Stream" ? Effect.zipRight(Effect.ignore(Stream.runDrain(body.stream)), answer) : answer
    )

  it.effect.each([
    ["a refused connection before it was read", 3, () => below(() => Effect.fail(refused))],
    ["a refused connection", 1, () => reading(Effect.fail(refused))],
    ["a reset before it was read", 1, () => below(() => Effect.fail(reset))],
    ["a reset", 1, () => reading(Effect.fail(reset))],
    ["503 before it was read", 1, () => below(() => status(503))],
    ["503", 1, () => reading(status(503))],
    ["429 before it was read", 1, () => below(() => status(429, { "retry-after": "1" }))],
    ["429", 1, () => reading(status(429, { "retry-after": "1" }))],
    ["silence", 1, () => reading(Effect.never)]
  ] as const)("a stream after %s is sent so often: %s", ([, times, layer]) =>
    Effect.gen(function* () {
      let read = 0
      const body = Stream.suspend(() => {
        read++
        return bytes
      })
      const { client: http, sent } = layer()
      const { client } = yield* clientOver(http, "a-token")
      yield* timed(client.execute(HttpClientRequest.put("/x").pipe(HttpClientRequest.bodyStream(body))))
      assert.strictEqual(sent.length, times)
      assert.isAtMost(read, 1)
    })
  )

  it.effect("a raw body of which nobody knows whether it was read is sent once", () =>
    Effect.gen(function* () {
      const { client: http, sent } = below(() => Effect.fail(refused))
      const { client } = yield* clientOver(http, "a-token")
      const body = HttpBody.raw(new ReadableStream())
      yield* timed(client.execute(HttpClientRequest.put("/x").pipe(HttpClientRequest.setBody(body))))
      assert.strictEqual(sent.length, 1)
    })
  )

  it.effect("a stream that fails may have been sent in part, and the error says so", () =>
    Effect.gen(function* () {
      const { client: http } = below(({ request }) =>
        Effect.fail(new HttpClientError.RequestError({ request, reason: "Encode", cause: "the disk" }))
      )
      const { client } = yield* clientOver(http, "a-token")
      const error = yield* Effect.flip(
        client.execute(HttpClientRequest.put("/x").pipe(HttpClientRequest.bodyStream(bytes)))
      )
      assert.include(error.message, "it may have reached the server")
    })
  )
})

describe("what comes out when repeats end", () => {
  it.effect.each([
    ["503", Faults.respond({ status: 503, body: { message: "the last" } })],
    ["429", Faults.respond({ status: 429, body: { message: "the last" }, headers: { "retry-after": "1" } })]
  ] as const)("%s is a response like any other, its body unread", ([, last]) =>
    Effect.gen(function* () {
      yield* enqueue(Faults.status(502))
      yield* enqueue(Faults.resetAfterBody())
      yield* enqueue(last)
      const { result } = yield* timed(get("/v2/user/"))
      const response = yield* result
      assert.strictEqual(response.status, last._tag === "Respond" ? last.status : 0)
      assert.deepStrictEqual(yield* response.json, { message: "the last" })
      assert.strictEqual(yield* callCount, 3)
    }).pipe(Effect.provide(hubClient()))
  )

  it.effect("a broken connection is a RequestError of the caller's request", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.resetAfterBody(), { times: 3 })
      const request = HttpClientRequest.get("/v2/user/")
      const { result } = yield* timed(execute(request))
      const error = yield* Effect.flip(result)
      if (error._tag !== "RequestError") return assert.fail(error._tag)
      assert.strictEqual(error.request, request)
      assert.strictEqual(error.reason, "Transport")
      assert.deepInclude(error.cause, { _tag: "TransportFailure", reason: "Reset", sent: true })
      assert.strictEqual(
        error.message,
        "Transport: Reset: the connection to Docker Hub broke; it may have reached the server. (GET /v2/user/)"
      )
    }).pipe(Effect.provide(hubClient()))
  )

  it.effect("silence is RequestTimedOut, of the attempt or of the whole", () =>
    Effect.gen(function* () {
      yield* get("/v2/user/")
      yield* enqueue(Faults.never, { times: Number.POSITIVE_INFINITY })
      const attempt = yield* timed(HubPolicy.with(get("/v2/user/"), { maxRetries: 0 }))
      assert.strictEqual(attempt.millis, 10_000)
      assert.deepInclude(yield* Effect.flip(attempt.result), { _tag: "RequestTimedOut", scope: "attempt" })
      const whole = yield* timed(HubPolicy.with(get("/v2/user/"), { deadline: "15 seconds", backoff: { base: 0 } }))
      assert.strictEqual(whole.millis, 15_000)
      assert.deepInclude(yield* Effect.flip(whole.result), {
        _tag: "RequestTimedOut",
        scope: "deadline",
        after: Duration.seconds(15)
      })
    }).pipe(Effect.provide(hubClient({ tokenLifetime: "1 days" })))
  )

  it.effect("a success after repeats is a success", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.status(503), { times: 2 })
      const { result } = yield* timed(get("/v2/user/"))
      assert.strictEqual((yield* result).status, 200)
      assert.strictEqual(yield* callCount, 3)
    }).pipe(Effect.provide(hubClient()))
  )
})

describe("how long it waits", () => {
  it.effect("as long as a 429 says", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.rateLimited({ after: "2 seconds" }))
      const { millis, result } = yield* timed(get("/v2/user/"))
      assert.strictEqual((yield* result).status, 200)
      assert.strictEqual(millis, 2000)
    }).pipe(Effect.provide(hubClient()))
  )

  it.effect("by the server's own clock", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_769_818_788_000)
      yield* enqueue(Faults.rateLimited({ after: "7 seconds", retryAfter: "epoch" }))
      assert.strictEqual((yield* timed(get("/v2/user/"))).millis, 7000)
    }).pipe(Effect.provide(hubClient({ clockOffset: "1 hour" })))
  )

  it.effect("not at all when that is longer than the policy allows: the 429 is the answer", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.rateLimited({ after: "31 seconds" }))
      const { millis, result } = yield* timed(get("/v2/user/"))
      assert.strictEqual(millis, 0)
      const response = yield* result
      assert.strictEqual(response.status, 429)
      assert.strictEqual(response.headers["retry-after"], "31")
      // Nor does it keep anybody else from asking: no account is held here.
      assert.strictEqual((yield* get("/v2/user/")).status, 200)
    }).pipe(Effect.provide(hubClient()))
  )

  it.effect("with back-off between attempts", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.status(503), { times: 3 })
      assert.strictEqual((yield* Effect.withRandom(timed(get("/v2/user/")), HIGHEST)).millis, 200 + 400)
    }).pipe(Effect.provide(hubClient()))
  )

  it.effect("not any longer once it is interrupted", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.rateLimited({ after: "20 seconds" }))
      const waiting = yield* Effect.fork(get("/v2/user/"))
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.interrupt(waiting)
      yield* enqueue(Faults.never)
      const asking = yield* Effect.fork(get("/v2/user/"))
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.interrupt(asking)
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(yield* callCount, 2)
    }).pipe(Effect.provide(hubClient()))
  )
})

describe("time limits", () => {
  it.effect("run to the headers: a body may take its time", () =>
    Effect.gen(function* () {
      const { client: http } = below(() =>
        Effect.map(Effect.runtime(), (runtime) => {
          const body = Stream.fromEffect(Effect.delay(Effect.succeed(new TextEncoder().encode("late")), "5 minutes"))
          return new Response(Stream.toReadableStreamRuntime(body, runtime))
        })
      )
      const { client } = yield* clientOver(http, "a-token")
      const { millis, result } = yield* timed(Effect.flatMap(client.get("/x"), (response) => response.text))
      assert.strictEqual(yield* result, "late")
      assert.strictEqual(millis, 300_000)
    })
  )

  it.effect("do not count the time a login takes, first or second", () =>
    Effect.gen(function* () {
      const { client: http } = below(({ request }) =>
        Effect.delay(status(request.headers["authorization"] === "Bearer new" ? 200 : 401), "9 seconds")
      )
      const tokens = ["old", "new"]
      const client = yield* clientOf(
        http,
        Effect.suspend(() => Effect.delay(token(tokens.shift() ?? "none"), "2 minutes"))
      )
      const { millis, result } = yield* timed(client.get("/x"))
      assert.strictEqual((yield* result).status, 200)
      assert.strictEqual(millis, 2 * 120_000 + 2 * 9000)
    }).pipe(HubPolicy.with({ deadline: "20 seconds" }))
  )

  it.effect("are none under HubPolicy.none, nor are repeats", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.status(503))
      assert.strictEqual((yield* get("/v2/user/")).status, 503)
      yield* enqueue(Faults.delay("1 hour"))
      const { millis, result } = yield* timed(get("/v2/user/"), "2 hours")
      assert.strictEqual(millis, 3_600_000)
      assert.strictEqual((yield* result).status, 200)
    }).pipe(
      Effect.provideService(HubPolicy.HubPolicy, HubPolicy.none),
      Effect.provide(hubClient({ tokenLifetime: "1 days" }))
    )
  )
})

describe("a response that will be repeated", () => {
  it.effect("is let go of first, whether it ends or not", () =>
    Effect.gen(function* () {
      let cancelled = 0
      const { client: http, sent } = below(() =>
        Effect.sync(() => {
          assert.strictEqual(cancelled, sent.length - 1)
          const body = new ReadableStream({
            pull: (controller) => controller.enqueue(new Uint8Array(100_000)),
            cancel: () => void cancelled++
          })
          return new Response(body, { status: 503 })
        })
      )
      const { client } = yield* clientOver(http, "a-token")
      const { result } = yield* timed(client.get("/x"))
      assert.strictEqual((yield* result).status, 503)
      assert.strictEqual(sent.length, 3)
      // The last one is the caller's.
      assert.strictEqual(cancelled, 2)
    })
  )
})

describe("HubPolicy", () => {
  const count = Effect.gen(function* () {
    const emulator = yield* HubEmulator.HubEmulator
    yield* emulator.clearRequests
    yield* enqueue(Faults.status(503), { times: Number.POSITIVE_INFINITY })
    yield* timed(get("/v2/user/"))
    return yield* callCount
  })

  it.effect("is captured with the client, and one around a call wins", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* count, 2)
      assert.strictEqual(yield* Effect.provideService(count, HubPolicy.HubPolicy, HubPolicy.make({ maxRetries: 4 })), 5)
      assert.strictEqual(yield* Effect.provide(count, HubPolicy.layer({ maxRetries: 3 })), 4)
      assert.strictEqual(yield* HubPolicy.with(count, { backoff: { base: "1 seconds" } }), 2)
      assert.strictEqual(yield* HubPolicy.with(count, { maxRetries: 0 }), 1)
    }).pipe(Effect.provide(Layer.provide(hubClient(), HubPolicy.layer({ maxRetries: 1 }))))
  )
})

describe("the retry budget", () => {
  const outage = (times: number) =>
    Effect.gen(function* () {
      yield* enqueue(Faults.status(503), { times: Number.POSITIVE_INFINITY })
      yield* Effect.repeatN(Effect.asVoid(timed(get("/v2/user/"))), times - 1)
    })

  it.effect("lets twenty repeats through an outage, then none, and leaves the logins theirs", () =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.HubEmulator
      yield* outage(50)
      assert.strictEqual(yield* callCount, 50 + 20)
      yield* emulator.clearFaults
      yield* emulator.clearRequests
      yield* enqueueAny(Faults.status(503), 2)
      assert.isTrue(Either.isRight((yield* timed(HubAuth.login(ada))).result))
    }).pipe(Effect.provide(hubClient({ tokenLifetime: "30 days" })))
  )

  it.effect("gets one back for an answer, and none for a 500", () =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.HubEmulator
      const repeats = Effect.gen(function* () {
        yield* emulator.clearRequests
        yield* outage(1)
        yield* emulator.clearFaults
        return (yield* callCount) - 1
      })
      yield* outage(50)
      yield* emulator.clearFaults
      yield* enqueue(Faults.status(500), { times: 10 })
      for (let call = 1; call <= 10; call++) yield* get("/v2/user/")
      assert.strictEqual(yield* repeats, 0)
      for (let call = 1; call <= 5; call++) yield* get("/v2/user/")
      assert.strictEqual(yield* repeats, 1)
    }).pipe(Effect.provide(hubClient({ tokenLifetime: "30 days" })))
  )
})
