// NodeSecondFactor: ask the person at the terminal for a two-factor code.
import { SecondFactorUnavailable } from "@effect-dockerhub/core/AuthError"
import * as SecondFactor from "@effect-dockerhub/core/SecondFactor"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TerminalLine from "./internal/terminalLine.ts"

/**
 * What `terminalWith` takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Whether what is typed stays unseen. Default `false`: a code is good once and for half a minute. */
  readonly hidden?: boolean | undefined
  /** What to ask for; a colon follows. Default "Two-factor code". */
  readonly prompt?: string | undefined
}

/**
 * `terminal` with options. Throws a `TypeError` for a prompt that is blank.
 *
 * @example
 * ```ts
 * import { NodeSecondFactor } from "@effect-dockerhub/node"
 *
 * const secondFactor = NodeSecondFactor.terminalWith({ hidden: true, prompt: "Code for the build account" })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const terminalWith = (options: Options = {}): SecondFactor.Service =>
  make({ ...options, terminal: TerminalLine.ofProcess })

/**
 * Codes from the person at the terminal: asked for on standard error, read from standard input.
 *
 * **Details**
 *
 * Where standard input is no terminal it fails at once with `SecondFactorUnavailable`, and reads nothing. It says when a code
 * was refused, and which attempt this is. An empty line is asked for again, twice. Only one question is open at a time,
 * however many logins have one.
 *
 * The terminal is left as it was, whether there is an answer, the end of input (Ctrl-D: `SecondFactorUnavailable`) or an
 * interruption of the fiber. Ctrl-C is SIGINT, as at any time: it ends a program that has no handler, and interrupts one that
 * runs by `NodeRuntime.runMain`. Hidden, it also fails with `SecondFactorUnavailable` where a handler lets the program go on.
 *
 * @example
 * ```ts
 * import { Credentials, HubAuth, SecondFactor } from "@effect-dockerhub/core"
 * import { NodeSecondFactor } from "@effect-dockerhub/node"
 * import { Effect } from "effect"
 *
 * const program = HubAuth.authenticate(Credentials.password("grace", "correct horse battery staple")).pipe(
 *   Effect.provideService(SecondFactor.SecondFactor, NodeSecondFactor.terminal)
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const terminal: SecondFactor.Service = terminalWith()

/**
 * `terminalWith` over any terminal.
 *
 * @internal
 */
export function make({
  hidden = false,
  prompt = "Two-factor code",
  terminal
}: Options & {
  readonly terminal: Effect.Effect<TerminalLine.Terminal, TerminalLine.NoLine>
}): SecondFactor.Service {
  if (prompt.trim() === "") throw new TypeError("NodeSecondFactor: prompt must say what to type")
  return SecondFactor.fromEffect(({ attempt, rejected }) =>
    terminal.pipe(
      Effect.flatMap((terminal) => {
        const notice = Option.isSome(rejected) ? "That code was refused.\n" : ""
        // HubAuth asks a person three times.
        const count = attempt > 1 ? ` (attempt ${attempt} of 3)` : ""
        const text = `${prompt}${count}${hidden ? " (it stays hidden)" : ""}: `
        return oneAtATime(askUntilTyped(terminal, { text, hidden }, notice, 3))
      }),
      Effect.mapError(({ reason }) => new SecondFactorUnavailable({ reason: reasons[reason] }))
    )
  )
}

const askUntilTyped = (
  terminal: TerminalLine.Terminal,
  question: TerminalLine.Question,
  notice: string,
  times: number
): Effect.Effect<Redacted.Redacted<string>, TerminalLine.NoLine> =>
  Effect.flatMap(TerminalLine.ask(terminal, { ...question, text: `${notice}${question.text}` }), (line) => {
    if (Redacted.value(line).trim() !== "") return Effect.succeed(line)
    if (times <= 1) return Effect.fail(new TerminalLine.NoLine({ reason: "Ended" }))
    return askUntilTyped(terminal, question, "", times - 1)
  })

/** There is one terminal. */
const oneAtATime = Effect.unsafeMakeSemaphore(1).withPermits(1)

const reasons: { readonly [Reason in TerminalLine.NoLine["reason"]]: string } = {
  NoTerminal:
    "there is no terminal to ask on (standard input is none); set DOCKERHUB_TOTP_SECRET, or run this in a terminal",
  Ended: "none was typed",
  Cancelled: "cancelled with Ctrl-C"
}
