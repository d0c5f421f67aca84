import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import type * as FsPromises from "node:fs/promises"
import * as Path from "node:path"
import { vi } from "vitest"
import * as LockFile from "../src/internal/lockFile.ts"
import * as ProcessTag from "../src/internal/processTag.ts"
import { place } from "./NodeSessionStoreChildren.ts"

/** The nonces of those who were killed. */
const dead = vi.hoisted(() => new Set<string>())

/** Every step on the disk comes late, each by a time of its own, so that those who contend meet in every order. */
vi.mock("node:fs/promises", async (original) => {
  const actual = await original<typeof FsPromises>()
  const late =
    <Args extends ReadonlyArray<unknown>, A>(step: (...args: Args) => Promise<A>) =>
    async (...args: Args): Promise<A> => {
      if (Math.random() < 0.5) await new Promise((resolve) => setTimeout(resolve, Math.random() ** 4 * 12))
      return step(...args)
    }
  return {
    ...actual,
    link: late(actual.link),
    lstat: late(actual.lstat),
    readFile: late(actual.readFile),
    readdir: late(actual.readdir),
    rename: late(async (from: string, to: string) => {
      // Killed with the inheritance made and not yet in place.
      if (Math.random() < 0.3) {
        dead.add((await actual.readFile(from, "utf8")).slice(-16))
        throw new Error("killed")
      }
      return actual.rename(from, to)
    }),
    rm: late(actual.rm)
  }
})

describe("a lock for which many contend while holders die", () => {
  it.live("has one living holder at a time, and each of them comes to hold it", () =>
    Effect.gen(function* () {
      const directory = yield* place
      const path = Path.join(directory, "a.lock")
      Fs.mkdirSync(directory, { mode: 0o700 })
      const isSilent = (mark: string) => dead.has(mark.split(" ")[0] ?? "")
      const fallen: Array<LockFile.Held> = []
      let inside = 0
      const contend = async () => {
        for (let round = 0; round < 12; round++) {
          let lock: LockFile.Held | undefined
          while (lock === undefined) {
            lock = await LockFile.attempt(directory, "a.lock", isSilent).catch((error: Error) => {
              if (error.message !== "killed") throw error
              return undefined
            })
          }
          inside++
          assert.strictEqual(inside, 1)
          await new Promise((resolve) => setTimeout(resolve, 1))
          assert.strictEqual(inside, 1)
          inside--
          if (Math.random() < 0.5) {
            dead.add(ProcessTag.parse(Fs.readFileSync(path, "utf8"))?.nonce ?? "")
            fallen.push(lock)
          } else {
            await lock.release()
          }
        }
      }
      yield* Effect.promise(() => Promise.all(Array.from({ length: 8 }, contend)))
      yield* Effect.promise(() => Promise.all(fallen.map((lock) => lock.release())))
    }).pipe(Effect.scoped)
  )
})
