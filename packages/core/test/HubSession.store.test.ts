import { assert, describe, it } from "@effect/vitest"
import { HubSession } from "@effect-dockerhub/core"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { ada, requestCount, timed } from "./hub.ts"
import { session, storeWith, value } from "./HubSession.world.ts"

const { token } = HubSession

/** How long a store is waited for: `attemptTimeout`. */
const PATIENCE = 10_000

describe("a store whose remove", () => {
  const hanging = Layer.provide(
    session(ada),
    storeWith(() => ({ remove: () => Effect.never }))
  )
  const stubborn = Layer.provide(
    session(ada),
    storeWith(() => ({ remove: () => Effect.uninterruptible(Effect.never) }))
  )

  it.effect.each([
    ["hangs", hanging],
    ["hangs and cannot be interrupted", stubborn]
  ] as const)("%s holds up neither reset nor logout, and the next token works", ([, layer]) =>
    Effect.gen(function* () {
      const first = yield* token
      const logout = yield* timed(HubSession.logout)
      assert.strictEqual(logout.millis, PATIENCE)
      assert.deepInclude(yield* Effect.flip(logout.result), { _tag: "SessionStoreError", operation: "remove" })
      const second = yield* timed(HubSession.reset)
      assert.deepStrictEqual(second, { result: Either.void, millis: PATIENCE })
      yield* TestClock.adjust("10 minutes")
      const { millis, result } = yield* timed(token)
      assert.isAtMost(millis, PATIENCE)
      assert.notStrictEqual(value(yield* result), value(first))
    }).pipe(Effect.provide(layer))
  )
})

describe("a store that", () => {
  const dying = storeWith(() => ({ read: () => Effect.die("the disk"), write: () => Effect.die("the disk") }))
  const slow = storeWith((store) => ({
    read: (key) => Effect.uninterruptible(Effect.delay(store.read(key), "1 hours")),
    write: (key, entry) => Effect.uninterruptible(Effect.delay(store.write(key, entry), "1 hours"))
  }))

  it.effect("dies never fails a session", () =>
    Effect.gen(function* () {
      for (const count of [1, 2]) {
        const { millis, result } = yield* timed(token, "1 seconds")
        assert.isTrue(Either.isRight(result))
        assert.strictEqual(millis, 0)
        assert.strictEqual(yield* requestCount, count)
        yield* TestClock.adjust("10 minutes")
      }
    }).pipe(Effect.provide(Layer.provide(session(ada), dying)))
  )

  it.effect("is slow and cannot be interrupted delays each step by attemptTimeout, and no more", () =>
    Effect.gen(function* () {
      const { millis, result } = yield* timed(token)
      assert.isTrue(Either.isRight(result))
      // Before the login, in the store's lock before it, and after it.
      assert.strictEqual(millis, 3 * PATIENCE)
      assert.strictEqual(yield* requestCount, 1)
    }).pipe(Effect.provide(Layer.provide(session(ada), slow)))
  )
})

describe("a store that dies of a remove", () => {
  const dying = storeWith(() => ({ remove: () => Effect.die("the disk") }))

  it.effect("holds nobody up: the token is forgotten here, and the next one works", () =>
    Effect.gen(function* () {
      const first = yield* token
      yield* Effect.exit(HubSession.logout)
      yield* Effect.exit(HubSession.reset)
      yield* TestClock.adjust("10 minutes")
      const { millis, result } = yield* timed(token, "1 seconds")
      assert.strictEqual(millis, 0)
      assert.notStrictEqual(value(yield* result), value(first))
    }).pipe(Effect.provide(Layer.provide(session(ada), dying)))
  )

  // It is not guarded as the other two are: see `forget` in storedLogin.ts.
  it.effect("fails logout with a SessionStoreError, and reset not at all", () =>
    Effect.gen(function* () {
      yield* token
      const exit = yield* Effect.exit(HubSession.logout)
      assert.isTrue(Exit.isFailure(exit) && Cause.isFailType(exit.cause))
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(HubSession.reset)))
    }).pipe(Effect.provide(Layer.provide(session(ada), dying)))
  )
})

describe("logout", () => {
  const slowWrite = storeWith((store) => ({
    write: (key, entry) => Effect.uninterruptible(Effect.delay(store.write(key, entry), "5 seconds"))
  }))

  // A write that was given up goes on by itself: see `whatever` in storedLogin.ts.
  it.effect("leaves nothing in the store, although a write that nothing interrupts was under way", () =>
    Effect.gen(function* () {
      const first = yield* Effect.fork(token)
      yield* TestClock.adjust("1 seconds")
      const leaving = yield* Effect.fork(HubSession.logout)
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust("1 minutes")
      yield* Fiber.join(leaving)
      yield* timed(token)
      assert.strictEqual(yield* requestCount, 2)
    }).pipe(Effect.provide(Layer.provide(session(ada), slowWrite)))
  )
})
