import { assert, describe, it } from "@effect/vitest"
import { HubAuth, HubPolicy } from "@effect-dockerhub/core"
import { Faults } from "@effect-dockerhub/core/testing"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { ada, enqueue, hub, requestCount } from "./hub.ts"

/** The test's clock, on which the time of day can be set, and time be lost while everybody sleeps too long. */
const movable = Effect.clockWith((test) => {
  const moved = { timeOfDay: 0, lost: 0 }
  const millis = () => test.unsafeCurrentTimeMillis() + moved.timeOfDay + moved.lost
  const nanos = () => test.unsafeCurrentTimeNanos() + BigInt(moved.lost) * 1_000_000n
  const clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: millis,
    unsafeCurrentTimeNanos: nanos,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanos: Effect.sync(nanos),
    sleep: (duration) => test.sleep(duration)
  }
  return Effect.succeed({ clock, moved })
})

describe("the time of day", () => {
  it.effect.each([3_600_000, -3_600_000])("may be set by %i ms during a wait, and changes nothing", (change) =>
    Effect.gen(function* () {
      const { clock, moved } = yield* movable
      yield* enqueue(Faults.rateLimited({ after: "20 seconds" }))
      const fiber = yield* Effect.fork(Effect.withClock(HubAuth.login(ada), clock))
      yield* TestClock.adjust("5 seconds")
      moved.timeOfDay = change
      yield* TestClock.adjust("14999 millis")
      assert.strictEqual(yield* requestCount, 1)
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(fiber)
      assert.strictEqual(yield* requestCount, 2)
    }).pipe(Effect.provide(hub()))
  )

  it.effect.each([3_600_000, -3_600_000])(
    "may be set by %i ms during a hold, which ends when it would have",
    (change) =>
      Effect.gen(function* () {
        const { clock, moved } = yield* movable
        const login = Effect.withClock(HubAuth.login(ada), clock)
        yield* enqueue(Faults.rateLimited({ after: "45 seconds" }))
        yield* Effect.flip(login)
        yield* TestClock.adjust("5 seconds")
        moved.timeOfDay = change
        assert.deepInclude(yield* Effect.flip(login), { retryAfter: Option.some(Duration.seconds(40)) })
        yield* TestClock.adjust("40 seconds")
        yield* login
        assert.strictEqual(yield* requestCount, 2)
      }).pipe(Effect.provide(hub()))
  )
})

describe("a process that sleeps past its deadline, as a laptop does", () => {
  it.effect("asks no more after a wait, and tells what went wrong before it", () =>
    Effect.gen(function* () {
      const { clock, moved } = yield* movable
      yield* enqueue(Faults.rateLimited({ after: "20 seconds" }))
      const fiber = yield* Effect.fork(Effect.either(Effect.withClock(HubAuth.login(ada), clock)))
      yield* TestClock.adjust("5 seconds")
      moved.lost = 60_000
      yield* TestClock.adjust("15 seconds")
      assert.deepInclude(yield* Effect.flip(yield* Fiber.join(fiber)), {
        _tag: "RateLimited",
        retryAfter: Option.some(Duration.seconds(20))
      })
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* requestCount, 1)
    }).pipe(Effect.provide(hub()))
  )

  it.effect("asks nothing after it has waited for a hold", () =>
    Effect.gen(function* () {
      const { clock, moved } = yield* movable
      yield* enqueue(Faults.rateLimited({ after: "20 seconds" }))
      yield* HubPolicy.with(Effect.flip(Effect.withClock(HubAuth.login(ada), clock)), { maxRetries: 0 })
      const fiber = yield* Effect.fork(Effect.either(Effect.withClock(HubAuth.login(ada), clock)))
      yield* TestClock.adjust("5 seconds")
      moved.lost = 60_000
      yield* TestClock.adjust("15 seconds")
      const result = yield* Fiber.join(fiber)
      assert.isTrue(Either.isLeft(result))
      assert.deepInclude(yield* Effect.flip(result), { _tag: "RequestTimedOut", scope: "deadline" })
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* requestCount, 1)
    }).pipe(Effect.provide(hub()))
  )
})
