import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as LockFile from "../src/internal/lockFile.ts"
import * as PrivateFile from "../src/internal/privateFile.ts"
import * as ProcessLock from "../src/internal/processLock.ts"
import * as ProcessTag from "../src/internal/processTag.ts"
import { place } from "./NodeSessionStoreChildren.ts"

const rhythm = { beat: Duration.millis(20), silence: Duration.millis(300) }
const lock = (directory: string) => Path.join(directory, "a.lock")
const waiting = (directory: string) =>
  Effect.timed(ProcessLock.exclusively(directory, "a.lock", Duration.seconds(10), rhythm)(Effect.void))

describe("a holder that cannot be seen from here", () => {
  it.live.each<readonly [string, string]>([
    ["of another machine", `${"0".repeat(12)}-1-1-${"a".repeat(16)}`],
    ["that left no name", ""]
  ])("one %s counts as gone once it has been silent for a while, and not before", ([, content]) =>
    Effect.gen(function* () {
      const directory = yield* place
      Fs.mkdirSync(directory, { mode: 0o700 })
      Fs.writeFileSync(lock(directory), content)
      const fiber = yield* Effect.fork(waiting(directory))
      for (let beat = 0; beat < 10; beat++) {
        yield* Effect.sleep("60 millis")
        Fs.utimesSync(lock(directory), new Date(), new Date())
      }
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      const [took] = yield* Fiber.join(fiber)
      assert.isAtLeast(Duration.toMillis(took), 900)
      assert.isBelow(Duration.toMillis(took), 5000)
      assert.deepStrictEqual(Fs.readdirSync(directory), [])
    }).pipe(Effect.scoped)
  )

  it.live("one whose heir is silent too counts as gone all the same", () =>
    Effect.gen(function* () {
      const directory = yield* place
      Fs.mkdirSync(directory, { mode: 0o700 })
      Fs.writeFileSync(lock(directory), `${"0".repeat(12)}-1-1-${"a".repeat(16)}`)
      Fs.writeFileSync(`${lock(directory)}.${"a".repeat(16)}`, `${"1".repeat(12)}-1-1-${"b".repeat(16)}`)
      const [took] = yield* waiting(directory)
      assert.isBelow(Duration.toMillis(took), 3000)
      assert.deepStrictEqual(Fs.readdirSync(directory), [])
    }).pipe(Effect.scoped)
  )

  it.live("one that beats is waited for", () =>
    Effect.gen(function* () {
      const directory = yield* place
      const holder = yield* Effect.fork(
        ProcessLock.exclusively(directory, "a.lock", Duration.seconds(10), rhythm)(Effect.sleep("1 seconds"))
      )
      yield* Effect.sleep("100 millis")
      const [took] = yield* waiting(directory)
      assert.isAtLeast(Duration.toMillis(took), 800)
      yield* Fiber.join(holder)
    }).pipe(Effect.scoped)
  )
})

describe("a lock whose holder was killed", () => {
  /** As a process leaves it that is gone by now. */
  const leave = (path: string, nonce: string) =>
    Effect.promise(async () => {
      const { pid } = spawnSync(process.execPath, ["--version"])
      const here = await ProcessTag.create()
      Fs.mkdirSync(Path.dirname(path), { recursive: true, mode: 0o700 })
      Fs.writeFileSync(path, ProcessTag.format({ ...here, pid, start: "1", nonce: nonce.repeat(16) }))
    })

  it.live("and whose heirs were too goes to the next who comes, and all they left is cleared away", () =>
    Effect.gen(function* () {
      const directory = yield* place
      yield* leave(lock(directory), "a")
      yield* leave(`${lock(directory)}.${"a".repeat(16)}`, "b")
      yield* leave(`${lock(directory)}.${"b".repeat(16)}`, "c")
      const [took] = yield* waiting(directory)
      assert.isBelow(Duration.toMillis(took), 1000)
      assert.deepStrictEqual(Fs.readdirSync(directory), [])
    }).pipe(Effect.scoped)
  )

  it.live("is not given free by one that was taken for gone and comes back", () =>
    Effect.gen(function* () {
      const directory = yield* place
      const attempt = (isSilent: LockFile.IsSilent) =>
        Effect.promise(() => LockFile.attempt(directory, "a.lock", isSilent))
      const first = yield* attempt(() => false)
      const second = yield* attempt(() => true)
      if (first === undefined || second === undefined) return assert.fail("somebody has it")
      yield* Effect.promise(first.beat)
      yield* Effect.promise(first.release)
      assert.isUndefined(yield* attempt(() => false))
      yield* Effect.promise(second.release)
      assert.deepStrictEqual(Fs.readdirSync(directory), [])
    }).pipe(Effect.scoped)
  )

  it.live("is known by more than the number of its process, which another has by now", () =>
    Effect.gen(function* () {
      const here = yield* Effect.promise(ProcessTag.create)
      const gone = (change: Partial<ProcessTag.ProcessTag>) =>
        Effect.promise(() => ProcessTag.isGone({ ...here, ...change }))
      assert.isFalse(yield* gone({}))
      // Without a /proc only the number is known.
      if (process.platform === "linux") assert.isTrue(yield* gone({ start: "1" }))
      assert.isFalse(yield* gone({ place: "0".repeat(12), pid: 2 ** 22 + 1 }))
      assert.isTrue(yield* gone({ pid: 2 ** 22 + 1 }))
    })
  )
})

describe("what killed writers left", () => {
  it.live("is removed once they are gone; of another machine's after an hour; and nothing else", () =>
    Effect.gen(function* () {
      const directory = yield* place
      Fs.mkdirSync(directory, { mode: 0o700 })
      const here = yield* Effect.promise(ProcessTag.create)
      const name = (change: Partial<ProcessTag.ProcessTag>) => `a.json.${ProcessTag.format({ ...here, ...change })}.tmp`
      const names = {
        ours: name({}),
        gone: name({ pid: 2 ** 22 + 1 }),
        elsewhere: name({ place: "0".repeat(12) }),
        foreign: "a.json.tmp",
        other: "notes.txt"
      }
      for (const each of Object.values(names)) Fs.writeFileSync(Path.join(directory, each), "")
      const { ours, elsewhere, foreign, other } = names
      const sweep = (now: number) =>
        Effect.map(
          Effect.promise(() => PrivateFile.sweep(directory, now)),
          () => Fs.readdirSync(directory).toSorted()
        )
      assert.deepStrictEqual(yield* sweep(Date.now()), [ours, elsewhere, foreign, other].toSorted())
      assert.deepStrictEqual(yield* sweep(Date.now() + 3_700_000), [foreign, other].toSorted())
    }).pipe(Effect.scoped)
  )
})
