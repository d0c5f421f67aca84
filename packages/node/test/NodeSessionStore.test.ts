import { assert, describe, it } from "@effect/vitest"
import { HubPolicy, SessionStore } from "@effect-dockerhub/core"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as NodeSessionStore from "../src/NodeSessionStore.ts"
import { stateDirectory } from "../src/internal/stateDirectory.ts"
import { place } from "./NodeSessionStoreChildren.ts"
import { entry, FILE, isWindows, KEY, mode, refusal, withStore } from "./NodeSessionStoreWorld.ts"

describe("as any store, it", () => {
  it.live("gives back what was written, and nothing once it is removed", () =>
    withStore((store) =>
      Effect.gen(function* () {
        assert.isTrue(Option.isNone(yield* store.read("a")))
        yield* store.remove("a")
        for (const stored of [entry, refusal]) {
          yield* store.write("a", stored)
          assert.deepStrictEqual(yield* store.read("a"), Option.some(stored))
        }
        assert.isTrue(Option.isNone(yield* store.read("b")))
        yield* store.remove("a")
        assert.isTrue(Option.isNone(yield* store.read("a")))
      })
    )
  )

  it.live("runs one effect at a time for a key, and others beside it", () =>
    withStore((store) =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const work = (key: string, name: string) =>
          Effect.gen(function* () {
            log.push(`${name} begins`)
            yield* Effect.sleep("200 millis")
            log.push(`${name} ends`)
          }).pipe(store.exclusively(key))
        yield* Effect.all([work("a", "1"), work("a", "2"), work("b", "3")], { concurrency: "unbounded" })
        const ofOne = log.filter((line) => !line.startsWith("3")).map((line) => line.split(" ")[1])
        assert.deepStrictEqual(ofOne, ["begins", "ends", "begins", "ends"])
        assert.isBelow(log.indexOf("3 begins"), 3)
      })
    )
  )

  it.live("gives a key free when its holder fails or is interrupted, waiting or running", () =>
    withStore((store, directory) =>
      Effect.gen(function* () {
        yield* Effect.flip(store.exclusively("a")(Effect.fail("no")))
        const running = yield* Effect.fork(store.exclusively("a")(Effect.never))
        yield* Effect.sleep("50 millis")
        const waiting = yield* Effect.fork(store.exclusively("a")(Effect.never))
        yield* Effect.sleep("50 millis")
        yield* Fiber.interrupt(waiting)
        yield* Fiber.interrupt(running)
        assert.strictEqual(yield* store.exclusively("a")(Effect.succeed("free")), "free")
        assert.deepStrictEqual(Fs.readdirSync(directory), [])
      })
    )
  )

  it.effect("lets nobody wait for longer than the deadline", () =>
    withStore(
      (store) =>
        Effect.gen(function* () {
          const holder = yield* Effect.fork(store.exclusively("a")(Effect.never))
          const fiber = yield* Effect.fork(store.exclusively("a")(TestClock.currentTimeMillis))
          yield* TestClock.adjust("1 minutes")
          assert.strictEqual(yield* Fiber.join(fiber), 20_000)
          yield* Fiber.interrupt(holder)
        }),
      { deadline: "20 seconds" }
    )
  )

  it.live("excludes a second store of this process, for as long as the deadline", () =>
    withStore((first, directory) =>
      Effect.gen(function* () {
        const holder = yield* Effect.fork(first.exclusively("a")(Effect.never))
        yield* Effect.sleep("100 millis")
        const second = yield* Effect.provide(
          SessionStore.SessionStore,
          Layer.provide(
            NodeSessionStore.layerWith({ directory }),
            HubPolicy.layer({ attemptTimeout: "300 millis", deadline: "400 millis" })
          )
        )
        const [waited] = yield* Effect.timed(second.exclusively("a")(Effect.void))
        assert.isAtLeast(Duration.toMillis(waited), 390)
        yield* Fiber.interrupt(holder)
      })
    )
  )
})

describe("a file", () => {
  it.live.skipIf(isWindows)("is its owner's alone, and so is its directory, whatever the umask", () =>
    withStore((store, directory) =>
      Effect.gen(function* () {
        const before = process.umask(0)
        yield* Effect.ensuring(
          store.write(KEY, entry),
          Effect.sync(() => process.umask(before))
        )
        assert.strictEqual(mode(directory), 0o700)
        assert.strictEqual(mode(Path.join(directory, FILE)), 0o600)
        assert.deepStrictEqual(Fs.readdirSync(directory), [FILE])
      })
    )
  )

  it.live("is named after the key, and a key that is no fingerprint cannot lead out of the directory", () =>
    withStore((store, directory) =>
      Effect.gen(function* () {
        for (const key of ["../../escaped", "", "CON", "x".repeat(5000)]) {
          yield* store.write(key, entry)
          assert.deepStrictEqual(yield* store.read(key), Option.some(entry))
        }
        assert.isTrue(Fs.readdirSync(directory).every((name) => /^[0-9a-f]{64}\.json$/.test(name)))
        assert.deepStrictEqual(Fs.readdirSync(Path.dirname(directory)), ["store"])
      })
    )
  )

  const good = JSON.stringify({
    version: 1,
    key: KEY,
    entry: { _tag: "Token", value: "a-token", expiresAt: "1970-01-01T00:10:00.000Z", clockSkew: -3_600_000 }
  })

  it.live("that is good is read", () =>
    withStore((store, directory) =>
      Effect.gen(function* () {
        Fs.mkdirSync(directory, { mode: 0o700 })
        Fs.writeFileSync(Path.join(directory, FILE), good, { mode: 0o600 })
        assert.deepStrictEqual(yield* store.read(KEY), Option.some(entry))
      })
    )
  )

  it.live.each<readonly [string, string | Buffer]>([
    ["empty", ""],
    ["not JSON", "\u0000\u0001"],
    ["not UTF-8", Buffer.from([0xff, 0xfe, 0x80])],
    ["truncated", good.slice(0, -20)],
    ["of another version", good.replace('"version":1', '"version":2')],
    ["another account's", good.replace(KEY, KEY.replace("0", "f"))],
    ["without a token", good.replace("a-token", "")],
    ["as large as no token is", good + " ".repeat(2 ** 20)]
  ])("that is %s is none, and is replaced", ([, content]) =>
    withStore((store, directory) =>
      Effect.gen(function* () {
        Fs.mkdirSync(directory, { mode: 0o700 })
        Fs.writeFileSync(Path.join(directory, FILE), content, { mode: 0o600 })
        assert.isTrue(Option.isNone(yield* store.read(KEY)))
        yield* store.write(KEY, entry)
        assert.deepStrictEqual(yield* store.read(KEY), Option.some(entry))
      })
    )
  )
})

describe("an interrupted write", () => {
  it.live("changes nothing that is stored later, and leaves nothing behind", () =>
    withStore((store, directory) =>
      Effect.gen(function* () {
        for (let round = 0; round < 30; round++) {
          const fiber = yield* Effect.fork(store.write(KEY, entry))
          yield* Effect.sleep(round / 10)
          yield* Fiber.interrupt(fiber)
          yield* store.remove(KEY)
          yield* Effect.sleep("5 millis")
          assert.isTrue(Option.isNone(yield* store.read(KEY)))
        }
        assert.deepStrictEqual(Fs.readdirSync(directory), [])
      })
    )
  )
})

describe.skipIf(isWindows)("the directory", () => {
  const found = (platform: NodeJS.Platform, variables: ReadonlyArray<readonly [string, string]>) =>
    Effect.withConfigProvider(stateDirectory("effect-dockerhub", platform), ConfigProvider.fromMap(new Map(variables)))

  it.effect.each<readonly [NodeJS.Platform, ReadonlyArray<readonly [string, string]>, string]>([
    ["linux", [["HOME", "/home/ada"]], "/home/ada/.local/state/effect-dockerhub"],
    [
      "linux",
      [
        ["HOME", "/home/ada"],
        ["XDG_STATE_HOME", "/state"]
      ],
      "/state/effect-dockerhub"
    ],
    [
      "linux",
      [
        ["HOME", "/home/ada"],
        ["XDG_STATE_HOME", ""]
      ],
      "/home/ada/.local/state/effect-dockerhub"
    ],
    [
      "linux",
      [
        ["HOME", "/home/ada"],
        ["XDG_STATE_HOME", "relative"]
      ],
      "/home/ada/.local/state/effect-dockerhub"
    ],
    ["darwin", [["HOME", "/Users/ada"]], "/Users/ada/Library/Application Support/effect-dockerhub"],
    [
      "darwin",
      [
        ["HOME", "/Users/ada"],
        ["XDG_STATE_HOME", "/state"]
      ],
      "/state/effect-dockerhub"
    ],
    [
      "win32",
      [
        ["USERPROFILE", "/ada"],
        ["LOCALAPPDATA", "/ada/local"]
      ],
      "/ada/local/effect-dockerhub"
    ],
    ["win32", [["USERPROFILE", "/ada"]], "/ada/AppData/Local/effect-dockerhub"]
  ])("on %s is where state is customary", ([platform, variables, expected]) =>
    Effect.map(found(platform, variables), (directory) => assert.strictEqual(directory, expected))
  )

  it.live("by default is found through Config, and made only by a write", () =>
    Effect.gen(function* () {
      const home = Path.dirname(yield* place)
      yield* Effect.gen(function* () {
        const store = yield* SessionStore.SessionStore
        yield* store.read(KEY)
        assert.deepStrictEqual(Fs.readdirSync(home), [])
        yield* store.write(KEY, entry)
      }).pipe(
        Effect.provide(NodeSessionStore.layerWith({})),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["XDG_STATE_HOME", home]])))
      )
      assert.deepStrictEqual(Fs.readdirSync(Path.join(home, "effect-dockerhub")), [FILE])
    }).pipe(Effect.scoped)
  )

  it("that cannot be throws where it is given", () => {
    for (const directory of ["", "a\0b"]) assert.throws(() => NodeSessionStore.layerWith({ directory }), TypeError)
  })
})
