import { assert, describe, it } from "@effect/vitest"
import { AuthError, HubSession, SecondFactor } from "@effect-dockerhub/core"
import { Faults, HubEmulator } from "@effect-dockerhub/core/testing"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { ada, grace, hub, requestCount } from "./hub.ts"
import { enqueue, recovery, session, storeWith, value } from "./HubSession.world.ts"
import { recordingTracer } from "./recordingTracer.ts"

const { token } = HubSession

/** The session's events from now on. */
const recorded = Effect.gen(function* () {
  const events: Array<HubSession.SessionEvent> = []
  yield* Effect.forkScoped(Stream.runForEach(HubSession.events, (event) => Effect.sync(() => void events.push(event))))
  yield* TestClock.adjust("1 millis")
  return events
})

/** Somebody asks every second. */
const traffic = (seconds: number) => Effect.repeatN(Effect.zipRight(token, TestClock.adjust("1 seconds")), seconds - 1)

/** A login endpoint that is down, and answers each login once. */
const down = enqueue(Faults.status(500), Number.POSITIVE_INFINITY)

describe("a session that was reset", () => {
  it.effect("begins anew: its next login is the first, also after an invalidated token", () =>
    Effect.gen(function* () {
      const events = yield* recorded
      yield* HubSession.invalidate(yield* token)
      yield* token
      yield* HubSession.invalidate(yield* token)
      yield* HubSession.reset
      yield* token
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(
        events.map(({ _tag }) => _tag),
        ["Authenticated", "Refreshed", "Authenticated"]
      )
    }).pipe(Effect.scoped, Effect.provide(session(ada)))
  )

  it.effect("lets the background try again whether a person is needed", () =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.HubEmulator
      const person = SecondFactor.fromEffect(() => emulator.code("grace"))
      yield* Effect.gen(function* () {
        yield* token
        assert.strictEqual(yield* requestCount, 2)
        yield* TestClock.adjust("9 minutes")
        yield* traffic(3)
        assert.strictEqual(yield* requestCount, 3)
        yield* HubSession.reset
        yield* token
        assert.strictEqual(yield* requestCount, 5)
        yield* TestClock.adjust("9 minutes")
        yield* traffic(3)
        assert.strictEqual(yield* requestCount, 6)
      }).pipe(Effect.provide(Layer.provide(HubSession.layer({ credentials: grace }), SecondFactor.layer(person))))
    }).pipe(Effect.provide(hub({ rateLimit: false })))
  )

  it.effect("asks a second factor again that had none to give, and nobody before", () =>
    Effect.gen(function* () {
      let asked = 0
      const nobody = SecondFactor.fromEffect(() => {
        asked++
        return new AuthError.SecondFactorUnavailable({ reason: "nobody is at home" })
      })
      yield* Effect.gen(function* () {
        const first = yield* Effect.flip(token)
        assert.strictEqual(first._tag, "SecondFactorUnavailable")
        yield* TestClock.adjust("1 days")
        assert.strictEqual(yield* Effect.flip(token), first)
        assert.strictEqual(asked, 1)
        assert.strictEqual(yield* requestCount, 1)
        yield* HubSession.reset
        yield* Effect.flip(token)
        assert.strictEqual(asked, 2)
      }).pipe(Effect.provide(Layer.provide(HubSession.layer({ credentials: grace }), SecondFactor.layer(nobody))))
    }).pipe(Effect.provide(hub({ rateLimit: false })))
  )
})

describe("two logouts at once", () => {
  const removes = storeWith((store) => {
    let count = 0
    return {
      remove: (key) =>
        Effect.suspend(() =>
          count++ === 0
            ? Effect.delay(new AuthError.SessionStoreError({ operation: "remove", reason: "Busy" }), "1 seconds")
            : Effect.delay(store.remove(key), "5 seconds")
        )
    }
  })

  it.effect("give nobody the old token, who asks while the second one is still under way", () =>
    Effect.gen(function* () {
      const old = yield* token
      const leaving = yield* Effect.forEach([1, 2], () => Effect.fork(Effect.either(HubSession.logout)))
      yield* TestClock.adjust("2 seconds")
      const asking = yield* Effect.fork(token)
      yield* TestClock.adjust("10 seconds")
      const outcomes = yield* Fiber.join(Fiber.all(leaving))
      assert.deepStrictEqual(outcomes.map(Either.isRight), [false, true])
      assert.notStrictEqual(value(yield* Fiber.join(asking)), value(old))
      assert.notStrictEqual(value(yield* token), value(old))
    }).pipe(Effect.provide(Layer.provide(session(ada), removes)))
  )
})

describe("refreshes in the background that fail", () => {
  it.effect("are far apart only within one outage: the next one's first pause is short again", () =>
    Effect.gen(function* () {
      const events = yield* recorded
      const pauses = () =>
        events.splice(0).flatMap((event) => (event._tag === "RefreshFailed" ? [Duration.toMillis(event.retryIn)] : []))
      yield* token
      yield* TestClock.adjust("8.5 minutes")
      yield* down
      yield* traffic(60)
      const first = pauses()
      assert.isAtLeast(first.length, 3)
      assert.isAtMost(first[0] ?? Number.NaN, 5000)
      assert.isAbove(first.at(-1) ?? Number.NaN, 10_000)
      yield* recovery
      yield* TestClock.adjust("1 minutes")
      yield* token
      yield* TestClock.adjust("9 minutes")
      yield* down
      yield* traffic(1)
      const [again] = pauses()
      assert.isAtLeast(again ?? Number.NaN, 2500)
      assert.isAtMost(again ?? Number.NaN, 5000)
      const before = yield* requestCount
      yield* traffic(5)
      assert.strictEqual((yield* requestCount) - before, 1)
    }).pipe(Effect.scoped, Effect.provide(session(ada)))
  )

  it.effect("are counted on the span of the next one, until one succeeds", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recordingTracer()
      yield* Effect.gen(function* () {
        yield* token
        yield* TestClock.adjust("9 minutes")
        yield* enqueue(Faults.status(500), 2)
        yield* traffic(30)
        yield* TestClock.adjust("9 minutes")
        yield* traffic(2)
      }).pipe(Effect.provide(session(ada)), Effect.withTracer(tracer))
      const attempts = spans
        .filter(({ name }) => name === "HubSession.refresh")
        .map(({ attributes }) => attributes.get("dockerhub.attempts"))
      assert.deepStrictEqual(attempts, [1, 1, 2, 3, 1])
    })
  )
})
