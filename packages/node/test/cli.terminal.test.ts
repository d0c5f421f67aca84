import { assert, describe, it } from "@effect/vitest"
import * as Faults from "@effect-dockerhub/core/testing/Faults"
import { HubEmulator } from "@effect-dockerhub/core/testing/HubEmulator"
import * as Effect from "effect/Effect"
import { hasTerminals, inTerminal, layer, login, PASSWORD, seen, World } from "./cliWorld.ts"

const HIDDEN = /\(it stays hidden\): $/

describe(`hub-auth at a terminal${hasTerminals ? "" : " (skipped: there is no util-linux script for one)"}`, () => {
  it.live.skipIf(!hasTerminals)(
    "asks for the password alone to renew a session, on stderr, and shows nothing of it",
    () =>
      Effect.gen(function* () {
        const { bin, env } = yield* World
        yield* login("ada")
        yield* Effect.sleep("3100 millis")
        const command = `T=$(${process.execPath} ${bin} token); echo "$? \${#T}"`
        const { stdout } = yield* inTerminal(command, env, [[HIDDEN, () => `${PASSWORD}\r`]])
        assert.match(stdout, /^Password or access token of ada \(it stays hidden\): \n0 \d{3}\n$/)
      }).pipe(Effect.provide(layer({ tokenLifetime: "3 seconds" })))
  )

  it.live.skipIf(!hasTerminals)("asks three times at most for a code that is refused", () =>
    Effect.gen(function* () {
      const { bin, env } = yield* World
      const codes = ["000001\n", "000002\n", "000003\n"]
      const run = yield* inTerminal(`${process.execPath} ${bin} login --username grace`, env, [
        [HIDDEN, () => `${PASSWORD}\r`],
        [/^Two-factor code.*: $/, () => codes.shift()]
      ])
      assert.strictEqual(run.status, 12)
      assert.strictEqual(run.stdout.split("That code was refused.").length, 3)
      assert.strictEqual((yield* seen).filter((each) => each === "twoFactorLogin 401").length, 3)
    }).pipe(Effect.provide(layer()))
  )

  it.live.skipIf(!hasTerminals)("Ctrl-C at a prompt ends it with 130, and the terminal echoes again", () =>
    Effect.gen(function* () {
      const { bin, env } = yield* World
      const command = `${process.execPath} ${bin} login --username ada; echo "code $?"; stty -a | grep -o -- '-\\?echo '`
      const { stdout } = yield* inTerminal(command, env, [[HIDDEN, () => "\u0003"]])
      assert.match(stdout, /code 130\necho \n$/)
      assert.deepStrictEqual(yield* Effect.flatMap(HubEmulator, ({ requests }) => requests), [])
    }).pipe(Effect.provide(layer()))
  )

  it.live.skipIf(!hasTerminals)("a spinner shows only while something takes long, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const { bin, env } = yield* World
      const lively = { ...env, TERM: "xterm" }
      const command = `${process.execPath} ${bin} login --username ada`
      const answers = [[HIDDEN, () => `${PASSWORD}\r`]] as const
      const hub = yield* HubEmulator
      yield* hub.enqueue(Faults.delay("1 second"))
      const slow = yield* inTerminal(command, lively, answers)
      assert.include(slow.stdout, "Logging in")
      assert.match(slow.stdout.split("\u001b[K").at(-1) ?? "", /^Logged in to \S+ as ada[^\n]*\n$/)
      const plain = yield* inTerminal(command, { ...lively, NO_COLOR: "1" }, answers)
      assert.notInclude(plain.stdout, "\u001b")
    }).pipe(Effect.provide(layer()))
  )
})
