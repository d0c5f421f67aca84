// Log in with a password and a code that a person types; a refused code is asked for again, up to three times.
import { AuthError, Credentials, HubAuth, SecondFactor } from "@effect-dockerhub/core"
import { HubEmulator } from "@effect-dockerhub/core/testing"
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Option, Redacted } from "effect"
import { createInterface } from "node:readline"

/** One line from the terminal. It ends with the terminal and with the fiber, and never hangs a CI. */
const readLine = (prompt: string): Effect.Effect<Redacted.Redacted<string>, AuthError.SecondFactorUnavailable> =>
  Effect.async((resume) => {
    const unavailable = (reason: string) => resume(Effect.fail(new AuthError.SecondFactorUnavailable({ reason })))
    if (!process.stdin.isTTY) return unavailable("there is no terminal to ask on; run this example in one")
    const terminal = createInterface({ input: process.stdin, output: process.stderr })
    terminal.once("close", () => unavailable("it was not typed"))
    terminal.question(prompt, (line) => {
      resume(Effect.succeed(Redacted.make(line)))
      terminal.close()
    })
    return Effect.sync(() => terminal.close())
  })

const program = Effect.gen(function* () {
  const emulator = yield* HubEmulator.HubEmulator
  const prompt = SecondFactor.fromEffect(({ attempt, rejected }) =>
    Effect.gen(function* () {
      if (Option.isSome(rejected)) yield* Console.error("That code was refused.")
      // You have no authenticator for an emulated account: here is what it would show.
      yield* Console.error(`grace's authenticator app shows ${yield* emulator.code("grace")}`)
      return yield* readLine(`Code (attempt ${attempt} of 3): `)
    })
  )
  const token = yield* HubAuth.authenticate(Credentials.password("grace", "correct horse battery staple")).pipe(
    Effect.provideService(SecondFactor.SecondFactor, prompt)
  )
  yield* Console.log(`logged in: ${token.value}`)
}).pipe(
  Effect.catchAll((error) => {
    process.exitCode = 1
    return Console.error(`\n${error.message}`)
  })
)

const emulator = HubEmulator.layer({
  accounts: [
    { username: "grace", password: "correct horse battery staple", totpSecret: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" }
  ]
})

program.pipe(Effect.provide(Layer.provideMerge(HubAuth.layer, emulator)), NodeRuntime.runMain)
