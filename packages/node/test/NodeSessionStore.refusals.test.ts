import { assert, describe, it } from "@effect/vitest"
import { AuthError, SessionStore } from "@effect-dockerhub/core"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as NodeSessionStore from "../src/NodeSessionStore.ts"
import { place } from "./NodeSessionStoreChildren.ts"
import { entry, FILE, isRoot, isWindows, KEY, mode, withStore } from "./NodeSessionStoreWorld.ts"

describe.skipIf(isWindows)("refused, with what to do, is", () => {
  const refused = (prepare: (directory: string) => void, reason: (directory: string) => string) =>
    withStore((store, directory) =>
      Effect.gen(function* () {
        yield* store.write(KEY, entry)
        prepare(directory)
        const error = yield* Effect.flip(store.read(KEY))
        assert.instanceOf(error, AuthError.SessionStoreError)
        assert.strictEqual(error.operation, "read")
        assert.strictEqual(error.reason, reason(directory))
        // Nobody is kept from logging in.
        assert.strictEqual(yield* store.exclusively(KEY)(Effect.succeed(1)), 1)
        return store
      })
    )

  it.live.each([0o640, 0o604, 0o620, 0o666])("a file that others have access to (%i)", (permissions) =>
    refused(
      (directory) => Fs.chmodSync(Path.join(directory, FILE), permissions),
      (directory) =>
        `${directory}/${FILE} is open to other users (its mode is ${permissions.toString(8)}); run: chmod 600 ${directory}/${FILE}`
    )
  )

  it.live("a directory that others have access to", () =>
    refused(
      (directory) => Fs.chmodSync(directory, 0o755),
      (directory) => `${directory} is open to other users (its mode is 755); run: chmod 700 ${directory}`
    )
  )

  it.live("a file that is a symbolic link", () =>
    refused(
      (directory) => {
        Fs.renameSync(Path.join(directory, FILE), Path.join(directory, "elsewhere"))
        Fs.symlinkSync("elsewhere", Path.join(directory, FILE))
      },
      (directory) =>
        `${directory}/${FILE} is a symbolic link, which is not followed; remove it, or name the place it leads to`
    )
  )

  it.live("a directory that is a symbolic link, with a slash at its end too", () =>
    Effect.gen(function* () {
      const directory = yield* place
      Fs.mkdirSync(`${directory}-elsewhere`, { mode: 0o700 })
      Fs.symlinkSync(`${directory}-elsewhere`, directory)
      for (const spelling of [directory, `${directory}/`]) {
        const store = yield* Effect.provide(
          SessionStore.SessionStore,
          NodeSessionStore.layerWith({ directory: spelling })
        )
        for (const error of [yield* Effect.flip(store.read(KEY)), yield* Effect.flip(store.write(KEY, entry))]) {
          assert.strictEqual(
            error.reason,
            `${directory} is a symbolic link, which is not followed; remove it, or name the place it leads to`
          )
        }
        assert.strictEqual(yield* store.exclusively(KEY)(Effect.succeed(1)), 1)
      }
      assert.deepStrictEqual(Fs.readdirSync(`${directory}-elsewhere`), [])
    }).pipe(Effect.scoped)
  )

  it.live("what is no file: a directory, a FIFO nobody writes to", () =>
    withStore((store, directory) =>
      Effect.gen(function* () {
        yield* store.write(KEY, entry)
        const path = Path.join(directory, FILE)
        for (const make of [
          () => Fs.mkdirSync(path, { mode: 0o700 }),
          () => execFileSync("mkfifo", ["-m", "600", path])
        ]) {
          Fs.rmSync(path, { recursive: true })
          make()
          const error = yield* Effect.flip(store.read(KEY))
          assert.strictEqual(error.reason, `${path} is no regular file; remove it`)
        }
      })
    )
  )

  if (!isRoot) process.stderr.write("skipped: only root can give a file to another user\n")
  it.live.runIf(isRoot)("a file or a directory of another user", () =>
    withStore((store, directory) =>
      Effect.gen(function* () {
        yield* store.write(KEY, entry)
        for (const path of [Path.join(directory, FILE), directory]) {
          Fs.chownSync(path, 65534, 65534)
          const error = yield* Effect.flip(store.read(KEY))
          assert.strictEqual(
            error.reason,
            `${path} belongs to another user (id 65534; this is 0); remove it as that user`
          )
        }
        assert.strictEqual((yield* Effect.flip(store.write(KEY, entry))).operation, "write")
      })
    )
  )

  it.live("no file to be removed: others may see it, but it goes", () =>
    withStore((store, directory) =>
      Effect.gen(function* () {
        yield* store.write(KEY, entry)
        Fs.chmodSync(Path.join(directory, FILE), 0o666)
        Fs.chmodSync(directory, 0o777)
        yield* store.remove(KEY)
        assert.deepStrictEqual(Fs.readdirSync(directory), [])
      })
    )
  )

  it.live("no file that others have access to by a write: it becomes private", () =>
    withStore((store, directory) =>
      Effect.gen(function* () {
        yield* store.write(KEY, entry)
        Fs.chmodSync(Path.join(directory, FILE), 0o666)
        yield* store.write(KEY, entry)
        assert.strictEqual(mode(Path.join(directory, FILE)), 0o600)
      })
    )
  )
})

describe("a place that cannot be written to", () => {
  it.live("is an error with its path and without the token, and keeps nobody from logging in", () =>
    Effect.gen(function* () {
      const directory = yield* place
      Fs.writeFileSync(directory, "a file")
      const store = yield* Effect.provide(
        SessionStore.SessionStore,
        NodeSessionStore.layerWith({ directory: Path.join(directory, "below") })
      )
      for (const step of [store.read(KEY), store.write(KEY, entry), store.remove(KEY)]) {
        const error = yield* Effect.flip(step)
        assert.match(error.message, /^The session store failed to \w+: .+\.json: a part of its path is no directory/)
        assert.notInclude(JSON.stringify(error), "a-token")
      }
      assert.strictEqual(yield* store.exclusively(KEY)(Effect.succeed("in")), "in")
    }).pipe(Effect.scoped)
  )
})
