import { assert, describe, it } from "@effect/vitest"
import { Faults, HubEmulator } from "@effect-dockerhub/core/testing"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { field, get, login, secondFactor } from "./ask.ts"

const make = HubEmulator.make({
  accounts: [
    { username: "ada", password: "correct horse" },
    { username: "grace", password: "battery staple", totpSecret: "JBSWY3DPEHPK3PXP" }
  ]
})

const right = (hub: HubEmulator.Service) => login(hub, "ada", "correct horse")

/** The answer to a right login while the emulator has this fault. */
const under = (fault: Faults.Fault) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(1_770_000_000_000)
    const hub = yield* make
    yield* hub.enqueue(fault)
    return yield* right(hub)
  })

describe("the queue", () => {
  it.effect("a fault is had once, then the emulator is well", () =>
    Effect.gen(function* () {
      const hub = yield* make
      yield* hub.enqueue(Faults.status(503))
      assert.strictEqual((yield* right(hub)).status, 503)
      assert.strictEqual((yield* right(hub)).status, 200)
    })
  )

  it.effect("faults are had in order, as often as told, each on its route alone", () =>
    Effect.gen(function* () {
      const hub = yield* make
      yield* hub.enqueue(Faults.status(500), { route: "user" })
      yield* hub.enqueue(Faults.status(502), { times: 2 })
      yield* hub.enqueue(Faults.status(504), { times: Infinity })
      const logins = yield* Effect.replicateEffect(right(hub), 4)
      assert.deepStrictEqual(
        logins.map((answer) => answer.status),
        [502, 502, 504, 504]
      )
      assert.strictEqual((yield* get(hub, "/v2/user/")).status, 500)
      yield* hub.clearFaults
      assert.strictEqual((yield* right(hub)).status, 200)
      assert.throws(() => hub.enqueue(Faults.never, { times: 0 }), /times/)
    })
  )
})

describe("made-up answers", () => {
  it.effect("status, body and headers are those given, and headers given win over the emulator's", () =>
    Effect.gen(function* () {
      const json = yield* under(Faults.respond({ status: 401, body: { message: "unauthorized", errinfo: {} } }))
      assert.deepStrictEqual([json.status, json.json], [401, { message: "unauthorized", errinfo: {} }])
      assert.strictEqual(json.headers["content-type"], "application/json")
      const text = yield* under(Faults.respond({ status: 200, body: "hello", headers: { Date: "never", "X-A": "b" } }))
      assert.include(text.headers, { "content-type": "text/plain; charset=utf-8", date: "never", "x-a": "b" })
      assert.strictEqual(text.text, "hello")
      assert.strictEqual((yield* under(Faults.status(204))).text, "")
      assert.strictEqual((yield* under(Faults.respond({ status: 200, body: "" }))).text, "")
    })
  )

  it.effect("the pages of the edge are as captured", () =>
    Effect.gen(function* () {
      const page = yield* under(Faults.challengePage({ status: 503, rayId: "ray" }))
      assert.strictEqual(page.status, 503)
      assert.include(page.headers, { "cf-mitigated": "challenge", "cf-ray": "ray", server: "cloudflare" })
      assert.include(page.text, "<title>Just a moment...</title>")
      const blocked = yield* under(Faults.errorCode1010)
      assert.deepStrictEqual([blocked.status, blocked.text], [403, "error code: 1010"])
      assert.property(blocked.headers, "set-cookie")
      const abuse = yield* under(Faults.hap429)
      assert.deepStrictEqual([abuse.status, abuse.text], [429, "Too Many Requests (HAP429).\n"])
      assert.strictEqual(abuse.headers["retry-after"], "60")
    })
  )

  it.effect("a redirect is not followed", () =>
    Effect.gen(function* () {
      const answer = yield* under(Faults.redirect("https://elsewhere.example/", 307))
      assert.deepStrictEqual([answer.status, answer.headers["location"]], [307, "https://elsewhere.example/"])
    })
  )

  it.effect("a 429 tells the time in the format asked for, from the clock at the answer", () =>
    Effect.gen(function* () {
      const wait = (options?: Parameters<typeof Faults.rateLimited>[0]) =>
        Effect.map(under(Faults.rateLimited(options)), (answer) => answer.headers)
      assert.include(yield* wait(), { "retry-after": "60", "x-ratelimit-reset": "1770000060" })
      assert.include(yield* wait({ retryAfter: "epoch", after: "5 seconds" }), { "retry-after": "1770000005" })
      assert.include(yield* wait({ retryAfter: "http-date" }), { "retry-after": "Mon, 02 Feb 2026 02:41:00 GMT" })
      assert.include(yield* wait({ retryAfter: "epoch", header: "x-retry-after" }), { "x-retry-after": "1770000060" })
      const bare = yield* wait({ retryAfter: "none", rateLimitHeaders: false, body: "slow down" })
      assert.notProperty(bare, "retry-after")
      assert.notProperty(bare, "x-ratelimit-reset")
      assert.strictEqual(bare["content-type"], "text/plain; charset=utf-8")
      const forever = yield* wait({ after: Duration.infinity })
      assert.notProperty(forever, "retry-after")
      assert.notProperty(forever, "x-ratelimit-reset")
    })
  )
})

describe("slow answers", () => {
  it.effect("a delay passes by the clock, and a delayed fault follows it", () =>
    Effect.gen(function* () {
      const hub = yield* make
      yield* hub.enqueue(Faults.delayed("10 seconds", Faults.delayed("5 seconds", Faults.status(504))))
      const fiber = yield* Effect.fork(right(hub))
      yield* TestClock.adjust("14 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber)).status, 504)
    })
  )

  it.effect("a client that leaves during a delay leaves no trace, unless the server acts first", () =>
    Effect.gen(function* () {
      const leave = (acted: boolean) =>
        Effect.gen(function* () {
          const hub = yield* make
          const code = yield* hub.code("grace")
          const challenge = Effect.map(login(hub, "grace", "battery staple"), (answer) =>
            field(answer, "login_2fa_token")
          )
          const first = yield* challenge
          yield* hub.enqueue(Faults.delay("10 seconds", { acted }))
          const fiber = yield* Effect.fork(secondFactor(hub, first, code))
          yield* TestClock.adjust("1 second")
          yield* Fiber.interrupt(fiber)
          return (yield* secondFactor(hub, yield* challenge, code)).status
        })
      assert.strictEqual(yield* leave(false), 200)
      assert.strictEqual(yield* leave(true), 401)
    })
  )

  it.effect("a request that is never answered can still be given up", () =>
    Effect.gen(function* () {
      const hub = yield* make
      yield* hub.enqueue(Faults.never)
      const fiber = yield* Effect.fork(Effect.timeout(right(hub), "1 hour"))
      yield* TestClock.adjust("1 hour")
      assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
      assert.deepStrictEqual((yield* hub.requests)[0]?.status, Option.none())
    })
  )
})

describe("broken connections", () => {
  it.effect("a reset is the error that fetch gives for one, and the body read or not", () =>
    Effect.gen(function* () {
      const hub = yield* make
      yield* hub.enqueue(Faults.resetBeforeBody)
      yield* hub.enqueue(Faults.resetAfterBody())
      for (const _ of [1, 2]) {
        const error = yield* Effect.flip(right(hub))
        assert.deepInclude(error, { _tag: "RequestError", reason: "Transport" })
        assert.instanceOf(error.cause, TypeError)
        assert.nestedPropertyVal(error.cause, "message", "fetch failed")
        assert.nestedPropertyVal(error.cause, "cause.code", "ECONNRESET")
      }
      const [before, after] = yield* hub.requests
      assert.isUndefined(before?.body)
      assert.isDefined(after?.body)
      assert.deepStrictEqual([before?.status, after?.status], [Option.none(), Option.none()])
    })
  )

  it.effect("after a reset the code is spent if, and only if, the server acted", () =>
    Effect.gen(function* () {
      const again = (acted: boolean) =>
        Effect.gen(function* () {
          const hub = yield* make
          const code = yield* hub.code("grace")
          const attempt = Effect.flatMap(login(hub, "grace", "battery staple"), (answer) =>
            secondFactor(hub, field(answer, "login_2fa_token"), code)
          )
          yield* hub.enqueue(Faults.resetAfterBody({ acted }), { route: "twoFactorLogin" })
          yield* Effect.flip(attempt)
          return (yield* attempt).status
        })
      assert.strictEqual(yield* again(true), 401)
      assert.strictEqual(yield* again(false), 200)
    })
  )

  it.effect("a truncated answer promises more than it sends", () =>
    Effect.gen(function* () {
      const hub = yield* make
      yield* hub.enqueue(Faults.truncatedBody({ bytes: 10 }))
      const response = yield* hub.httpClient.get("https://hub.docker.com/v2/namespaces/ada/repositories")
      assert.strictEqual(response.status, 200)
      assert.isAbove(Number(response.headers["content-length"]), 10)
      let received = ""
      const error = yield* Effect.flip(
        Stream.runForEach(Stream.decodeText(response.stream), (text) => Effect.sync(() => (received += text)))
      )
      assert.strictEqual(received, '{"count":0')
      assert.deepInclude(error, { _tag: "ResponseError", reason: "Decode" })
      assert.nestedPropertyVal(error.cause, "message", "terminated")
    })
  )

  it.effect("a truncated answer is one to a request that was acted upon", () =>
    Effect.gen(function* () {
      const hub = yield* make
      const code = yield* hub.code("grace")
      const attempt = Effect.flatMap(login(hub, "grace", "battery staple"), (answer) =>
        secondFactor(hub, field(answer, "login_2fa_token"), code)
      )
      yield* hub.enqueue(Faults.truncatedBody(), { route: "twoFactorLogin" })
      assert.deepInclude(yield* Effect.flip(attempt), { _tag: "ResponseError" })
      assert.strictEqual((yield* attempt).status, 401)
    })
  )

  it.effect("an oversized answer is of the size asked for, in pieces that can be left alone", () =>
    Effect.gen(function* () {
      const big = yield* under(Faults.oversizedBody(200_000, { status: 500 }))
      assert.deepStrictEqual([big.status, big.text.length], [500, 200_000])
      assert.strictEqual(String(big.json["padding"]).length, 200_000 - 14)
      assert.strictEqual((yield* under(Faults.oversizedBody(3))).text, "aaa")
      const hub = yield* make
      // A terabyte: it could not be read to its end.
      yield* hub.enqueue(Faults.oversizedBody(1e12))
      const response = yield* hub.httpClient.get("https://hub.docker.com/v2/user/")
      const taken = yield* Stream.runCollect(Stream.take(response.stream, 3))
      assert.strictEqual(taken.length, 3)
    })
  )
})

describe("faults that cannot be", () => {
  it("throw where they are made, with a sentence", () => {
    assert.throws(() => Faults.respond({ status: 199 }), /200 to 599/)
    assert.throws(() => Faults.respond({ status: 600 }), /200 to 599/)
    assert.throws(() => Faults.status(Number.NaN), /200 to 599/)
    assert.throws(() => Faults.respond({ status: 204, body: "x" }), /204 response has no body/)
    assert.throws(() => Faults.respond({ status: 200, body: 1n }), /JSON/)
    assert.throws(() => Faults.respond({ status: 200, headers: { "bad name": "x" } }), /header/)
    assert.throws(() => Faults.respond({ status: 200, headers: { good: "x\r\nevil: y" } }), /header/)
    assert.throws(() => Faults.redirect("/", 200), /301/)
    assert.throws(() => Faults.oversizedBody(0), /bytes/)
    assert.throws(() => Faults.oversizedBody(9, { status: 304 }), /must allow a body/)
    assert.throws(() => Faults.truncatedBody({ bytes: -1 }), /bytes/)
    assert.throws(() => Faults.delay(-1), /duration/)
    assert.throws(() => Faults.delay(Number.NaN), /duration/)
    assert.throws(() => Faults.rateLimited({ after: "soon" as never }), /after/)
  })
})
