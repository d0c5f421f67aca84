import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { refusal } from "../src/cli/refusedArguments.ts"
import { hubAuth, layer, login, PASSWORD, SEED, seen, stateFiles } from "./cliWorld.ts"

const SECRET = "hunter2-hunter2"

describe("hub-auth and secrets", () => {
  for (const argv of [
    ["login", "--password", SECRET],
    ["login", `--password=${SECRET}`],
    ["login", "--token", SECRET],
    ["token", `--pat=${SECRET}`],
    ["login", "-p", SECRET],
    ["login", `-p${SECRET}`],
    ["login", "--username", "ada", SECRET],
    ["login", "--", SECRET],
    ["token", SECRET],
    ["login", `--totp-secret=${SECRET}`],
    ["login", `--passwrd=${SECRET}`],
    ["login", "--username", `dckr_pat_${SECRET}`],
    ["login", "--code", `dckr_oat_${SECRET}`],
    ["status", "--json", `eyJhbGciOiJIUzI1NiJ9.${SECRET}`]
  ]) {
    it(`refuses ${argv.join(" ").replace(SECRET, "…")}, and does not repeat it`, () => {
      const reason = refusal(argv)
      assert.isString(reason)
      assert.notInclude(reason, SECRET)
    })
  }

  for (const argv of [
    [],
    ["login", "--username", "ada", "--password-stdin", "--code", "123456", "--json", "--verbose"],
    ["login", "--username=ada", "-u", "ada"],
    ["emulator", "--port", "8080"],
    ["--completions", "bash"],
    ["token", "--help"],
    ["token", "-h"],
    ["login", "--log-level=debug"]
  ]) {
    it(`takes ${argv.join(" ")}`, () => {
      assert.isUndefined(refusal(argv))
    })
  }

  it.live("a refused argument is exit code 2, the reason, and no request", () =>
    Effect.gen(function* () {
      for (const argv of [
        ["login", "--username", "ada", "--password", SECRET],
        ["token", SECRET],
        ["login", "--json", `--password=${SECRET}`]
      ]) {
        const { status, stderr, stdout } = yield* hubAuth(argv)
        assert.deepStrictEqual([status, stdout], [2, ""])
        assert.include(stderr, "can be seen by every user of this machine")
        assert.notInclude(stderr, SECRET)
      }
      assert.deepStrictEqual(yield* seen, [])
    }).pipe(Effect.provide(layer()))
  )

  it.live("no output but that of token has a secret in it, with --verbose neither", () =>
    Effect.gen(function* () {
      const env = { DOCKERHUB_TOTP_SECRET: SEED }
      const args = ["login", "--username", "grace", "--password-stdin", "--verbose"]
      const runs = [
        yield* hubAuth(args, { env, input: PASSWORD }),
        yield* hubAuth(["status", "--verbose"]),
        yield* hubAuth(["login", "--username", "ada", "--password-stdin", "--code", "000000", "--verbose"], {
          input: `${PASSWORD}!`
        }),
        yield* hubAuth([...args, "--log-level", "all"], {
          env: { DOCKERHUB_TOTP_SECRET: "no base32 1" },
          input: PASSWORD
        })
      ]
      const token = (yield* hubAuth(["token"])).stdout.trim()
      runs.push(yield* hubAuth(["logout", "--verbose"]))
      const all = runs.map(({ stderr, stdout }) => stderr + stdout).join("")
      for (const secret of [PASSWORD, SEED, token, "no base32 1", "000000"]) assert.notInclude(all, secret)
      assert.notMatch(all, /\n +at /)
    }).pipe(Effect.provide(layer()))
  )

  it.live("who is logged in is remembered without a secret", () =>
    Effect.gen(function* () {
      yield* login("ada")
      const token = (yield* hubAuth(["token"])).stdout.trim()
      const current = (yield* stateFiles).get("current.json") ?? ""
      assert.hasAllKeys(JSON.parse(current), ["key", "baseUrl", "kind", "account"])
      assert.notInclude(current, token)
      assert.notInclude(current, PASSWORD)
    }).pipe(Effect.provide(layer()))
  )
})
