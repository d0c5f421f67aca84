import { assert, describe, it } from "@effect/vitest"
import { Credentials } from "@effect-dockerhub/core"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as DockerConfig from "../src/DockerConfig.ts"
import { auth, jwt, KEY, machine, OAT, PASSWORD, PAT, REFRESH_KEY, TOKEN_KEY } from "./DockerConfigMachine.ts"

const account = Effect.map(DockerConfig.credentials, (credentials) =>
  credentials._tag === "OrganizationAccessToken" ? credentials.organization : credentials.username
)

const login = (username: string, secret: string) => ({ Username: username, Secret: secret })

const exists = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    // A zombie has ended as well.
    return !/^State:\s+Z/m.test(Fs.readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch {
    return false
  }
}

describe("a credential helper", () => {
  it.scopedLive("is asked for Docker's key, on stdin, and for nothing else once it knows it", () =>
    Effect.gen(function* () {
      const { keychain, on, runs, write } = yield* machine
      keychain("test", { [KEY]: login("ada", PAT) })
      write({ credsStore: "test", auths: { [KEY]: {} } })
      const credentials = yield* on()(DockerConfig.credentials)
      assert.deepStrictEqual(credentials, Credentials.personalAccessToken("ada", PAT))
      assert.deepStrictEqual(runs(), [["get", KEY]])
    })
  )

  it.scopedLive("of credHelpers comes before credsStore, credsStore before auths, the variable before all", () =>
    Effect.gen(function* () {
      const { helper, on, write } = yield* machine
      helper("own", `console.log(JSON.stringify({ ServerURL: input, Username: "own", Secret: "s" }))`)
      helper("common", `console.log(JSON.stringify({ ServerURL: input, Username: "common", Secret: "s" }))`)
      const auths = { [KEY]: auth("plain", "s") }
      write({ auths, credsStore: "common", credHelpers: { "index.docker.io": "own" } })
      assert.strictEqual(yield* on()(account), "own")
      const variable = JSON.stringify({ auths: { [KEY]: auth("variable", "s") } })
      assert.strictEqual(yield* on({ DOCKER_AUTH_CONFIG: variable })(account), "variable")
      write({ auths, credsStore: "common", credHelpers: { "ghcr.io": "own" } })
      assert.strictEqual(yield* on()(account), "common")
      write({ auths, credsStore: "common", credHelpers: { [KEY]: "" } })
      assert.strictEqual(yield* on()(account), "plain")
    })
  )

  it.scopedLive("that knows nothing has the last word, and auths beside it does not count", () =>
    Effect.gen(function* () {
      const { keychain, on, write } = yield* machine
      keychain("test")
      write({ credsStore: "test", auths: { [KEY]: auth("plain", "s") } })
      const error = yield* Effect.flip(on()(DockerConfig.credentials))
      assert.deepStrictEqual([error.reason, error.source], ["NoEntry", "docker-credential-test"])
    })
  )

  it.scopedLive("is asked for other spellings only where the file mentions them", () =>
    Effect.gen(function* () {
      const { keychain, on, runs, write } = yield* machine
      keychain("test", { "docker.io": login("ada", PAT) })
      write({ credHelpers: { "docker.io": "test" } })
      assert.strictEqual(yield* on()(account), "ada")
      assert.deepStrictEqual(runs(), [
        ["get", KEY],
        ["get", "docker.io"]
      ])
    })
  )

  it.scopedLive("has the access token too, which is used only for its own account", () =>
    Effect.gen(function* () {
      const { keychain, on, write } = yield* machine
      const token = jwt(4_000_000_000)
      write({ credsStore: "test" })
      keychain("test", { [KEY]: login("ada", PAT), [TOKEN_KEY]: login("ada", token) })
      const found = yield* on()(DockerConfig.accessToken)
      assert.deepStrictEqual(
        Option.map(found, ({ value }) => Redacted.value(value)),
        Option.some(token)
      )
      keychain("test", { [KEY]: login("bob", PAT), [TOKEN_KEY]: login("ada", token) })
      assert.isTrue(Option.isNone(yield* on()(DockerConfig.accessToken)))
      keychain("test", { [KEY]: login("ada", PAT) })
      assert.isTrue(Option.isNone(yield* on()(DockerConfig.accessToken)))
    })
  )

  it.scopedLive("with only an identity token has no credentials", () =>
    Effect.gen(function* () {
      const { keychain, on, write } = yield* machine
      keychain("test", { [KEY]: login("<token>", "hunter2") })
      write({ credsStore: "test" })
      const error = yield* Effect.flip(on()(DockerConfig.credentials))
      assert.deepStrictEqual([error.reason, error.source], ["IdentityToken", "docker-credential-test"])
      assert.notInclude(String(error), "hunter2")
    })
  )
})

describe("a credential helper in trouble", () => {
  it.scopedLive.each([
    ["prints noise", `console.log("hunter2, your password")`, "HelperOutput"],
    [
      "prints noise before the credentials",
      `console.log('note\\n{"Username":"a","Secret":"hunter2"}')`,
      "HelperOutput"
    ],
    ["prints nothing", ``, "HelperOutput"],
    ["prints other JSON", `console.log('{"password":"hunter2"}')`, "HelperOutput"],
    ["prints a secret without a name", `console.log('{"Username":"","Secret":"hunter2"}')`, "HelperOutput"],
    ["prints what is no UTF-8", `process.stdout.write(Buffer.from([0xff, 0x22]))`, "HelperOutput"],
    ["prints without end", `setInterval(() => process.stdout.write("hunter2".repeat(4096)), 1)`, "HelperOutput"],
    ["fails with words", `console.log("hunter2 is wrong"); process.exit(1)`, "HelperFailed"],
    ["fails on stderr", `console.error("hunter2".repeat(40000)); process.exit(3)`, "HelperFailed"],
    ["is ended by a signal", `process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1000)`, "HelperFailed"],
    ["throws", `throw new Error("hunter2")`, "HelperFailed"]
  ] as const)("that %s: an error with its name and without its words", ([, body, reason]) =>
    Effect.gen(function* () {
      const { helper, on, write } = yield* machine
      helper("bad", body)
      write({ credsStore: "bad" })
      const error = yield* Effect.flip(on()(DockerConfig.credentials))
      assert.deepStrictEqual([error.reason, error.source], [reason, "docker-credential-bad"])
      assert.include(error.message, "docker-credential-bad")
      assert.notInclude(String(error) + JSON.stringify(error), "hunter2")
    })
  )

  it.scopedLive.each([
    ["pass not initialized: exit status 1", "pass init"],
    ["exit status 2: gpg: decryption failed: No secret key", "GnuPG"],
    ["The name org.freedesktop.secrets was not provided by any .service files", "gnome-keyring"],
    ["The stub received bad data.", "2560 bytes"]
  ] as const)("says what to do about: %s", ([theirs, ours]) =>
    Effect.gen(function* () {
      const { helper, on, write } = yield* machine
      helper("bad", `console.log(${JSON.stringify(theirs)}); process.exit(1)`)
      write({ credsStore: "bad" })
      assert.include((yield* Effect.flip(on()(DockerConfig.credentials))).message, ours)
    })
  )

  it.scopedLive("that is missing, cannot be executed, or lacks its interpreter", () =>
    Effect.gen(function* () {
      const { helper, home, on, write } = yield* machine
      const reason = (name: string) => {
        write({ credsStore: name })
        return Effect.map(Effect.flip(on()(DockerConfig.credentials)), (error) => error.reason)
      }
      assert.strictEqual(yield* reason("missing"), "HelperMissing")
      helper("locked", "", 0o644)
      assert.strictEqual(yield* reason("locked"), "HelperNotExecutable")
      Fs.writeFileSync(Path.join(home, "bin", "docker-credential-lost"), "#!/no/such/interpreter\n", { mode: 0o755 })
      assert.strictEqual(yield* reason("lost"), "HelperMissing")
      Fs.writeFileSync(Path.join(home, "bin", "docker-credential-elf"), "\x7fELF\0\0", { mode: 0o755 })
      assert.strictEqual(yield* reason("elf"), "HelperFailed")
    })
  )

  it.scopedLive("that hangs is killed at the deadline, with all it started, even if it ignores SIGTERM", () =>
    Effect.gen(function* () {
      const { helper, home, on, write } = yield* machine
      const pids = Path.join(home, "pids")
      helper(
        "hangs",
        `process.on("SIGTERM", () => {})
        const { pid } = require("node:child_process").spawn("sleep", ["60"], { stdio: "inherit" })
        fs.writeFileSync(${JSON.stringify(pids)}, process.pid + " " + pid)
        setInterval(() => {}, 1000)`
      )
      write({ credsStore: "hangs" })
      const [elapsed, error] = yield* Effect.timed(
        Effect.flip(on()(DockerConfig.credentials).pipe(DockerConfig.withHelperTimeout("1 second")))
      )
      assert.deepStrictEqual([error.reason, error.detail], ["HelperTimedOut", "1s"])
      assert.isBelow(Duration.toMillis(elapsed), 5000)
      yield* ended(pids)
    })
  )

  it.scopedLive("ends with the caller that is interrupted", () =>
    Effect.gen(function* () {
      const { helper, home, on, write } = yield* machine
      const pids = Path.join(home, "pids")
      helper("hangs", `fs.writeFileSync(${JSON.stringify(pids)}, String(process.pid)); setInterval(() => {}, 1000)`)
      write({ credsStore: "hangs" })
      const fiber = yield* Effect.fork(on()(DockerConfig.credentials))
      yield* Effect.sync(() => Fs.existsSync(pids) && Fs.readFileSync(pids, "utf8") !== "").pipe(
        Effect.repeat({ until: (started: boolean) => started, schedule: Schedule.spaced("10 millis") })
      )
      yield* Fiber.interrupt(fiber)
      yield* ended(pids)
    })
  )

  it.scopedLive("that closes its input unread harms nobody", () =>
    Effect.gen(function* () {
      const { home, on, write } = yield* machine
      const program = `#!/bin/sh\nexec 0<&-\necho '{"ServerURL":"","Username":"ada","Secret":"s"}'\n`
      Fs.writeFileSync(Path.join(home, "bin", "docker-credential-deaf"), program, { mode: 0o755 })
      write({ credsStore: "deaf" })
      for (let run = 0; run < 20; run++) assert.strictEqual(yield* on()(account), "ada")
      // Far more than a pipe holds: whoever is not listening to the broken pipe's error ends here.
      yield* on()(DockerConfig.store(Credentials.password("ada", "s".repeat(1_000_000))))
    })
  )

  it("takes no deadline that cannot be", () => {
    for (const timeout of [0, -1, Number.NaN, "soon"]) {
      // A program in JavaScript can pass anything.
      const given = timeout as Duration.DurationInput
      assert.throws(() => DockerConfig.withHelperTimeout(DockerConfig.credentials, given), /HelperTimeout/)
    }
  })
})

const ended = (pids: string) =>
  Effect.sync(() => Fs.readFileSync(pids, "utf8").split(" ").map(Number).some(exists)).pipe(
    Effect.repeat({ while: (alive: boolean) => alive, schedule: Schedule.spaced("20 millis") }),
    Effect.timeout("5 seconds")
  )

describe("store and erase with a helper", () => {
  it.scopedLive("store gives the secret on stdin alone, and takes it out of the file", () =>
    Effect.gen(function* () {
      const { home, keychain, on, read, runs, secrets, write } = yield* machine
      keychain("test")
      const text = `{\n\t"auths": {\n\t\t"${KEY}": {\n\t\t\t"auth": "b2xkOm9sZA==",\n\t\t\t"email": "a@b"\n\t\t},\n\t\t"ghcr.io": {"auth": "Z2g6Z2g="}\n\t},\n\t"credsStore": "test"\n}`
      write(text)
      yield* on()(DockerConfig.store(Credentials.organizationAccessToken("acme", OAT)))
      assert.deepStrictEqual(secrets(), { [KEY]: login("acme", OAT) })
      assert.strictEqual(runs()[0]?.[0], "store")
      assert.strictEqual(read(), text.replace(`"auth": "b2xkOm9sZA==",\n\t\t\t`, ""))
      assert.deepStrictEqual(Fs.readdirSync(Path.join(home, ".docker")), ["config.json"])
    })
  )

  it.scopedLive("store leaves the file alone where it holds no secret, and fails where the helper does", () =>
    Effect.gen(function* () {
      const { file, helper, keychain, on, write } = yield* machine
      keychain("test")
      write({ credsStore: "test", auths: { [KEY]: {} } })
      const before = Fs.statSync(file).ino
      yield* on()(DockerConfig.store(Credentials.password("ada", PASSWORD)))
      assert.strictEqual(Fs.statSync(file).ino, before)
      helper("test", `console.log("could not store " + input); process.exit(1)`)
      const error = yield* Effect.flip(on()(DockerConfig.store(Credentials.password("ada", PASSWORD))))
      assert.strictEqual(error.reason, "HelperFailed")
      assert.notInclude(String(error), PASSWORD)
    })
  )

  it.scopedLive("erase forgets the tokens, the credentials and the entries, and nothing of others", () =>
    Effect.gen(function* () {
      const { keychain, on, read, runs, secrets, write } = yield* machine
      keychain("test", {
        [KEY]: login("ada", PAT),
        [TOKEN_KEY]: login("ada", "t"),
        [REFRESH_KEY]: login("ada", "r"),
        "ghcr.io": login("o", "o")
      })
      write(`{"auths":{"${KEY}":{},"ghcr.io":{}},"credsStore":"test"}`)
      yield* on()(DockerConfig.erase)
      assert.deepStrictEqual(secrets(), { "ghcr.io": login("o", "o") })
      assert.deepStrictEqual(runs(), [
        ["erase", TOKEN_KEY],
        ["erase", REFRESH_KEY],
        ["erase", KEY]
      ])
      assert.strictEqual(read(), `{"auths":{"ghcr.io":{}},"credsStore":"test"}`)
      yield* on()(DockerConfig.erase)
    })
  )

  it.scopedLive("erase takes a failure for done only where the entry cannot be had any more", () =>
    Effect.gen(function* () {
      const { helper, on, write } = yield* machine
      const gone = `console.log(action === "get" ? "credentials not found in native keychain" : "exit status 1"); process.exit(1)`
      helper("test", gone)
      write({ credsStore: "test" })
      yield* on()(DockerConfig.erase)
      helper("test", `if (action === "get") console.log('{"Username":"a","Secret":"s"}'); else process.exit(1)`)
      assert.strictEqual((yield* Effect.flip(on()(DockerConfig.erase))).reason, "HelperFailed")
    })
  )
})
