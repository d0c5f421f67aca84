// What a person is asked for: a name and a secret, on the terminal and never on stdout; or the secret on stdin.
import * as Credentials from "@effect-dockerhub/core/Credentials"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { isatty } from "node:tty"
import * as TerminalLine from "../internal/terminalLine.ts"
import { UsageError } from "./errors.ts"

/** Whether there is somebody to ask. Prompts go to stderr, for stdout may be captured. */
export const isPossible = (): boolean => isatty(0) && isatty(2)

const ask = (text: string, hidden: boolean): Effect.Effect<Redacted.Redacted<string>, UsageError> =>
  TerminalLine.ofProcess.pipe(
    Effect.flatMap((terminal) => TerminalLine.ask(terminal, { text, hidden })),
    Effect.mapError(() => new UsageError({ message: "Nothing was typed." }))
  )

/** The credentials of an account, which is asked for as well where it is not known. */
export const credentials = (account?: string): Effect.Effect<Credentials.Credentials, UsageError> =>
  Effect.gen(function* () {
    const name = account ?? Redacted.value(yield* ask("Docker ID: ", false))
    if (name.trim() === "") return yield* new UsageError({ message: "The Docker ID was empty." })
    const secret = yield* ask(`Password or access token of ${name.trim()} (it stays hidden): `, true)
    if (Redacted.value(secret) === "") return yield* new UsageError({ message: "The password was empty." })
    return Credentials.fromSecret(name, secret)
  })

/** No secret is as large; what is larger is a mistake, such as a file of another kind. */
const LARGEST = 65_536

/** All of stdin, without one line end at its end: a password may well begin or end with white space. */
export const secretFromStdin: Effect.Effect<Redacted.Redacted<string>, UsageError> = Effect.async<string, UsageError>(
  (resume) => {
    const chunks: Array<Buffer> = []
    let size = 0
    const fail = (message: string) => resume(Effect.fail(new UsageError({ message })))
    const take = (chunk: Buffer): void => {
      chunks.push(chunk)
      size += chunk.length
      if (size > LARGEST) fail("What is on stdin is too long for a password.")
    }
    const finish = (): void => resume(Effect.succeed(Buffer.concat(chunks).toString("utf8")))
    const giveUp = (): void => fail("The password could not be read from stdin.")
    process.stdin.on("data", take).once("end", finish).once("error", giveUp)
    return Effect.sync(() => process.stdin.off("data", take).off("end", finish).off("error", giveUp).destroy())
  }
).pipe(
  Effect.map((text) => text.replace(/\r?\n$/, "")),
  Effect.filterOrFail(
    (secret) => secret !== "",
    () => new UsageError({ message: "There is no password on stdin." })
  ),
  Effect.map(Redacted.make)
)
