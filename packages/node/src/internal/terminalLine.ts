// One line that a person types on the terminal, shown or hidden.
//
// Shown, the terminal itself does the editing and is not changed at all: Ctrl-C, Ctrl-Z and Ctrl-D do what they always do, and
// a process that is killed leaves nothing to put right. Hidden needs raw mode, for Node has no other way to turn the echo off.
// Node's readline would do for neither: it is raw in both, leaves its listeners on the stream and reads past the line.
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { StringDecoder } from "node:string_decoder"
import { isatty } from "node:tty"

/** What is needed of `process.stdin` and `process.stderr`. */
export interface Terminal {
  readonly input: Pick<
    NodeJS.ReadStream,
    | "destroyed"
    | "isRaw"
    | "listenerCount"
    | "off"
    | "on"
    | "pause"
    | "readableEnded"
    | "readableFlowing"
    | "resume"
    | "setRawMode"
    | "unshift"
  >
  readonly output: { readonly write: (text: string) => unknown }
  /** What Ctrl-C does. */
  readonly interrupt: () => void
}

/** Why there is no line. */
export class NoLine extends Data.TaggedError("NoLine")<{ readonly reason: "NoTerminal" | "Ended" | "Cancelled" }> {}

/** The terminal of this process. The question goes to stderr: stdout may well be on its way into another program. */
export const ofProcess: Effect.Effect<Terminal, NoLine> = Effect.suspend(() => {
  // Before `process.stdin` is touched, which opens it.
  if (!isatty(0)) return Effect.fail(new NoLine({ reason: "NoTerminal" }))
  return Effect.succeed({ input: process.stdin, output: process.stderr, interrupt: sendInterrupt })
})

export interface Question {
  readonly text: string
  readonly hidden: boolean
}

/** Ask, and wait for as long as it takes. However it ends, the terminal is as it was. */
export const ask = (
  { input, interrupt, output }: Terminal,
  { hidden, text }: Question
): Effect.Effect<Redacted.Redacted<string>, NoLine> =>
  Effect.async((resume) => {
    if (input.readableEnded || input.destroyed) return resume(none("Ended"))

    const wasRaw = input.isRaw
    const wasFlowing = input.readableFlowing === true
    const decoder = new StringDecoder("utf8")
    const typed = hidden ? makeEditor() : makeLine()
    let isOver = false

    const restore = (newLine: boolean) => {
      if (isOver) return
      isOver = true
      if (!input.destroyed && input.isRaw !== wasRaw) input.setRawMode(wasRaw)
      input.off("data", onData).off("end", onEnd).off("close", onEnd).off("error", onEnd)
      if (!wasFlowing) input.pause()
      if (newLine) output.write("\n")
    }
    const onEnd = () => {
      if (isOver) return
      restore(true)
      resume(none("Ended"))
    }
    const onData = (data: Buffer | string) => {
      const outcome = typed(typeof data === "string" ? data : decoder.write(data))
      switch (outcome._tag) {
        case "More":
          return
        case "Line":
          restore(hidden)
          // What was typed ahead is the answer to somebody else's question; another who listens has it already.
          if (outcome.rest !== "" && input.listenerCount("data") === 0) input.unshift(Buffer.from(outcome.rest))
          return resume(Effect.succeed(outcome.line))
        case "Ended":
          return onEnd()
        case "Cancelled":
          restore(true)
          // As the terminal does where it is not raw. A program without a handler ends here and now.
          interrupt()
          return resume(none("Cancelled"))
      }
    }

    // Listening before anything is changed: a terminal that has gone tells by an "error".
    input.on("data", onData).on("end", onEnd).on("close", onEnd).on("error", onEnd)
    if (input.isRaw !== hidden) input.setRawMode(hidden)
    if (isOver) return
    output.write(text)
    input.resume()
    return Effect.sync(() => restore(true))
  })

const none = (reason: NoLine["reason"]) => Effect.fail(new NoLine({ reason }))

type Typed =
  | { readonly _tag: "More" | "Ended" | "Cancelled" }
  | { readonly _tag: "Line"; readonly line: Redacted.Redacted<string>; readonly rest: string }

/** Nobody types more; a file that never ends must not fill the memory. */
const LONGEST = 4096

/** The terminal hands over whole lines. */
const makeLine = (): ((text: string) => Typed) => {
  let buffer = ""
  return (text) => {
    buffer = (buffer + text).slice(0, LONGEST)
    const end = buffer.search(/[\r\n]/)
    if (end < 0) return { _tag: "More" }
    return { _tag: "Line", line: Redacted.make(buffer.slice(0, end)), rest: buffer.slice(end + 1) }
  }
}

/** The keys that edit a line in any terminal; other control keys, arrows and the marks of a paste are not part of it. */
const makeEditor = (): ((text: string) => Typed) => {
  let buffer = ""
  return (text) => {
    const keys = Array.from(text.replace(ESCAPE_SEQUENCE, ""))
    for (const [index, key] of keys.entries()) {
      if (key === "\r" || key === "\n") {
        return { _tag: "Line", line: Redacted.make(buffer), rest: keys.slice(index + 1).join("") }
      }
      if (key === CTRL_C) return { _tag: "Cancelled" }
      if (key === CTRL_D && buffer === "") return { _tag: "Ended" }
      if (key === BACKSPACE || key === CTRL_H) buffer = Array.from(buffer).slice(0, -1).join("")
      else if (key === CTRL_U || key === CTRL_W) buffer = ""
      else if (key >= " " && buffer.length < LONGEST) buffer += key
    }
    return { _tag: "More" }
  }
}

const CTRL_C = "\u0003"
const CTRL_D = "\u0004"
const CTRL_H = "\b"
const CTRL_U = "\u0015"
const CTRL_W = "\u0017"
const BACKSPACE = "\u007f"
const ESCAPE_SEQUENCE = new RegExp(String.raw`\u001b(?:\[[0-?]*[ -/]*[@-~]|O.|.)?`, "gu")

/** Through the listeners where there are some: on Windows a signal to oneself always kills. */
const sendInterrupt = (): void => {
  if (process.listenerCount("SIGINT") > 0) process.emit("SIGINT")
  else process.kill(process.pid, "SIGINT")
}
