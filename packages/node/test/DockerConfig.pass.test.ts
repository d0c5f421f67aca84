import { assert, describe, it } from "@effect/vitest"
import { Credentials } from "@effect-dockerhub/core"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as DockerConfig from "../src/DockerConfig.ts"
import { machine, PASSWORD } from "./DockerConfigMachine.ts"

/** Docker's own helper for `pass`, with a GnuPG key and a password store of this test's own. */
const isInstalled = (program: string): boolean =>
  (process.env["PATH"] ?? "").split(":").some((directory) => Fs.existsSync(Path.join(directory, program)))

const PACKAGES = "golang-docker-credential-helpers pass gnupg"
const missing = ["docker-credential-pass", "pass", "gpg"].filter((program) => !isInstalled(program))

describe("Docker's own docker-credential-pass", () => {
  const title = "keeps, gives back and forgets what it is given"
  if (missing.length > 0) {
    process.stdout.write(`skipped: ${missing.join(", ")} not installed (Debian: ${PACKAGES})
`)
    it.skip(title)
    return
  }
  it.scopedLive(title, () =>
    Effect.gen(function* () {
      const { home, on, write } = yield* machine
      const variables = { GNUPGHOME: Path.join(home, "gpg"), PASSWORD_STORE_DIR: Path.join(home, "store") }
      Fs.mkdirSync(variables.GNUPGHOME, { mode: 0o700 })
      const before = { ...process.env }
      // Helpers inherit this process's environment.
      yield* Effect.acquireRelease(
        Effect.sync(() => Object.assign(process.env, variables)),
        () =>
          Effect.sync(() => {
            execFileSync("gpgconf", ["--kill", "gpg-agent"])
            process.env = before
          })
      )
      const key = ["--batch", "--passphrase", "", "--quick-gen-key", "test@example.com"]
      execFileSync("gpg", key, { stdio: "ignore" })
      execFileSync("pass", ["init", "test@example.com"], { stdio: "ignore" })
      write({ credsStore: "pass" })
      const here = on({ PATH: before["PATH"] ?? "" })
      assert.strictEqual((yield* Effect.flip(here(DockerConfig.credentials))).reason, "NoEntry")
      yield* here(DockerConfig.store(Credentials.password("ada", PASSWORD)))
      assert.deepStrictEqual(yield* here(DockerConfig.credentials), Credentials.password("ada", PASSWORD))
      assert.isTrue(Option.isNone(yield* here(DockerConfig.accessToken)))
      yield* here(DockerConfig.erase)
      assert.strictEqual((yield* Effect.flip(here(DockerConfig.credentials))).reason, "NoEntry")
    })
  )
})
