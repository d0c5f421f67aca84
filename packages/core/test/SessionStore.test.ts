import { assert, describe, it } from "@effect/vitest"
import { HubPolicy, HubSession, SessionStore } from "@effect-dockerhub/core"
import * as PlatformError from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { ada, hub, PASSWORD, requestCount } from "./hub.ts"

const entry = new SessionStore.Token({
  value: Redacted.make("a-token"),
  expiresAt: DateTime.unsafeMake(600_000),
  clockSkew: -3_600_000
})
const refusal = new SessionStore.Refusal({ error: "InvalidCredentials", until: DateTime.unsafeMake(15_000) })

const overKeyValue = Layer.provide(SessionStore.layerKeyValueStore, KeyValueStore.layerMemory)

describe.each([
  ["layerMemory", SessionStore.layerMemory],
  ["layerKeyValueStore", overKeyValue]
] as const)("%s", (_, layer) => {
  it.effect("gives back what was written, and nothing once it is removed", () =>
    Effect.gen(function* () {
      const store = yield* SessionStore.SessionStore
      assert.isTrue(Option.isNone(yield* store.read("a")))
      for (const stored of [entry, refusal]) {
        yield* store.write("a", stored)
        assert.deepStrictEqual(yield* store.read("a"), Option.some(stored))
      }
      assert.isTrue(Option.isNone(yield* store.read("b")))
      yield* store.remove("a")
      assert.isTrue(Option.isNone(yield* store.read("a")))
    }).pipe(Effect.provide(layer))
  )

  it.effect("runs one effect at a time for a key, and others beside it", () =>
    Effect.gen(function* () {
      const store = yield* SessionStore.SessionStore
      const log: Array<string> = []
      const work = (key: string, name: string) =>
        Effect.gen(function* () {
          log.push(`${name} begins`)
          yield* Effect.sleep("1 seconds")
          log.push(`${name} ends`)
        }).pipe(store.exclusively(key))
      const fibers = yield* Effect.forEach([work("a", "1"), work("a", "2"), work("b", "3")], Effect.fork)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(Fiber.all(fibers))
      assert.deepStrictEqual(
        log.filter((line) => !line.startsWith("3")),
        ["1 begins", "1 ends", "2 begins", "2 ends"]
      )
      assert.isBelow(log.indexOf("3 begins"), log.indexOf("1 ends"))
    }).pipe(Effect.provide(layer))
  )

  it.effect("runs one at a time although some come when others have gone, and is free when all have", () =>
    Effect.gen(function* () {
      const store = yield* SessionStore.SessionStore
      let running = 0
      let most = 0
      const work = Effect.gen(function* () {
        most = Math.max(most, ++running)
        yield* Effect.sleep("2 seconds")
        running--
      }).pipe(store.exclusively("a"))
      const first = yield* Effect.forEach([1, 2], () => Effect.fork(work))
      yield* TestClock.adjust("3 seconds")
      // The first has gone, the second runs.
      const third = yield* Effect.fork(work)
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(Fiber.all([...first, third]))
      assert.strictEqual(most, 1)
      assert.strictEqual(yield* store.exclusively("a")(TestClock.currentTimeMillis), 6000)
    }).pipe(Effect.provide(layer))
  )

  it.effect("gives a key free when its holder fails or is interrupted, waiting or running", () =>
    Effect.gen(function* () {
      const store = yield* SessionStore.SessionStore
      yield* Effect.flip(store.exclusively("a")(Effect.fail("no")))
      const running = yield* Effect.fork(store.exclusively("a")(Effect.never))
      yield* TestClock.adjust("1 seconds")
      const waiting = yield* Effect.fork(store.exclusively("a")(Effect.never))
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.interrupt(waiting)
      yield* Fiber.interrupt(running)
      assert.strictEqual(yield* store.exclusively("a")(Effect.succeed("free")), "free")
    }).pipe(Effect.provide(layer))
  )

  it.effect("lets nobody wait for longer than the deadline", () =>
    Effect.gen(function* () {
      const store = yield* SessionStore.SessionStore
      const holder = yield* Effect.fork(store.exclusively("a")(Effect.never))
      const fiber = yield* Effect.fork(store.exclusively("a")(TestClock.currentTimeMillis))
      yield* TestClock.adjust("1 minutes")
      assert.strictEqual(yield* Fiber.join(fiber), 20_000)
      yield* Fiber.interrupt(holder)
    }).pipe(Effect.provide(Layer.provide(layer, HubPolicy.layer({ deadline: "20 seconds" }))))
  )
})

describe("an entry that is", () => {
  /** A login over a store in which this text stands under every key. */
  const loginOver = (text: (key: string) => string) =>
    Effect.gen(function* () {
      yield* HubSession.token
      return yield* requestCount
    }).pipe(
      Effect.provide(
        HubSession.layer({ credentials: ada }).pipe(
          Layer.provideMerge(hub()),
          Layer.provide(SessionStore.layerKeyValueStore),
          Layer.provide(
            Layer.effect(
              KeyValueStore.KeyValueStore,
              Effect.map(KeyValueStore.KeyValueStore, (store) => ({
                ...store,
                get: (key: string) => Effect.succeedSome(text(key))
              }))
            )
          ),
          Layer.provide(KeyValueStore.layerMemory)
        )
      )
    )

  const good = (key: string) => ({
    version: 1,
    key,
    entry: { _tag: "Token", value: "a-token", expiresAt: "1970-01-01T00:10:00.000Z", clockSkew: 0 }
  })

  it.effect("good spares the login", () =>
    Effect.map(
      loginOver((key) => JSON.stringify(good(key))),
      (count) => assert.strictEqual(count, 0)
    )
  )

  it.effect.each<readonly [string, (key: string) => string]>([
    ["empty", () => ""],
    ["not JSON", () => "\u0000\u0001"],
    ["truncated", (key) => JSON.stringify(good(key)).slice(0, -20)],
    ["of another version", (key) => JSON.stringify({ ...good(key), version: 2 })],
    ["foreign", () => JSON.stringify(good("another key"))],
    [
      "expired",
      (key) => JSON.stringify({ ...good(key), entry: { ...good(key).entry, expiresAt: "1969-01-01T00:00:00.000Z" } })
    ],
    ["without a token", (key) => JSON.stringify({ ...good(key), entry: { ...good(key).entry, value: "" } })],
    [
      "a token no header can hold",
      (key) => JSON.stringify({ ...good(key), entry: { ...good(key).entry, value: "a\r\nb" } })
    ],
    ["of a clock no computer has", (key) => JSON.stringify(good(key)).replace('"clockSkew":0', '"clockSkew":-1e300')],
    ["without a date", (key) => JSON.stringify({ ...good(key), entry: { ...good(key).entry, expiresAt: "soon" } })],
    [
      "a refusal that has passed",
      (key) =>
        JSON.stringify({
          ...good(key),
          entry: { _tag: "Refusal", error: "AccessDenied", until: "1970-01-01T00:00:00.000Z" }
        })
    ]
  ])("%s is ignored", ([, text]) => Effect.map(loginOver(text), (count) => assert.strictEqual(count, 1)))

  it.effect.prop("anything at all never fails a session", { text: FastCheck.string() }, ({ text }) =>
    Effect.map(
      loginOver(() => text),
      (count) => assert.strictEqual(count, 1)
    )
  )
})

describe("a key", () => {
  it.effect("says nothing of the account, and its entry nothing of the password", () =>
    Effect.gen(function* () {
      const written: Array<string> = []
      const spy = Layer.effect(
        KeyValueStore.KeyValueStore,
        Effect.map(KeyValueStore.KeyValueStore, (store) => ({
          ...store,
          set: (key: string, value: string | Uint8Array) => {
            written.push(`${key} ${String(value)}`)
            return store.set(key, value)
          }
        }))
      )
      yield* HubSession.token.pipe(
        Effect.provide(
          HubSession.layer({ credentials: ada }).pipe(
            Layer.provide(hub()),
            Layer.provide(SessionStore.layerKeyValueStore),
            Layer.provide(spy),
            Layer.provide(KeyValueStore.layerMemory)
          )
        )
      )
      assert.strictEqual(written.length, 1)
      assert.match(written[0] ?? "", /^[0-9a-f]{32} \{"version":1,/)
      assert.notInclude(written[0], PASSWORD)
    })
  )
})

describe("a KeyValueStore that fails", () => {
  it.effect("says how, and not what it was to write", () =>
    Effect.gen(function* () {
      const failure = new PlatformError.SystemError({
        reason: "PermissionDenied",
        module: "KeyValueStore",
        method: "set",
        description: "while writing a-token"
      })
      const broken = KeyValueStore.makeStringOnly({
        get: () =>
          Effect.fail(
            new PlatformError.BadArgument({ module: "KeyValueStore", method: "get", description: "a-token" })
          ),
        set: () => Effect.fail(failure),
        remove: () => Effect.fail(failure),
        clear: Effect.void,
        size: Effect.succeed(0)
      })
      const errors = yield* Effect.gen(function* () {
        const store = yield* SessionStore.SessionStore
        return [
          yield* Effect.flip(store.read("a")),
          yield* Effect.flip(store.write("a", entry)),
          yield* Effect.flip(store.remove("a"))
        ]
      }).pipe(
        Effect.provide(
          Layer.provide(SessionStore.layerKeyValueStore, Layer.succeed(KeyValueStore.KeyValueStore, broken))
        )
      )
      assert.deepStrictEqual(
        errors.map(({ message }) => message),
        [
          "The session store failed to read: BadArgument",
          "The session store failed to write: PermissionDenied",
          "The session store failed to remove: PermissionDenied"
        ]
      )
    })
  )
})
