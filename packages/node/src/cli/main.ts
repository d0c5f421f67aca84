// All of `hub-auth` but its warm path: the commands, what they print when they fail, and what they exit with.
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import { isValidationError } from "@effect/cli/ValidationError"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import * as Cause from "effect/Cause"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Predicate from "effect/Predicate"
import { isatty } from "node:tty"
import { emulator } from "./commands/emulator.ts"
import { login } from "./commands/login.ts"
import { logout } from "./commands/logout.ts"
import { status } from "./commands/status.ts"
import { token } from "./commands/token.ts"
import { exitCodes, INTERRUPTED, UNEXPECTED, USAGE } from "./exitCodes.ts"
import type { Tag } from "./exitCodes.ts"
import { complaint, layerLogger, withFittingColours } from "./output.ts"
import { refusal } from "./refusedArguments.ts"

const VERSION = "0.1.0"

const codes: ReadonlyArray<readonly [number, string]> = [
  [0, "done"],
  [UNEXPECTED, "a mistake in hub-auth itself"],
  [USAGE, "the arguments are not understood, or one was refused for being a secret"],
  ...Object.entries(exitCodes).map(([tag, code]) => [code, tag] as const),
  [INTERRUPTED, "ended by Ctrl-C or a signal"]
]

const footer = HelpDoc.sequence(
  HelpDoc.h1("EXIT CODES"),
  HelpDoc.p(codes.map(([code, meaning]) => `${String(code).padStart(3)}  ${meaning}`).join("\n"))
)

const cli = Command.make("hub-auth").pipe(
  Command.withDescription(
    "Log in to Docker Hub and keep the token. DOCKERHUB_URL says which Hub; secrets come from a prompt, from stdin or from the environment, never from an argument."
  ),
  Command.withSubcommands([login, token, status, logout, emulator]),
  Command.run({ name: "hub-auth", version: VERSION, executable: "hub-auth", footer })
)

const argv = process.argv.slice(2)
const isJson = argv.includes("--json")

/** What went wrong, told once, and the code to exit with. */
const tell = (failure: unknown): Effect.Effect<number> => {
  // `@effect/cli` has said it already.
  if (isValidationError(failure)) return Effect.succeed(USAGE)
  const tag = Predicate.hasProperty(failure, "_tag") ? String(failure._tag) : ""
  const message = ConfigError.isConfigError(failure)
    ? sentenceOf(failure)
    : failure instanceof Error
      ? failure.message
      : String(failure)
  const code = tag === "UsageError" ? USAGE : isTag(tag) ? exitCodes[tag] : UNEXPECTED
  return Effect.as(complaint(isJson, tag, code, message), code)
}

const sentenceOf = (error: ConfigError.ConfigError): string => {
  if (error._op === "MissingData") return `${error.path.join(".")} is missing: ${error.message}.`
  return error._op === "InvalidData" ? `${error.message}.` : String(error)
}

const isTag = (tag: string): tag is Tag => Object.hasOwn(exitCodes, tag)

/** A defect's own words may hold anything; they are for those who ask. */
const tellDefect = (cause: Cause.Cause<unknown>): Effect.Effect<number> => {
  const message = argv.includes("--verbose")
    ? Cause.pretty(cause)
    : "This is a mistake in hub-auth itself; --verbose shows where."
  return Effect.as(complaint(isJson, "Defect", UNEXPECTED, message), UNEXPECTED)
}

// The wizard would wait for ever for keys that nobody can press.
const refused =
  argv.includes("--wizard") && !isatty(0) ? "--wizard needs a terminal: standard input is none." : refusal(argv)

const program: Effect.Effect<number> = (
  refused === undefined
    ? Effect.as(cli(process.argv), 0)
    : Effect.as(complaint(isJson, "UsageError", USAGE, refused), USAGE)
).pipe(
  Effect.catchAll(tell),
  Effect.catchAllCause((cause) => (Cause.isInterruptedOnly(cause) ? Effect.interrupt : tellDefect(cause))),
  withFittingColours,
  Effect.provide(
    Layer.mergeAll(
      NodeFileSystem.layer,
      NodePath.layer,
      NodeTerminal.layer,
      layerLogger,
      Logger.minimumLogLevel(argv.includes("--verbose") ? LogLevel.Debug : LogLevel.Warning)
    )
  )
)

// Whoever closes the pipe has read enough; a result that cannot be written is a failure.
process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => process.exit(code === "EPIPE" ? 0 : UNEXPECTED))
process.stderr.on("error", () => undefined)

NodeRuntime.runMain(program, {
  disableErrorReporting: true,
  disablePrettyLogger: true,
  teardown: (exit, onExit) => onExit(Exit.match(exit, { onFailure: () => INTERRUPTED, onSuccess: Number }))
})
