import { assert, describe, it } from "@effect/vitest"
import { Credentials, HubAuth, HubConfig, HubSession, SessionStore } from "@effect-dockerhub/core"
import { HubEmulator } from "@effect-dockerhub/core/testing"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { HubEmulatorServer, layer as server } from "../src/HubEmulatorServer.ts"
import * as NodeSessionStore from "../src/NodeSessionStore.ts"
import type { Options } from "./NodeSessionStoreChildren.ts"
import { children, place } from "./NodeSessionStoreChildren.ts"
import { isRoot, isWindows } from "./NodeSessionStoreWorld.ts"

const hub = server({ accounts: [{ username: "ada", password: "correct horse" }] })

const logins = Effect.flatMap(HubEmulator.HubEmulator, (emulator) =>
  Effect.map(emulator.requests, (requests) => requests.length)
)

const storeAt = (directory: string) =>
  Effect.provide(SessionStore.SessionStore, NodeSessionStore.layerWith({ directory }))

describe("twenty processes", () => {
  it.live(
    "that start at once over an expired session make one login, and all have its token",
    () =>
      Effect.gen(function* () {
        const start = yield* children
        const directory = yield* place
        const { url } = yield* HubEmulatorServer
        yield* storeExpired(directory, url)
        yield* Effect.flatMap(HubEmulator.HubEmulator, (emulator) => emulator.clearRequests)
        const twenty = yield* Effect.forEach(
          Array.from({ length: 20 }),
          () => start("login", directory, { env: { DOCKERHUB_URL: url.origin } }),
          { concurrency: 4 }
        )
        yield* Effect.forEach(twenty, (child) => child.go, { concurrency: "unbounded", discard: true })
        const ends = yield* Effect.forEach(twenty, (child) => child.end, { concurrency: "unbounded" })
        const tokens = ends.map(({ errors, lines }) => lines.find((line) => line.startsWith("token ")) ?? errors)
        assert.match(tokens[0] ?? "", /^token ey/)
        assert.deepStrictEqual(new Set(tokens).size, 1)
        assert.strictEqual(yield* logins, 1)
        assert.deepStrictEqual(Fs.readdirSync(directory).length, 1)
      }).pipe(Effect.provide(hub), Effect.scoped),
    60_000
  )
})

/** A session's own file, with a token that has ended. */
const storeExpired = (directory: string, baseUrl: URL) =>
  Effect.gen(function* () {
    yield* HubSession.token.pipe(
      Effect.provide(
        HubSession.layer({ credentials: Credentials.password("ada", "correct horse") }).pipe(
          Layer.provide([HubAuth.layer, NodeSessionStore.layerWith({ directory })]),
          Layer.provide([FetchHttpClient.layer, HubConfig.layer({ baseUrl })])
        )
      )
    )
    const [name = ""] = Fs.readdirSync(directory)
    const path = Path.join(directory, name)
    const stored = JSON.parse(Fs.readFileSync(path, "utf8"))
    const entry = { ...stored.entry, value: "an-old-token", expiresAt: "2020-01-01T00:00:00.000Z" }
    Fs.writeFileSync(path, JSON.stringify({ ...stored, entry }))
  })

describe("a holder that is killed", () => {
  it.live(
    "keeps nobody waiting, and leaves nothing behind",
    () =>
      Effect.gen(function* () {
        const start = yield* children
        const directory = yield* place
        const store = yield* storeAt(directory)
        const child = yield* start("hold", directory)
        yield* child.go
        yield* child.says("held")
        const waiting = yield* Effect.fork(Effect.timed(store.exclusively("a")(Effect.succeed("in"))))
        yield* Effect.sleep("300 millis")
        assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
        yield* child.kill
        const killed = performance.now()
        yield* Fiber.join(waiting)
        assert.isBelow(performance.now() - killed, 1000)
        assert.deepStrictEqual(Fs.readdirSync(directory), [])
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "at any moment lets one of those who contend follow, and no two",
    () =>
      Effect.gen(function* () {
        const start = yield* children
        const directory = yield* place
        const ten = yield* Effect.forEach(Array.from({ length: 10 }), () => start("contend", directory), {
          concurrency: 4
        })
        yield* Effect.forEach(ten, (child) => child.go, { concurrency: "unbounded", discard: true })
        const ends = yield* Effect.forEach(ten, (child) => child.end, { concurrency: "unbounded" })
        assert.deepStrictEqual(
          ends.filter(({ errors }) => errors !== ""),
          []
        )
        const steps = Fs.readFileSync(`${directory}.log`, "utf8").trimEnd().split("\n")
        const dead = new Set(ten.map(({ pid }) => String(pid)).filter((pid) => !steps.includes(`${pid} is done`)))
        let inside: string | undefined
        for (const [pid, what] of steps.map((step) => step.split(" "))) {
          if (what === "enters") {
            assert.isTrue(inside === undefined || dead.has(inside), `${pid} met ${inside}`)
            inside = pid
          }
          if (what === "leaves") {
            assert.strictEqual(inside, pid)
            inside = undefined
          }
        }
        const store = yield* storeAt(directory)
        yield* store.exclusively("a")(Effect.void)
        yield* store.remove("a")
        assert.deepStrictEqual(Fs.readdirSync(directory), [])
      }).pipe(Effect.scoped),
    60_000
  )
})

describe("a writer that is killed", () => {
  it.live(
    "at any moment leaves a whole token or none, and what it leaves is cleared away",
    () =>
      Effect.gen(function* () {
        const start = yield* children
        const directory = yield* place
        let remains = 0
        for (let round = 0; round < 8; round++) {
          const child = yield* start("write", directory)
          yield* child.go
          yield* child.says("writing")
          yield* Effect.sleep(Math.random() * 30)
          yield* child.kill
          remains += Fs.readdirSync(directory).length - 1
          const store = yield* storeAt(directory)
          const found = yield* store.read("a")
          assert.isTrue(Option.isSome(found) && found.value._tag === "Token")
          if (Option.isSome(found) && found.value._tag === "Token") {
            assert.match(Redacted.value(found.value.value), /^x+$/)
          }
          assert.strictEqual(Fs.readdirSync(directory).length, 1)
        }
        assert.isAbove(remains, 0, "no kill hit a write")
      }).pipe(Effect.scoped),
    60_000
  )
})

describe("a disk", () => {
  const written = (options: Options, prepare: (directory: string) => void = () => {}) =>
    Effect.gen(function* () {
      const start = yield* children
      const directory = yield* place
      prepare(directory)
      const child = yield* start("writeOnce", directory, options)
      yield* child.go
      const { errors, lines } = yield* child.end
      assert.strictEqual(errors, "")
      assert.notInclude(lines.join("\n"), "SECRET")
      return { directory, said: lines.at(-1) ?? "" }
    })

  // A limit to the size of files stands in for a full disk: the write ends early in the same way.
  it.live.skipIf(isWindows)("that has no room left is an error, and nothing half-written stays", () =>
    Effect.gen(function* () {
      const { directory, said } = yield* written({ after: "ulimit -f 4" })
      assert.match(said, /^The session store failed to write: \/.+\.json: EFBIG$/)
      assert.deepStrictEqual(Fs.readdirSync(directory), [])
    }).pipe(Effect.scoped)
  )

  // Root may write everywhere: it becomes nobody for this.
  it.live.skipIf(isWindows)("that may not be written to is an error that says so", () =>
    Effect.gen(function* () {
      const { said } = yield* written(isRoot ? { uid: 65534 } : {}, (directory) => {
        Fs.chmodSync(Path.dirname(directory), 0o555)
      })
      assert.match(said, /^The session store failed to write: \/.+\.json: permission denied \(EACCES\)$/)
    }).pipe(Effect.scoped)
  )
})
