import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as Path from "node:path"
import { bundle, emulatorProcess, hasTerminals, inTerminal, PASSWORD, ROOT } from "./cliWorld.ts"

const PAGE = "examples/cli-session.md"

/** The commands of the page, each with what it printed. */
const steps = [...readFileSync(`${ROOT}${PAGE}`, "utf8").matchAll(/^```console\n(.*?)^```/gms)]
  .flatMap(([, block = ""]) => block.split(/^\$ /m).slice(1))
  .map((step) => {
    const end = step.indexOf("\n")
    return { command: step.slice(0, end), output: step.slice(end + 1) }
  })

/** What differs from one run to the next. */
const steady = (text: string): string =>
  text
    .replace(/127\.0\.0\.1:\d+/g, "127.0.0.1:PORT")
    .replace(/\b9m [0-9]+s/g, "9m SECONDS")
    .replace(/\d+ of 180 left, until \S+/g, "SOME of 180 left, until THEN")
    .replace(/^(Two-factor code: )\d{6}$/gm, "$1CODE")

/** For a machine without curl: as much of it as the page needs. */
const CURL = `#!/bin/sh
exec node -e 'const [header, url] = process.argv.slice(1)
fetch(url, { headers: [header.split(": ")] }).then((answer) => answer.text()).then(console.log)' "$3" "$4"
`

/** A folder for the PATH in which the commands of the page are. */
const commands = Effect.acquireRelease(
  Effect.promise(async () => {
    const folder = mkdtempSync(Path.join(tmpdir(), "hub-auth-page-"))
    mkdirSync(Path.join(folder, "bin"))
    symlinkSync(await bundle(), Path.join(folder, "bin", "hub-auth"))
    writeFileSync(Path.join(folder, "bin", "curl"), CURL, { mode: 0o755 })
    return folder
  }),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

describe(`${PAGE}${hasTerminals ? "" : " (skipped: there is no util-linux script for a terminal)"}`, () => {
  it.scopedLive.skipIf(!hasTerminals)(
    "prints what it says, command by command, with a person at the terminal",
    () =>
      Effect.gen(function* () {
        const home = yield* commands
        const env = { PATH: `${home}/bin:${process.env["PATH"]}`, HOME: home, XDG_STATE_HOME: `${home}/state` }
        const [first, ...rest] = steps
        const emulator = yield* emulatorProcess(process.execPath, [`${home}/bin/hub-auth`], env)
        assert.strictEqual(steady(emulator.printed()), steady(first?.output ?? ""))

        const answers = [
          [/^Docker ID: $/, () => "grace\n"],
          [/\(it stays hidden\): $/, () => `${PASSWORD}\n`],
          [/^Two-factor code: $/, () => /shows (\d{6})/.exec(emulator.printed())?.[1]?.concat("\n")]
        ] as const
        for (const { command, output } of rest) {
          if (command.startsWith("export ")) continue
          const run = yield* inTerminal(command, { ...env, DOCKERHUB_URL: emulator.url }, answers)
          assert.strictEqual(steady(run.stdout), steady(output), command)
        }
        assert.strictEqual(yield* emulator.end, 130)
      }),
    60_000
  )
})
