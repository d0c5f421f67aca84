import { assert, describe, it } from "@effect/vitest"
import { HubSession } from "@effect-dockerhub/core"
import { Faults } from "@effect-dockerhub/core/testing"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { ada, hub, requestCount } from "./hub.ts"
import { enqueue, value } from "./HubSession.world.ts"

/** A session, and the scope it lives in. */
const scoped = Effect.gen(function* () {
  const scope = yield* Scope.make()
  const session = yield* Scope.extend(HubSession.make({ credentials: ada }), scope)
  return { scope, session }
})

describe("a session whose scope is closed", () => {
  it.effect("serves nobody, although it had a token", () =>
    Effect.gen(function* () {
      const { scope, session } = yield* scoped
      yield* session.token
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.isInterrupted(yield* Effect.exit(session.token)))
      yield* TestClock.adjust("9 minutes")
      assert.isTrue(Exit.isInterrupted(yield* Effect.exit(session.token)))
      assert.strictEqual(yield* requestCount, 1)
    }).pipe(Effect.provide(hub()))
  )

  it.effect("ends a refresh in the background that was under way", () =>
    Effect.gen(function* () {
      const { scope, session } = yield* scoped
      yield* session.token
      yield* TestClock.adjust("9 minutes")
      yield* enqueue(Faults.delay("5 seconds"))
      yield* session.token
      yield* TestClock.adjust("1 seconds")
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("1 minutes")
      assert.isTrue(Exit.isInterrupted(yield* Effect.exit(session.token)))
      assert.strictEqual(yield* requestCount, 2)
    }).pipe(Effect.provide(hub()))
  )

  it.effect("ends its events, what happened before included", () =>
    Effect.gen(function* () {
      const { scope, session } = yield* scoped
      const events = yield* Effect.fork(Stream.runCollect(session.events))
      yield* TestClock.adjust("1 millis")
      yield* session.token
      yield* TestClock.adjust("1 millis")
      yield* Scope.close(scope, Exit.void)
      const seen = Chunk.toReadonlyArray(yield* Fiber.join(events))
      assert.deepStrictEqual(
        seen.map(({ _tag }) => _tag),
        ["Authenticated"]
      )
    }).pipe(Effect.provide(hub()))
  )
})

describe("a session whose scope is closing, while a later part of it takes its time,", () => {
  const closing = Effect.gen(function* () {
    const { scope, session } = yield* scoped
    yield* Scope.addFinalizer(scope, Effect.sleep("10 seconds"))
    const closed = yield* Effect.fork(Scope.close(scope, Exit.void))
    yield* TestClock.adjust("1 seconds")
    return { closed, session }
  })

  it.effect("still serves that part", () =>
    Effect.gen(function* () {
      const { closed, session } = yield* closing
      yield* enqueue(Faults.delay("5 seconds"))
      const asking = yield* Effect.fork(session.token)
      yield* TestClock.adjust("5 seconds")
      const served = yield* Fiber.join(asking)
      assert.strictEqual(value(yield* session.token), value(served))
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(closed)
      assert.isTrue(Exit.isInterrupted(yield* Effect.exit(session.token)))
    }).pipe(Effect.provide(hub()))
  )

  it.effect("ends a login with it that was begun meanwhile, and serves nobody later", () =>
    Effect.gen(function* () {
      const { closed, session } = yield* closing
      yield* enqueue(Faults.delay("30 seconds"))
      const asking = yield* Effect.fork(session.token)
      yield* TestClock.adjust("9 seconds")
      yield* Fiber.join(closed)
      const exit = yield* Effect.map(Fiber.poll(asking), Option.getOrUndefined)
      assert.isTrue(exit !== undefined && Exit.isInterrupted(exit))
      yield* TestClock.adjust("1 minutes")
      assert.isTrue(Exit.isInterrupted(yield* Effect.exit(session.token)))
      assert.strictEqual(yield* requestCount, 1)
    }).pipe(Effect.provide(hub()))
  )
})
