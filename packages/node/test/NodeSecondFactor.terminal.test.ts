import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { bundle } from "./fixtures/bundle.ts"
import type { Screen } from "./NodeSecondFactorTerminal.ts"
import { hasTerminal, onTerminal } from "./NodeSecondFactorTerminal.ts"

describe("without a terminal", () => {
  it.live("it fails at once, reads nothing, and says what to do", () =>
    Effect.gen(function* () {
      const program = yield* bundle("secondFactorChild")
      for (const stdio of ["pipe", "ignore"] as const) {
        const { status, stderr, stdout } = spawnSync(process.execPath, [program, "twice"], {
          stdio: [stdio, "pipe", "pipe"],
          encoding: "utf8",
          ...(stdio === "pipe" ? { input: "123456\n" } : {})
        })
        const reason =
          "No two-factor code could be had: there is no terminal to ask on (standard input is none); " +
          "set DOCKERHUB_TOTP_SECRET, or run this in a terminal\n"
        assert.deepStrictEqual({ status, stderr, stdout }, { status: 0, stderr: "", stdout: reason.repeat(2) })
      }
    }).pipe(Effect.scoped)
  )
})

// NodeSecondFactor.test.ts has the same over a made-up terminal.
if (!hasTerminal) {
  process.stderr.write("skipped: neither script (util-linux) nor python3 is here to make a pseudo-terminal\n")
}
describe.skipIf(!hasTerminal)("on a real terminal", () => {
  /** Runs a scenario with its standard output in a file; what stty says before and after must be the same. */
  const run = (scenario: string, use: (screen: Screen) => Effect.Effect<void>) =>
    Effect.gen(function* () {
      const program = yield* bundle("secondFactorChild")
      const out = Path.join(Path.dirname(program), "out")
      const screen = yield* onTerminal(
        // The shell gets Ctrl-C too, and must outlive it.
        `trap : INT; stty -a; echo; '${process.execPath}' '${program}' ${scenario} > '${out}'; echo "[exit $?]"; stty -a`
      )
      yield* use(screen)
      const seen = yield* screen.end
      const [before, , after] = seen
        .split(/(speed [^]*?echoke[^\r\n]*)/)
        .filter((part) => part.startsWith("speed") || part.includes("exit"))
      assert.include(before ?? "", " echo ")
      assert.strictEqual(after, before)
      return { seen, out: Fs.readFileSync(out, "utf8"), exit: /\[exit (\d+)\]/.exec(seen)?.[1] }
    }).pipe(Effect.scoped, Effect.timeout("20 seconds"))

  const answering = (question: string, keys: string) => (screen: Screen) =>
    Effect.zipRight(screen.shows(question), screen.type(keys))

  it.live("a code is shown while it is typed, and asked for on stderr", () =>
    Effect.gen(function* () {
      const { exit, out, seen } = yield* run("shown", answering("Two-factor code: ", "12x\u007f3 456\r"))
      assert.strictEqual(out, 'code "123 456"\nlisteners as before, raw false\n')
      assert.include(seen, "Two-factor code: 12x")
      assert.strictEqual(exit, "0")
    })
  )

  it.live("a hidden code is not shown", () =>
    Effect.gen(function* () {
      const { exit, out, seen } = yield* run(
        "hidden",
        answering("Two-factor code (it stays hidden): ", "12x\u007f3456\r")
      )
      assert.strictEqual(out, 'code "123456"\nlisteners as before, raw false\n')
      assert.notMatch(seen, /hidden\): *[0-9x]/)
      assert.strictEqual(exit, "0")
    })
  )

  it.live.each([
    ["shown", "Two-factor code: "],
    ["hidden", "hidden): "]
  ] as const)("Ctrl-C ends a program that asks (%s), with a handler and without", ([scenario, question]) =>
    Effect.gen(function* () {
      // runMain interrupts the program, and takes that for no failure.
      const codes = [
        ["", "0"],
        ["bare", "130"]
      ] as const
      for (const [how, code] of codes) {
        const { exit, out } = yield* run(`${scenario} ${how}`, answering(question, "12\u0003"))
        assert.strictEqual(exit, code)
        assert.strictEqual(out, "")
      }
    })
  )

  it.live("Ctrl-D ends the question, and the next one too", () =>
    Effect.gen(function* () {
      const { exit, out } = yield* run("twice", answering("Two-factor code: ", "\u0004"))
      assert.strictEqual(out, "No two-factor code could be had: none was typed\n".repeat(2))
      assert.strictEqual(exit, "0")
      const hidden = yield* run("hidden", answering("hidden): ", "\u0004"))
      assert.include(hidden.out, "none was typed")
      assert.strictEqual(hidden.exit, "0")
    })
  )

  it.live("an interrupted question keeps no process alive", () =>
    Effect.gen(function* () {
      const { exit, out } = yield* run("interrupted", (screen) => screen.shows("hidden): "))
      assert.strictEqual(out, "listeners as before, raw false\n")
      assert.strictEqual(exit, "0")
    })
  )

  it.live("questions of one program come one after the other, shown and hidden", () =>
    Effect.gen(function* () {
      const { out } = yield* run("atOnce", (screen) =>
        Effect.gen(function* () {
          yield* answering("One: ", "1\r")(screen)
          yield* answering("Two (it stays hidden): ", "2\r")(screen)
          yield* answering("Three: ", "3\r")(screen)
        })
      )
      assert.strictEqual(out, 'code "1"\ncode "2"\ncode "3"\n')
    })
  )

  it.live("a login asks three times, and says each time what is the matter", () =>
    Effect.gen(function* () {
      const { out } = yield* run("login", (screen) =>
        Effect.gen(function* () {
          yield* answering("Two-factor code: ", "000000\r")(screen)
          yield* answering("That code was refused.\r\nTwo-factor code (attempt 2 of 3): ", "000001\r")(screen)
          yield* answering("Two-factor code (attempt 3 of 3): ", "000002\r")(screen)
        })
      )
      assert.match(out, /code|factor/i)
      assert.notInclude(out, "00000")
    })
  )
})
