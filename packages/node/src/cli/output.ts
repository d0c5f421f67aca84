// What the command says: results on stdout, all else on stderr, and nothing in colour that was not asked for.
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { isLively } from "./terminal.ts"

/** A result: words for a person, or the same as JSON for a program. */
export const result = (
  isJson: boolean,
  words: string,
  json: { readonly [key: string]: unknown }
): Effect.Effect<void> => Console.log(isJson ? JSON.stringify(json) : words)

const ESCAPES = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g")

const plain = (parts: ReadonlyArray<unknown>): ReadonlyArray<unknown> =>
  parts.map((part) => (typeof part === "string" ? part.replace(ESCAPES, "") : part))

/** `@effect/cli` colours its help always: keep that for terminals whose owner likes it. */
export const withFittingColours = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Console.consoleWith((console) =>
    Effect.withConsole(effect, {
      ...console,
      log: (...parts) => console.log(...(isColourful(process.stdout) ? parts : plain(parts))),
      error: (...parts) => console.error(...(isColourful(process.stderr) ? parts : plain(parts)))
    })
  )

const isColourful = (stream: NodeJS.WriteStream): boolean => stream.isTTY && (process.env["NO_COLOR"] ?? "") === ""

/** A failure's sentence, on stderr. */
export const complaint = (isJson: boolean, tag: string, exitCode: number, message: string): Effect.Effect<void> => {
  const name = isLively() ? "\u001b[31mhub-auth:\u001b[0m" : "hub-auth:"
  return Console.error(isJson ? JSON.stringify({ error: tag, message, exitCode }) : `${name} ${message}`)
}

/** Warnings and, with `--verbose`, what is done, as lines on stderr; the same one is not said twice. */
export const layerLogger = Logger.replaceScoped(
  Logger.defaultLogger,
  Effect.sync(() => {
    const said = new Set<string>()
    return Logger.make<unknown, void>(({ logLevel, message }) => {
      const line = `hub-auth: ${LogLevel.greaterThanEqual(logLevel, LogLevel.Warning) ? "warning" : "verbose"}: ${String(message)}`
      if (!said.has(line)) process.stderr.write(`${line}\n`)
      said.add(line)
    })
  })
)

/** A time to a person's taste: whole seconds, nothing negative. */
export const seconds = (duration: Duration.Duration): Duration.Duration =>
  Duration.seconds(Math.max(0, Math.floor(Duration.toSeconds(duration))))
