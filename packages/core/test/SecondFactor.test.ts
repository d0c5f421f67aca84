import { assert, describe, it } from "@effect/vitest"
import { SecondFactor } from "@effect-dockerhub/core"
import * as ConfigProvider from "effect/ConfigProvider"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { inspect } from "node:util"

// The seed of RFC 6238's test vectors: the ASCII text 12345678901234567890.
const SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

const ask = (secondFactor: SecondFactor.Service, serverTime?: number) =>
  secondFactor._tag === "None"
    ? Effect.die("no second factor")
    : Effect.map(
        secondFactor.code({
          attempt: 1,
          rejected: Option.none(),
          detail: "",
          serverTime: Option.map(Option.fromNullable(serverTime), DateTime.unsafeMake)
        }),
        Redacted.value
      )

const load = (env: Record<string, string>) =>
  Effect.withConfigProvider(
    Effect.provide(SecondFactor.SecondFactor, SecondFactor.layerConfig),
    ConfigProvider.fromMap(new Map(Object.entries(env)))
  )

describe("totp", () => {
  it.effect.each([
    [59, "94287082"],
    [1_111_111_109, "07081804"],
    [1_234_567_890, "89005924"],
    [20_000_000_000, "65353130"]
  ] as const)("computes RFC 6238's code at %i s", ([seconds, code]) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(seconds * 1000)
      assert.strictEqual(yield* ask(SecondFactor.totp(SEED, { digits: 8 })), code)
    })
  )

  it.effect.each([
    ["SHA256", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA", "46119246"],
    [
      "SHA512",
      "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNA",
      "90693936"
    ]
  ] as const)("computes with %s", ([algorithm, seed, code]) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(59_000)
      assert.strictEqual(yield* ask(SecondFactor.totp(seed, { digits: 8, algorithm })), code)
    })
  )

  it.effect("reads a seed as apps show it", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(59_000)
      for (const seed of [
        "gezd gnbv gy3t qojq gezd gnbv gy3t qojq",
        "GEZDGNBV-GY3TQOJQ-GEZDGNBV-GY3TQOJQ",
        `${SEED}====`
      ]) {
        assert.strictEqual(yield* ask(SecondFactor.totp(Redacted.make(seed))), "287082")
      }
    })
  )

  it.effect("goes by the server's clock", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(3_600_000)
      assert.strictEqual(yield* ask(SecondFactor.totp(SEED), 59_000), "287082")
    })
  )

  it.effect.each([1999, -1999])("goes by ours where the server's differs by %i ms, which means nothing", (difference) =>
    Effect.gen(function* () {
      const edge = difference > 0 ? 59_999 : 30_000
      yield* TestClock.setTime(edge)
      assert.strictEqual(yield* ask(SecondFactor.totp(SEED), edge + difference), "287082")
      assert.notStrictEqual(yield* ask(SecondFactor.totp(SEED), edge + 2 * difference), "287082")
    })
  )

  it.effect("hands out each period once, across fibers, and the next ones in turn", () =>
    Effect.gen(function* () {
      const secondFactor = SecondFactor.totp(SEED)
      const fibers = yield* Effect.all([ask(secondFactor), ask(secondFactor), ask(secondFactor)].map(Effect.fork))
      const done = Effect.map(Effect.all(fibers.map(Fiber.poll)), (polled) => polled.filter(Option.isSome).length)
      yield* TestClock.adjust("29 seconds")
      assert.strictEqual(yield* done, 1)
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual(yield* done, 2)
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(new Set(yield* Fiber.join(Fiber.all(fibers))).size, 3)
    })
  )

  it.effect("uses up no period for a caller that is interrupted while it waits", () =>
    Effect.gen(function* () {
      const secondFactor = SecondFactor.totp(SEED)
      yield* ask(secondFactor)
      const waiting = yield* Effect.all(Array.from({ length: 10 }, () => Effect.fork(ask(secondFactor))))
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.interruptAll(waiting)
      yield* TestClock.adjust("29 seconds")
      assert.match(yield* ask(secondFactor), /^\d{6}$/)
    })
  )

  it.effect("does not wait for ever after an answer with a wrong date", () =>
    Effect.gen(function* () {
      const secondFactor = SecondFactor.totp(SEED)
      yield* ask(secondFactor, 4_000_000_000_000)
      assert.match(yield* ask(secondFactor), /^\d{6}$/)
    })
  )

  it.effect("remembers the last 64 periods it handed out, and forgets older ones", () =>
    Effect.gen(function* () {
      const secondFactor = SecondFactor.totp(SEED)
      const at = (period: number) => TestClock.setTime(period * 30_000)
      for (let period = 0; period <= 64; period++) {
        yield* at(period)
        yield* ask(secondFactor)
      }
      for (const remembered of [64, 63, 1]) {
        yield* at(remembered)
        const fiber = yield* Effect.fork(ask(secondFactor))
        yield* TestClock.adjust("29 seconds")
        assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
        yield* Fiber.interrupt(fiber)
      }
      yield* at(0)
      const fiber = yield* Effect.fork(ask(secondFactor))
      yield* TestClock.adjust("29 seconds")
      assert.isTrue(Option.isSome(yield* Fiber.poll(fiber)))
      yield* Fiber.interrupt(fiber)
    })
  )

  it.each(["", "  ", "===", "A", "GEZD0189", "hunter2!", "ÄÖÜ"])("refuses the seed %j with a sentence", (seed) => {
    assert.throws(() => SecondFactor.totp(seed), TypeError, /^a TOTP seed must (not be empty|be base32)(?!.*hunter2)/)
  })

  it.each([{ digits: 5 }, { digits: 6.5 }, { digits: 11 }, { period: 0 }, { period: 3601 }, { period: Number.NaN }])(
    "refuses %j",
    (options) => {
      assert.throws(() => SecondFactor.totp(SEED, options), TypeError, /^(digits|period) must be a whole number/)
    }
  )

  it("accepts the longest period, an hour", () => {
    assert.strictEqual(SecondFactor.totp(SEED, { period: 3600 })._tag, "Codes")
  })

  it("prints no seed", () => {
    const secondFactor = SecondFactor.totp(SEED)
    assert.notInclude(inspect(secondFactor, { depth: null }) + JSON.stringify(secondFactor), SEED)
  })
})

describe("layerConfig", () => {
  it.effect("is totp with DOCKERHUB_TOTP_SECRET, and none without or with an empty one", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* load({ DOCKERHUB_TOTP_SECRET: SEED }))._tag, "Codes")
      assert.strictEqual((yield* load({ DOCKERHUB_TOTP_SECRET: "" }))._tag, "None")
      assert.strictEqual((yield* load({}))._tag, "None")
    })
  )

  it.effect("fails for a seed that is none, without printing it", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(load({ DOCKERHUB_TOTP_SECRET: "hunter2!" }))
      assert.include(String(error), "must be base32")
      assert.notInclude(String(error) + JSON.stringify(error), "hunter2!")
    })
  )
})
