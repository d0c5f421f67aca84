import { assert, describe, it } from "@effect/vitest"
import * as Faults from "@effect-dockerhub/core/testing/Faults"
import { HubEmulator } from "@effect-dockerhub/core/testing/HubEmulator"
import * as Effect from "effect/Effect"
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import * as Path from "node:path"
import { exitCodes } from "../src/cli/exitCodes.ts"
import { hubAuth, layer, login, PASSWORD, ROOT, seen, stateFiles, World } from "./cliWorld.ts"

const BEARER = /^[\w-]+\.[\w-]+\.[\w-]+\n$/

describe("hub-auth", () => {
  it.live("logs in, prints the token it keeps, says who is logged in, and forgets it", () =>
    Effect.gen(function* () {
      const loggedIn = yield* login("ada")
      assert.deepStrictEqual([loggedIn.status, loggedIn.stderr], [0, ""])
      assert.match(loggedIn.stdout, /^Logged in to http:\/\/127\.0\.0\.1:\d+ as ada; the token lives 9m \d+s\.\n$/)

      const token = yield* hubAuth(["token"])
      assert.deepStrictEqual([token.status, token.stderr], [0, ""])
      assert.match(token.stdout, BEARER)

      const status = yield* hubAuth(["status"])
      assert.match(
        status.stdout,
        /^ada at http:\S+ \(Password\)\ntoken: 9m \d+s left\nrate limit: \d+ of 180 left, until \S+Z\n$/
      )
      const spoken: unknown = JSON.parse((yield* hubAuth(["status", "--json"])).stdout)
      assert.deepInclude(spoken, { account: "ada", kind: "Password" })

      assert.match((yield* hubAuth(["logout"])).stdout, /^Logged out ada at http/)
      assert.deepStrictEqual([...(yield* stateFiles)], [])
      assert.strictEqual((yield* hubAuth(["token"])).status, exitCodes.NotLoggedIn)
      assert.strictEqual((yield* hubAuth(["status"])).status, exitCodes.NotLoggedIn)
      assert.deepStrictEqual(yield* seen, ["login 200", "repositories 200", "repositories 200"])
    }).pipe(Effect.provide(layer()))
  )

  it.live("token --json says what the bearer is, the same from the warm path and from the other", () =>
    Effect.gen(function* () {
      yield* login("ada")
      const warm = yield* hubAuth(["token", "--json"])
      const cold = yield* hubAuth(["token", "--json", "--verbose"])
      assert.strictEqual(cold.stdout, warm.stdout)
      assert.hasAllKeys(JSON.parse(warm.stdout), ["token", "expiresAt", "account", "kind", "baseUrl"])
    }).pipe(Effect.provide(layer()))
  )

  it.live("a second factor comes from --code or from the seed in the environment", () =>
    Effect.gen(function* () {
      const hub = yield* HubEmulator
      const byCode = yield* hubAuth(
        ["login", "--username", "grace", "--password-stdin", "--code", yield* hub.code("grace")],
        { input: PASSWORD }
      )
      assert.strictEqual(byCode.status, 0)
      yield* hub.addAccount({ username: "grace", password: PASSWORD, totpSecret: "JBSWY3DPEHPK3PXP" })
      assert.strictEqual((yield* login("grace", { env: { DOCKERHUB_TOTP_SECRET: "JBSWY3DPEHPK3PXP" } })).status, 0)
      const wrong = yield* hubAuth(["login", "--username", "grace", "--password-stdin", "--code", "000000"], {
        input: PASSWORD
      })
      assert.strictEqual(wrong.status, exitCodes.InvalidTwoFactorCode)
      assert.strictEqual((yield* login("grace")).status, exitCodes.SecondFactorUnavailable)
    }).pipe(Effect.provide(layer()))
  )

  it.live("of a password on stdin one line end is cut off, and nothing else", () =>
    Effect.gen(function* () {
      for (const input of [" spaces \n count\n\n", " spaces \n count\n\r\n"]) {
        assert.strictEqual((yield* login("linus", { input })).status, 0)
      }
      assert.strictEqual((yield* login("linus", { input: "spaces \n count\n\n" })).status, exitCodes.InvalidCredentials)
      assert.strictEqual((yield* login("linus", { input: "\n" })).status, 2)
    }).pipe(Effect.provide(layer()))
  )

  it.live("a login that is refused leaves the session of before, and says so in one line without a stack", () =>
    Effect.gen(function* () {
      yield* login("ada")
      const before = yield* stateFiles
      const refused = yield* login("ada", { input: "wrong password" })
      assert.strictEqual(refused.status, exitCodes.InvalidCredentials)
      assert.match(refused.stderr, /^hub-auth: Docker Hub refused the credentials [^\n]+\n$/)
      assert.deepStrictEqual(yield* stateFiles, before)
      assert.strictEqual((yield* hubAuth(["token"])).status, 0)
    }).pipe(Effect.provide(layer()))
  )

  it.live("every way to fail has its exit code, and with --json its tag on stderr", () =>
    Effect.gen(function* () {
      const hub = yield* HubEmulator
      const args = ["login", "--username", "ada", "--password-stdin", "--json"]
      const faults = [
        [Faults.status(500), "ServiceUnavailable"],
        [Faults.challengePage(), "EdgeBlocked"],
        [Faults.redirect("https://example.com/"), "UnexpectedResponse"],
        [Faults.respond({ status: 403, body: { detail: "no" } }), "AccessDenied"]
      ] as const
      for (const [fault, tag] of faults) {
        yield* hub.enqueue(fault, { route: "login" })
        const { status, stderr, stdout } = yield* hubAuth(args, { input: PASSWORD })
        const said: unknown = JSON.parse(stderr)
        assert.deepInclude(said, { error: tag, exitCode: exitCodes[tag] })
        assert.deepStrictEqual([status, stdout], [exitCodes[tag], ""])
      }
      const env = { DOCKERHUB_URL: "http://127.0.0.1:1" }
      assert.strictEqual((yield* login("ada", { env })).status, exitCodes.TransportFailure)
      const inClear = yield* login("ada", { env: { DOCKERHUB_URL: "http://example.com" } })
      assert.strictEqual(inClear.status, exitCodes.ConfigError)
      assert.include(inClear.stderr, "DOCKERHUB_URL must be https")
      const help = yield* hubAuth(["--help"])
      for (const [tag, code] of Object.entries(exitCodes)) assert.include(help.stdout, `${code}  ${tag}`)
    }).pipe(Effect.provide(layer()))
  )

  it.live("an expired session is renewed with the environment's credentials, or else with Docker's", () =>
    Effect.gen(function* () {
      const { home } = yield* World
      yield* login("ada")
      yield* Effect.sleep("3100 millis")
      const nothing = yield* hubAuth(["token"])
      assert.strictEqual(nothing.status, exitCodes.NotLoggedIn)
      assert.include(nothing.stderr, "hub-auth login")
      const env = { DOCKERHUB_USERNAME: "ada", DOCKERHUB_PASSWORD: PASSWORD }
      assert.match((yield* hubAuth(["token"], { env })).stdout, BEARER)
      yield* Effect.sleep("3100 millis")
      mkdirSync(Path.join(home, ".docker"))
      const file = Path.join(home, ".docker", "config.json")
      const auth = (name: string) =>
        JSON.stringify({ auths: { "https://index.docker.io/v1/": { auth: btoa(`${name}:${PASSWORD}`) } } })
      writeFileSync(file, auth("someone-else"))
      const foreign = yield* hubAuth(["token"])
      assert.deepStrictEqual([foreign.status, foreign.stdout], [exitCodes.NotLoggedIn, ""])
      writeFileSync(file, auth("ada"))
      const renewed = yield* hubAuth(["token"])
      assert.deepStrictEqual([renewed.status, renewed.stderr], [0, ""])
      assert.deepStrictEqual(yield* seen, ["login 200", "login 200", "login 200"])
    }).pipe(Effect.provide(layer({ tokenLifetime: "3 seconds" })))
  )

  it.live("credentials in the environment are whom the command works for, whoever is logged in", () =>
    Effect.gen(function* () {
      yield* login("ada")
      const env = { DOCKERHUB_ORGANIZATION: "acme", DOCKERHUB_TOKEN: "dckr_oat_an-example-of-27-characters" }
      const first = yield* hubAuth(["token", "--json"], { env })
      assert.deepInclude(JSON.parse(first.stdout), { account: "acme", kind: "OrganizationAccessToken" })
      assert.strictEqual((yield* hubAuth(["token", "--json"], { env })).stdout, first.stdout)
      assert.match((yield* hubAuth(["status"], { env })).stdout, /^acme at/)
      assert.match((yield* hubAuth(["status"])).stdout, /^ada at/)
      const half = yield* hubAuth(["token"], { env: { DOCKERHUB_USERNAME: "ada" } })
      assert.strictEqual(half.status, exitCodes.ConfigError)
      assert.match(half.stderr, /^hub-auth: DOCKERHUB_PASSWORD is missing: set DOCKERHUB_PASSWORD, or [^\n]*\.\n$/)
      const out = yield* hubAuth(["logout"], { env })
      assert.include(out.stderr, "the environment still has credentials")
      assert.deepStrictEqual([...(yield* stateFiles)], [])
    }).pipe(Effect.provide(layer()))
  )

  it.live("a token comes out although it cannot be kept, with a warning that says why", () =>
    Effect.gen(function* () {
      const { home } = yield* World
      const file = Path.join(home, "no-directory")
      writeFileSync(file, "")
      const env = { XDG_STATE_HOME: file, DOCKERHUB_USERNAME: "ada", DOCKERHUB_PASSWORD: PASSWORD }
      const { status, stderr, stdout } = yield* hubAuth(["token"], { env })
      assert.strictEqual(status, 0)
      assert.match(stdout, BEARER)
      assert.match(stderr, /no directory|ENOTDIR/)
      assert.strictEqual((yield* login("ada", { env: { XDG_STATE_HOME: file } })).status, exitCodes.SessionStoreError)
    }).pipe(Effect.provide(layer()))
  )

  it.live("logout leaves no token behind, though nobody can tell any more whose it is", () =>
    Effect.gen(function* () {
      const { state } = yield* World
      yield* login("ada")
      writeFileSync(Path.join(state, "current.json"), "{bad")
      assert.deepInclude(yield* hubAuth(["logout"]), { status: 0, stdout: "Forgot what was stored.\n" })
      assert.deepStrictEqual(
        [...(yield* stateFiles).keys()].filter((name) => name !== "current.json"),
        []
      )
    }).pipe(Effect.provide(layer()))
  )

  it.live("who is logged in is not forgotten in silence where others can read it", () =>
    Effect.gen(function* () {
      const { state } = yield* World
      yield* login("ada")
      chmodSync(Path.join(state, "current.json"), 0o644)
      for (const command of ["status", "token", "logout"]) {
        const { status, stderr, stdout } = yield* hubAuth([command])
        assert.deepStrictEqual([command, status, stdout], [command, exitCodes.SessionStoreError, ""])
        assert.include(stderr, "chmod 600")
      }
      chmodSync(Path.join(state, "current.json"), 0o600)
      assert.match((yield* hubAuth(["logout"])).stdout, /^Logged out ada/)
    }).pipe(Effect.provide(layer()))
  )

  it.live("a session that others can read is not used, and is told of", () =>
    Effect.gen(function* () {
      const { state } = yield* World
      yield* login("ada")
      const [name = ""] = [...(yield* stateFiles).keys()].filter((each) => each !== "current.json")
      chmodSync(Path.join(state, name), 0o644)
      const token = yield* hubAuth(["token"])
      assert.deepStrictEqual([token.status, token.stdout], [exitCodes.NotLoggedIn, ""])
      assert.include(token.stderr, "chmod 600")
      chmodSync(Path.join(state, name), 0o600)
      assert.match((yield* hubAuth(["token"])).stdout, BEARER)
      chmodSync(state, 0o755)
      assert.notStrictEqual((yield* hubAuth(["token"])).status, 0)
    }).pipe(Effect.provide(layer()))
  )

  it.live("the access token that Docker keeps for Docker Hub serves without a login", () =>
    Effect.gen(function* () {
      const { home } = yield* World
      const key = "https://index.docker.io/v1/"
      const claims = JSON.stringify({ exp: Math.floor(Date.now() / 1000) + 600 })
      const jwt = ["{}", claims, "s"].map((part) => Buffer.from(part).toString("base64url")).join(".")
      const entry = (secret: string) => ({ auth: btoa(`ada:${secret}`) })
      mkdirSync(Path.join(home, ".docker"))
      writeFileSync(
        Path.join(home, ".docker", "config.json"),
        JSON.stringify({ auths: { [key]: entry(PASSWORD), [`${key}access-token`]: entry(jwt) } })
      )
      // Nobody answers there: a login would fail.
      const env = { DOCKERHUB_URL: "", HTTPS_PROXY: "http://127.0.0.1:1" }
      assert.deepStrictEqual(yield* hubAuth(["token"], { env }), { status: 0, stdout: `${jwt}\n`, stderr: "" })
      assert.match((yield* hubAuth(["token"])).stdout, BEARER)
      assert.deepStrictEqual(yield* seen, ["login 200"])
    }).pipe(Effect.provide(layer()))
  )

  it.live("the emulator says which port it cannot have", () =>
    Effect.gen(function* () {
      const { port } = new URL((yield* World).env["DOCKERHUB_URL"] ?? "")
      const taken = yield* hubAuth(["emulator", "--port", port])
      assert.strictEqual(taken.status, exitCodes.EmulatorNotStarted)
      assert.include(taken.stderr, `port ${port}`)
      assert.strictEqual((yield* hubAuth(["emulator", "--port", "65536"])).status, 2)
    }).pipe(Effect.provide(layer()))
  )

  it.live("NO_COLOR and pipes get no escapes; completions and the version are there", () =>
    Effect.gen(function* () {
      const { version }: { version: string } = JSON.parse(readFileSync(`${ROOT}packages/node/package.json`, "utf8"))
      assert.strictEqual((yield* hubAuth(["--version"])).stdout.trim(), version)
      assert.notInclude((yield* hubAuth(["login", "--help"])).stdout, "\u001b")
      assert.notInclude((yield* hubAuth(["logn"])).stderr, "\u001b")
      assert.strictEqual((yield* hubAuth(["--wizard"])).status, 2)
      for (const shell of ["bash", "fish", "zsh"]) {
        assert.include((yield* hubAuth(["--completions", shell])).stdout, "password-stdin")
      }
    }).pipe(Effect.provide(layer()))
  )
})
