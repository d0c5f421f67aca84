import { assert, describe, it } from "@effect/vitest"
import { AuthError, Credentials, HubAuth, HubPolicy } from "@effect-dockerhub/core"
import { Faults, HubEmulator } from "@effect-dockerhub/core/testing"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as TestClock from "effect/TestClock"
import {
  ada,
  enqueue,
  grace,
  graceToken,
  hub,
  operationNames,
  operations,
  requestCount,
  requests,
  timed
} from "./hub.ts"

/** Random numbers that are always the largest or the smallest of their range. */
const random = (share: number): Random.Random =>
  Object.assign(Random.make("unused"), {
    nextRange: (min: number, max: number) => Effect.succeed(min + (max - min) * share)
  })

const HIGHEST = random(1)
const LOWEST = random(0)

/** How many requests one operation makes when every answer has this fault. */
const attempts = (fault: Faults.Fault, name: (typeof operationNames)[number]) =>
  Effect.gen(function* () {
    yield* enqueue(fault, Number.POSITIVE_INFINITY)
    yield* timed(operations[name])
    return yield* requestCount
  }).pipe(Effect.provide(hub()))

describe("what is repeated", () => {
  it.effect.each([
    ["a broken connection", Faults.resetAfterBody(), [3, 1, 3]],
    ["a body that ends early", Faults.truncatedBody(), [3, 1, 3]],
    ["no answer", Faults.never, [3, 1, 3]],
    ["429 with a time", Faults.rateLimited({ after: "1 seconds" }), [3, 1, 3]],
    ["429 without a time", Faults.rateLimited({ retryAfter: "none" }), [1, 1, 1]],
    ["502", Faults.status(502), [3, 1, 3]],
    ["503", Faults.status(503), [3, 1, 3]],
    ["504", Faults.status(504), [3, 1, 3]],
    ["500", Faults.status(500), [1, 1, 1]],
    ["401", Faults.status(401), [1, 1, 1]],
    ["403", Faults.status(403), [1, 1, 1]],
    ["a block", Faults.challengePage(), [1, 1, 1]],
    ["407", Faults.status(407), [1, 1, 1]],
    ["a redirect", Faults.redirect("https://hub.docker.com/"), [1, 1, 1]],
    ["200 without a token", Faults.status(200), [1, 1, 1]],
    ["a body over 1 MiB", Faults.oversizedBody(2_000_000), [1, 1, 1]]
  ] as const)("%s: so many requests of login, twoFactorLogin, createAccessToken: %j", ([, fault, expected]) =>
    Effect.map(
      Effect.forEach(operationNames, (name) => attempts(fault, name)),
      (counts) => assert.deepStrictEqual(counts, [...expected])
    )
  )

  it.effect("a 2FA code that may have reached the server is never sent twice", () =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.HubEmulator
      for (const fault of [
        Faults.resetAfterBody({ acted: true }),
        Faults.delay("1 hour", { acted: true }),
        Faults.truncatedBody(),
        Faults.status(504)
      ]) {
        yield* emulator.enqueue(fault, { route: "twoFactorLogin" })
        const required = yield* Effect.flip(HubAuth.login(grace))
        if (required._tag !== "TwoFactorRequired") return assert.fail(required._tag)
        const code = yield* emulator.code("grace")
        const { result } = yield* timed(HubAuth.twoFactorLogin({ challenge: required.challenge, code }))
        assert.isTrue(Either.isLeft(result))
      }
      const codes = (yield* requests)
        .filter(({ route }) => route === "twoFactorLogin")
        .map(({ body }) => JSON.stringify(body))
      assert.strictEqual(codes.length, 4)
      assert.strictEqual(new Set(codes).size, 4)
    }).pipe(Effect.provide(hub()))
  )
})

describe("how long it waits", () => {
  it.effect("429 with Retry-After: 2 waits 2 s and succeeds", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.respond({ status: 429, headers: { "retry-after": "2" } }))
      const fiber = yield* Effect.fork(HubAuth.login(ada))
      yield* TestClock.adjust("1999 millis")
      assert.strictEqual(yield* requestCount, 1)
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(fiber)
      assert.strictEqual(yield* requestCount, 2)
    }).pipe(Effect.provide(hub()))
  )

  it.effect.each(["seconds", "epoch", "http-date"] as const)(
    "a wait told in %s is kept, by the server's own clock",
    (retryAfter) =>
      Effect.gen(function* () {
        yield* TestClock.setTime(1_769_818_788_000)
        yield* enqueue(Faults.rateLimited({ after: "7 seconds", retryAfter }))
        const { millis, result } = yield* timed(HubAuth.login(ada))
        assert.isTrue(Either.isRight(result))
        assert.strictEqual(millis, 7000)
      }).pipe(Effect.provide(hub({ clockOffset: "1 hour" })))
  )

  it.effect("an epoch 45 s away fails at once, and says 45 s", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_769_818_788_000)
      yield* enqueue(Faults.rateLimited({ after: "45 seconds", retryAfter: "epoch" }))
      const { millis, result } = yield* timed(HubAuth.login(ada))
      assert.strictEqual(millis, 0)
      assert.deepInclude(yield* Effect.flip(result), {
        _tag: "RateLimited",
        retryAfter: Option.some(Duration.seconds(45))
      })
      assert.strictEqual(yield* requestCount, 1)
    }).pipe(Effect.provide(hub()))
  )

  it.effect("exactly maxRetryAfter is waited for, a second more is not", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.rateLimited({ after: "30 seconds" }))
      assert.strictEqual((yield* timed(HubAuth.login(ada))).millis, 30_000)
      yield* enqueue(Faults.rateLimited({ after: "31 seconds" }))
      const { millis, result } = yield* timed(HubAuth.login(ada))
      assert.strictEqual(millis, 0)
      assert.isTrue(Either.isLeft(result))
    }).pipe(Effect.provide(hub()))
  )

  it.effect("a told wait is a floor: jitter only lengthens it", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.rateLimited({ after: "1 seconds" }))
      assert.strictEqual((yield* timed(HubAuth.login(ada))).millis, 8000)
    }).pipe(HubPolicy.with({ backoff: { base: "8 seconds" } }), Effect.withRandom(HIGHEST), Effect.provide(hub()))
  )

  it.effect("the back-off is anything up to base × factorⁿ, and never over its cap", () =>
    Effect.gen(function* () {
      const outage = Effect.zipRight(enqueue(Faults.status(503), 6), timed(HubAuth.login(ada)))
      const longest = yield* Effect.withRandom(outage, HIGHEST)
      assert.strictEqual(longest.millis, 200 + 400 + 800 + 1000 + 1000)
      const shortest = yield* Effect.withRandom(outage, LOWEST)
      assert.strictEqual(shortest.millis, 0)
    }).pipe(HubPolicy.with({ maxRetries: 5, backoff: { cap: "1 seconds" } }), Effect.provide(hub({ rateLimit: false })))
  )

  it.effect("a retry that succeeds is a success", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.status(503), 2)
      const { result } = yield* timed(HubAuth.login(ada))
      assert.isTrue(Either.isRight(result))
      assert.strictEqual(yield* requestCount, 3)
    }).pipe(Effect.provide(hub()))
  )

  it.effect("whoever debugs sees each repeat in the log, its reason and when it comes", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel.label} ${String(message)}`))
      yield* enqueue(Faults.status(503), 2)
      yield* timed(HubAuth.login(ada)).pipe(
        Effect.withRandom(HIGHEST),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
        Logger.withMinimumLogLevel(LogLevel.Debug)
      )
      assert.deepStrictEqual(lines, [
        "DEBUG ServiceUnavailable: attempt 1 failed, the next one in 200 ms",
        "DEBUG ServiceUnavailable: attempt 2 failed, the next one in 400 ms"
      ])
    }).pipe(Effect.provide(hub()))
  )

  it.effect("the last real failure comes out, not that retries are exhausted", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.status(502))
      yield* enqueue(Faults.resetAfterBody())
      yield* enqueue(Faults.respond({ status: 503, body: { message: "the third" } }))
      const { result } = yield* timed(HubAuth.login(ada))
      assert.deepInclude(yield* Effect.flip(result), { _tag: "ServiceUnavailable", detail: "the third" })
    }).pipe(Effect.provide(hub()))
  )
})

describe("time limits", () => {
  it.effect("an attempt without an answer ends after attemptTimeout, its body included", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.never)
      const { millis, result } = yield* timed(HubAuth.login(ada))
      assert.strictEqual(millis, 10_000)
      assert.deepInclude(yield* Effect.flip(result), {
        _tag: "RequestTimedOut",
        scope: "attempt",
        after: Duration.seconds(10)
      })
    }).pipe(HubPolicy.with({ maxRetries: 0 }), Effect.provide(hub()))
  )

  it.effect("an outage ends at the deadline, not after it", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.never, Number.POSITIVE_INFINITY)
      const { millis, result } = yield* timed(HubAuth.login(ada))
      assert.strictEqual(millis, 25_000)
      assert.deepInclude(yield* Effect.flip(result), {
        _tag: "RequestTimedOut",
        scope: "deadline",
        after: Duration.seconds(25)
      })
    }).pipe(HubPolicy.with({ deadline: "25 seconds", maxRetries: 9, backoff: { base: 0 } }), Effect.provide(hub()))
  )

  it.effect("an attempt that may take as long as the whole ends with the whole", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.never)
      const { millis, result } = yield* timed(HubAuth.login(ada))
      assert.strictEqual(millis, 10_000)
      assert.deepInclude(yield* Effect.flip(result), {
        _tag: "RequestTimedOut",
        scope: "deadline",
        after: Duration.seconds(10)
      })
    }).pipe(HubPolicy.with({ deadline: "10 seconds" }), Effect.provide(hub()))
  )

  it.effect("a wait that would pass the deadline is not begun", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.rateLimited({ after: "20 seconds" }))
      const { millis, result } = yield* timed(HubAuth.login(ada))
      assert.strictEqual(millis, 0)
      assert.deepInclude(yield* Effect.flip(result), {
        _tag: "RateLimited",
        retryAfter: Option.some(Duration.seconds(20))
      })
    }).pipe(HubPolicy.with({ deadline: "20 seconds" }), Effect.provide(hub()))
  )

  it.effect("HubPolicy.none neither repeats nor waits nor times out", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.status(503))
      assert.isTrue(Either.isLeft((yield* timed(HubAuth.login(ada))).result))
      yield* enqueue(Faults.rateLimited({ after: "1 seconds" }))
      assert.strictEqual((yield* timed(HubAuth.login(ada))).millis, 0)
      yield* TestClock.adjust("1 seconds")
      yield* enqueue(Faults.delay("1 hour"))
      const { millis, result } = yield* timed(HubAuth.login(ada), "2 hours")
      assert.strictEqual(millis, 3_600_000)
      assert.isTrue(Either.isRight(result))
    }).pipe(Effect.provideService(HubPolicy.HubPolicy, HubPolicy.none), Effect.provide(hub()))
  )

  it.effect("interruption ends a wait and a request at once, and nothing follows", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.status(503))
      const waiting = yield* Effect.fork(HubAuth.login(ada).pipe(Effect.withRandom(HIGHEST)))
      yield* TestClock.adjust("100 millis")
      yield* Fiber.interrupt(waiting)
      yield* enqueue(Faults.never)
      const asking = yield* Effect.fork(HubAuth.login(ada))
      yield* TestClock.adjust("100 millis")
      yield* Fiber.interrupt(asking)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(yield* requestCount, 2)
    }).pipe(Effect.provide(hub()))
  )
})

describe("holds", () => {
  it.effect("keep everyone on one HubAuth from asking for a held account, in whatever way", () =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.HubEmulator
      const required = yield* Effect.flip(HubAuth.login(grace))
      if (required._tag !== "TwoFactorRequired") return assert.fail(required._tag)
      yield* enqueue(Faults.rateLimited({ after: "45 seconds" }))
      yield* Effect.flip(HubAuth.login(grace))
      yield* TestClock.adjust("5 seconds")
      yield* emulator.clearRequests
      const held = { _tag: "RateLimited" as const, retryAfter: Option.some(Duration.seconds(40)) }
      for (const operation of [
        HubAuth.login(grace),
        HubAuth.login(Credentials.password(" GRACE ", "another password")),
        HubAuth.authenticate(grace),
        HubAuth.createAccessToken(grace),
        HubAuth.twoFactorLogin({ challenge: required.challenge, code: "123456" })
      ]) {
        assert.deepInclude(yield* Effect.flip(operation), held)
      }
      assert.strictEqual(yield* requestCount, 0)
      yield* HubAuth.login(ada)
      yield* HubAuth.createAccessToken(graceToken)
      assert.strictEqual(yield* requestCount, 2)
    }).pipe(Effect.provide(hub()))
  )

  it.effect("last a minute when no time was told", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.rateLimited({ retryAfter: "none" }))
      assert.deepInclude(yield* Effect.flip(HubAuth.login(ada)), { _tag: "RateLimited", retryAfter: Option.none() })
      assert.deepInclude(yield* Effect.flip(HubAuth.login(ada)), { retryAfter: Option.some(Duration.minutes(1)) })
      yield* TestClock.adjust("1 minutes")
      yield* HubAuth.login(ada)
    }).pipe(Effect.provide(hub()))
  )

  it.effect("are waited out by those who can afford it", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.rateLimited({ after: "20 seconds" }))
      yield* HubPolicy.with(Effect.flip(HubAuth.login(ada)), { maxRetries: 0 })
      yield* TestClock.adjust("5 seconds")
      const { millis, result } = yield* timed(HubAuth.login(ada))
      assert.strictEqual(millis, 15_000)
      assert.isTrue(Either.isRight(result))
    }).pipe(Effect.provide(hub()))
  )

  it.effect("are waited out to their new end when they are prolonged meanwhile", () =>
    Effect.gen(function* () {
      const impatient = HubPolicy.with(Effect.flip(HubAuth.login(ada)), { maxRetries: 0 })
      yield* enqueue(Faults.delayed("5 seconds", Faults.rateLimited({ after: "10 seconds" })))
      yield* Effect.fork(impatient)
      yield* TestClock.adjust("1 seconds")
      yield* enqueue(Faults.rateLimited({ after: "6 seconds" }))
      yield* impatient
      const { millis, result } = yield* timed(HubAuth.login(ada))
      assert.strictEqual(millis, 14_000)
      assert.isTrue(Either.isRight(result))
    }).pipe(Effect.provide(hub()))
  )

  it.effect("are not waited out past the deadline: it fails at once, and says how long", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.rateLimited({ after: "20 seconds" }))
      yield* HubPolicy.with(Effect.flip(HubAuth.login(ada)), { maxRetries: 0 })
      const { millis, result } = yield* HubPolicy.with(timed(HubAuth.login(ada)), { deadline: "15 seconds" })
      assert.strictEqual(millis, 0)
      assert.deepInclude(yield* Effect.flip(result), {
        _tag: "RateLimited",
        retryAfter: Option.some(Duration.seconds(20))
      })
      assert.strictEqual(yield* requestCount, 1)
    }).pipe(Effect.provide(hub()))
  )

  it.effect("are not shortened by a later 429 that asks for less", () =>
    Effect.gen(function* () {
      const impatient = HubPolicy.with(Effect.flip(HubAuth.login(ada)), { maxRetries: 0 })
      yield* enqueue(Faults.delayed("1 seconds", Faults.rateLimited({ after: "5 seconds" })))
      yield* enqueue(Faults.rateLimited({ after: "45 seconds" }))
      const later = yield* Effect.fork(impatient)
      yield* TestClock.adjust("500 millis")
      yield* impatient
      yield* TestClock.adjust("500 millis")
      assert.deepInclude(yield* Fiber.join(later), { retryAfter: Option.some(Duration.seconds(5)) })
      assert.deepInclude(yield* impatient, { retryAfter: Option.some(Duration.millis(44_500)) })
      assert.strictEqual(yield* requestCount, 2)
    }).pipe(Effect.provide(hub()))
  )

  it.effect("do not reach another HubAuth", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.rateLimited({ after: "45 seconds" }))
      yield* Effect.flip(HubAuth.login(ada))
      const other = yield* HubAuth.make
      yield* other.login(ada)
    }).pipe(Effect.provide(hub()))
  )

  it.effect("of a thousand accounts and more are kept in bounded memory, the longest ones to the last", () =>
    Effect.gen(function* () {
      const login = (index: number, after: Duration.DurationInput) =>
        Effect.zipRight(
          enqueue(Faults.rateLimited({ after })),
          Effect.flip(HubAuth.login(Credentials.password(`user${index}`, "a password")))
        )
      yield* login(0, "2 minutes")
      for (let index = 1; index <= 1000; index++) yield* login(index, "1 hour")
      assert.strictEqual(yield* requestCount, 1001)
      yield* login(1000, "1 hour")
      assert.strictEqual(yield* requestCount, 1001)
      yield* login(0, "1 hour")
      assert.strictEqual(yield* requestCount, 1002)
    }).pipe(Effect.provide(hub({ rateLimit: false })))
  )
})

describe("the retry budget", () => {
  const outage = (fault: Faults.Fault, logins: number) =>
    Effect.gen(function* () {
      yield* enqueue(fault, Number.POSITIVE_INFINITY)
      yield* Effect.repeatN(Effect.zipRight(timed(HubAuth.login(ada)), Effect.void), logins - 1)
      return yield* requestCount
    })

  it.effect("lets twenty repeats through an outage, then none", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* outage(Faults.status(503), 50), 50 + 20)
    }).pipe(Effect.provide(hub({ rateLimit: false })))
  )

  it.effect("is used up twice as fast by timeouts", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* outage(Faults.never, 50), 50 + 10)
    }).pipe(Effect.provide(hub({ rateLimit: false })))
  )

  it.effect("gets one back for a plain success, and what they took for repeats that succeeded", () =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.HubEmulator
      const repeats = Effect.gen(function* () {
        yield* emulator.clearRequests
        yield* enqueue(Faults.status(503), Number.POSITIVE_INFINITY)
        yield* timed(HubAuth.login(ada))
        yield* emulator.clearFaults
        return (yield* requestCount) - 1
      })
      assert.strictEqual(yield* outage(Faults.status(503), 50), 70)
      yield* emulator.clearFaults
      for (let login = 1; login <= 4; login++) yield* HubAuth.login(ada)
      assert.strictEqual(yield* repeats, 0)
      yield* HubAuth.login(ada)
      yield* enqueue(Faults.status(503))
      assert.isTrue(Either.isRight((yield* timed(HubAuth.login(ada))).result))
      assert.strictEqual(yield* repeats, 1)
      assert.strictEqual(yield* repeats, 0)
    }).pipe(Effect.provide(hub({ rateLimit: false })))
  )

  it.effect("is never more than full, however many successes there were", () =>
    Effect.gen(function* () {
      yield* Effect.repeatN(HubAuth.login(ada), 29)
      assert.strictEqual((yield* outage(Faults.status(503), 15)) - 30, 15 + 20)
    }).pipe(Effect.provide(hub({ rateLimit: false })))
  )

  it.effect("counts a challenge for a success: the server is well", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.status(503), 2)
      yield* timed(HubAuth.login(grace))
      yield* enqueue(Faults.status(503), 2)
      yield* timed(HubAuth.login(grace))
      assert.strictEqual(yield* requestCount, 6)
    }).pipe(
      HubPolicy.with({}),
      Effect.provide(Layer.provide(hub(), HubPolicy.layer({ retryBudget: { capacity: 10 } })))
    )
  )

  it.effect("is fixed when HubAuth is built", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* outage(Faults.status(503), 5), 5)
    }).pipe(
      HubPolicy.with({ retryBudget: { capacity: 1000 } }),
      Effect.provide(Layer.provide(hub(), HubPolicy.layer({ retryBudget: { capacity: 0 } })))
    )
  )

  it.effect("keeps its prices, whatever a policy around a call says of them", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* outage(Faults.status(503), 15), 15 + 20)
    }).pipe(
      HubPolicy.with({ retryBudget: { retryCost: 0, timeoutCost: 0 } }),
      Effect.provide(hub({ rateLimit: false }))
    )
  )

  it.effect("ends a storm: 500 callers in an outage make at most a fifth more requests than calls", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.status(503), Number.POSITIVE_INFINITY)
      yield* timed(
        Effect.forEach(Array.from({ length: 500 }), () => Effect.either(HubAuth.login(ada)), {
          concurrency: "unbounded"
        })
      )
      assert.isAtMost(yield* requestCount, 600)
      assert.isAtLeast(yield* requestCount, 500)
    }).pipe(Effect.provide(hub({ rateLimit: false })))
  )
})

describe("errors that may pass by themselves", () => {
  it.effect("are those isTransient names", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.status(503))
      assert.isTrue(AuthError.isTransient(yield* Effect.flip(HubAuth.login(ada))))
      yield* enqueue(Faults.status(401))
      assert.isFalse(AuthError.isTransient(yield* Effect.flip(HubAuth.login(ada))))
    }).pipe(HubPolicy.with({ maxRetries: 0 }), Effect.provide(hub()))
  )
})
