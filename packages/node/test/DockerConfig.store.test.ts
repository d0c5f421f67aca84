import { assert, describe, it } from "@effect/vitest"
import { Credentials } from "@effect-dockerhub/core"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { Worker } from "node:worker_threads"
import * as DockerConfig from "../src/DockerConfig.ts"
import { removeMembers, setMember } from "../src/internal/jsonEdit.ts"
import { auth, base64, KEY, machine, PASSWORD, PAT, REFRESH_KEY, TOKEN_KEY } from "./DockerConfigMachine.ts"

const ada = Credentials.password("ada", PASSWORD)
const stored = base64(`ada:${PASSWORD}`)

describe("store and erase in config.json", () => {
  it.scopedLive("a file that was not there is Docker's in form and its owner's alone", () =>
    Effect.gen(function* () {
      const { file, home, on, read } = yield* machine
      Fs.rmSync(Path.dirname(file), { recursive: true })
      const old = process.umask(0)
      yield* Effect.ensuring(
        on()(DockerConfig.store(ada)),
        Effect.sync(() => process.umask(old))
      )
      assert.strictEqual(read(), `{\n\t"auths": {\n\t\t"${KEY}": {\n\t\t\t"auth": "${stored}"\n\t\t}\n\t}\n}`)
      assert.strictEqual(Fs.statSync(file).mode & 0o777, 0o600)
      assert.strictEqual(Fs.statSync(Path.dirname(file)).mode & 0o777, 0o700)
      assert.deepStrictEqual(Fs.readdirSync(home).toSorted(), [".docker", "bin"])
      assert.deepStrictEqual(yield* on()(DockerConfig.credentials), ada)
    })
  )

  it.scopedLive("every other byte stays: order, indentation, numbers, duplicates, unknown fields", () =>
    Effect.gen(function* () {
      const { on, read, write } = yield* machine
      const text = `{\r\n  "x": 12345678901234567890, "x": 1.0,\r\n  "auths": {\r\n    "ghcr.io": { "auth": "Z2g6Z2g=" },\r\n    "${KEY}": {"email": "a@b", "auth":"b2xkOm9sZA=="}\r\n  },\r\n  "__proto__": {"a": "\\u00e9"},\r\n  "2": [ ]\r\n}\r\n`
      write(text)
      yield* on()(DockerConfig.store(ada))
      const entry = `{\r\n      "email": "a@b",\r\n      "auth": "${stored}"\r\n    }`
      assert.strictEqual(read(), text.replace(`{"email": "a@b", "auth":"b2xkOm9sZA=="}`, entry))
      yield* on()(DockerConfig.erase)
      assert.strictEqual(read(), text.replace(`,\r\n    "${KEY}": {"email": "a@b", "auth":"b2xkOm9sZA=="}`, ""))
    })
  )

  it.scopedLive("erase takes every spelling and the tokens, and writes nothing when there is nothing", () =>
    Effect.gen(function* () {
      const { file, on, read, write } = yield* machine
      const entry = JSON.stringify(auth("a", "a"))
      const ours = ["docker.io", KEY, TOKEN_KEY, REFRESH_KEY].map((key) => `"${key}":${entry}`)
      write(`{"auths":{${ours.join(",")},"docker.io/acme":${entry}}}`)
      yield* on()(DockerConfig.erase)
      assert.strictEqual(read(), `{"auths":{"docker.io/acme":${entry}}}`)
      const before = Fs.statSync(file).ino
      yield* on()(DockerConfig.erase)
      assert.strictEqual(Fs.statSync(file).ino, before)
    })
  )

  it.scopedLive("reading never writes", () =>
    Effect.gen(function* () {
      const { file, home, on, write } = yield* machine
      write({ auths: { [KEY]: auth("ada", PASSWORD), [TOKEN_KEY]: auth("ada", "x") } })
      const before = Fs.statSync(file, { bigint: true })
      yield* on()(DockerConfig.credentials)
      yield* on()(DockerConfig.accessToken)
      const after = Fs.statSync(file, { bigint: true })
      assert.deepStrictEqual([after.ino, after.mtimeNs], [before.ino, before.mtimeNs])
      assert.deepStrictEqual(Fs.readdirSync(Path.join(home, ".docker")), ["config.json"])
    })
  )

  it.scopedLive("a symbolic link stays one, and what it leads to is replaced", () =>
    Effect.gen(function* () {
      const { file, home, on } = yield* machine
      const real = Path.join(home, "dotfiles.json")
      Fs.writeFileSync(real, "{}", { mode: 0o644 })
      Fs.symlinkSync(real, file)
      yield* on()(DockerConfig.store(ada))
      assert.isTrue(Fs.lstatSync(file).isSymbolicLink())
      assert.include(Fs.readFileSync(real, "utf8"), stored)
      assert.strictEqual(Fs.statSync(real).mode & 0o777, 0o600)
    })
  )

  it.scopedLive("a file that is not understood is not replaced", () =>
    Effect.gen(function* () {
      const { on, read, write } = yield* machine
      for (const text of ["{", "[]", `{"auths":[]}`]) {
        write(text)
        yield* Effect.flip(on()(DockerConfig.store(ada)))
        yield* Effect.flip(on()(DockerConfig.erase))
        assert.strictEqual(read(), text)
      }
    })
  )

  it.scopedLive("what cannot be written is an error that names the file, and leaves it", () =>
    Effect.gen(function* () {
      const { on, write } = yield* machine
      const error = yield* Effect.flip(on({ DOCKER_CONFIG: "/proc/no" })(DockerConfig.store(ada)))
      assert.deepStrictEqual([error.reason, error.source], ["Unwritable", "/proc/no/config.json"])
      assert.notInclude(String(error), stored)
      write({})
      const colon = yield* Effect.flip(on()(DockerConfig.store(Credentials.password("a:b", "c"))))
      assert.strictEqual(colon.reason, "Unwritable")
    })
  )

  it.scopedLive("whoever reads meanwhile sees a whole file, and no writer of this process is lost", () =>
    Effect.gen(function* () {
      const { file, home, on, read, write } = yield* machine
      write({ auths: { "ghcr.io": auth("other", "x".repeat(200_000)) } })
      // Another thread reads as fast as it can, and tells how often, and what it could not read.
      const reader = new Worker(
        `const { parentPort, workerData } = require("node:worker_threads"), { readFileSync } = require("node:fs")
        let reads = 0, failure = ""
        const loop = () => {
          for (let i = 0; i < 20; i++) try {
            const { auths } = JSON.parse(readFileSync(workerData, "utf8"))
            if (auths["ghcr.io"] === undefined) throw new Error("an entry is missing")
            reads++
          } catch (error) { failure ||= String(error) }
          setImmediate(loop)
        }
        parentPort.on("message", () => { parentPort.postMessage({ reads, failure }); process.exit() })
        loop()`,
        { eval: true, workerData: file }
      )
      yield* Effect.promise(() => new Promise((resolve) => reader.once("online", resolve)))
      const writers = Array.from({ length: 30 }, (_, index) =>
        on()(index % 3 === 2 ? DockerConfig.erase : DockerConfig.store(Credentials.password(`ada${index}`, PASSWORD)))
      )
      yield* Effect.all(writers, { concurrency: "unbounded" })
      const { failure, reads } = yield* Effect.promise(
        () =>
          new Promise<{ readonly reads: number; readonly failure: string }>((resolve) => {
            reader.once("message", resolve)
            // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
            reader.postMessage("stop")
          })
      )
      assert.strictEqual(failure, "")
      assert.isAbove(reads, 50)
      assert.include(read(), "ghcr.io")
      assert.deepStrictEqual(Fs.readdirSync(Path.join(home, ".docker")), ["config.json"])
    })
  )

  it.scopedLive("what was stored is read back, whatever the secret", () =>
    Effect.gen(function* () {
      const { on } = yield* machine
      for (const secret of [PAT, " leading and trailing ", "a:b:c", 'ünï\u2028\n\r"\\', "=".repeat(99)]) {
        const credentials = Credentials.fromSecret("ada", secret)
        yield* on()(DockerConfig.store(credentials))
        assert.deepStrictEqual(yield* on()(DockerConfig.credentials), credentials)
      }
    })
  )
})

describe("jsonEdit", () => {
  const keys = FastCheck.constantFrom("a", "b", "auths", "__proto__", "1", 'q"\\}', "é")
  const object = FastCheck.dictionary(keys, FastCheck.jsonValue({ maxDepth: 2 }))
  const indent = FastCheck.constantFrom("", "\t", "  ")
  // What `dictionary` makes has no prototype; JSON's objects have one.
  const text = FastCheck.tuple(object, FastCheck.option(object), indent).map(([root, auths, space]) =>
    JSON.stringify(auths === null ? { ...root } : { ...root, auths: { ...auths } }, null, space)
  )
  const parsed = (json: string): { readonly [key: string]: unknown } => JSON.parse(json)
  const members = (value: unknown) => Object.entries(typeof value === "object" && value !== null ? value : {})

  it.prop(
    "setMember changes one member and nothing else",
    { text, key: keys, value: FastCheck.jsonValue() },
    (given) => {
      const before = parsed(given.text)
      const after = parsed(setMember(given.text, "auths", given.key, given.value))
      const isObject = !Array.isArray(before["auths"])
      const old = isObject ? members(before["auths"]).filter(([key]) => key !== given.key) : []
      const expected: unknown = JSON.parse(JSON.stringify(given.value))
      assert.sameDeepMembers(members(after["auths"]), [...old, [given.key, expected]])
      const rest = (from: typeof before) => members(from).filter(([key]) => key !== "auths")
      assert.deepStrictEqual(rest(after), rest(before))
    }
  )

  it.prop("removeMembers takes what matches and nothing else", { text, gone: FastCheck.uniqueArray(keys) }, (given) => {
    const before = parsed(given.text)
    const edited = removeMembers(given.text, "auths", (key) => given.gone.includes(key))
    const after = parsed(edited)
    if (!Array.isArray(before["auths"])) {
      const kept = members(before["auths"]).filter(([key]) => !given.gone.includes(key))
      assert.deepStrictEqual(members(after["auths"]), kept)
    }
    assert.isAtMost(edited.length, given.text.length)
    assert.deepStrictEqual(Object.keys(after), Object.keys(before))
  })

  it.prop("what was set and removed again leaves the text as it was", { text }, ({ text }) => {
    const auths = parsed(text)["auths"]
    if (members(auths).length === 0 || Array.isArray(auths)) return
    const there = setMember(text, "auths", "new", { auth: "x" })
    assert.strictEqual(
      removeMembers(there, "auths", (key) => key === "new"),
      text
    )
  })
})
