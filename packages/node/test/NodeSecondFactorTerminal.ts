// Terminals for the tests of prompts: a real one, for a program of its own, and one that is made up.
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn, spawnSync } from "node:child_process"
import { PassThrough } from "node:stream"
import type { Terminal } from "../src/internal/terminalLine.ts"

const isUtilLinux = spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux") === true
const hasPython = process.platform !== "win32" && spawnSync("python3", ["-c", "import pty"]).status === 0

/** What can run a program on a pseudo-terminal here, and pass on what it is told; none for nothing. */
const launcher: ((command: string) => readonly [string, ReadonlyArray<string>]) | undefined = isUtilLinux
  ? (command) => ["script", ["-qec", command, "/dev/null"]]
  : hasPython
    ? (command) => ["python3", ["-c", "import pty, sys; pty.spawn(['sh', '-c', sys.argv[1]])", command]]
    : undefined

export const hasTerminal = launcher !== undefined

export interface Screen {
  readonly type: (keys: string) => Effect.Effect<void>
  /** Waits until this is to be seen, behind what was seen before. */
  readonly shows: (text: string) => Effect.Effect<void>
  /** Waits for the end of the program: all that was to be seen. */
  readonly end: Effect.Effect<string>
}

/** A shell on a terminal of its own. */
export const onTerminal = (command: string): Effect.Effect<Screen, never, Scope.Scope> =>
  Effect.gen(function* () {
    const [program, args] = launcher?.(command) ?? ["false", []]
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(program, args, { env: { ...process.env, TERM: "xterm", SHELL: "/bin/sh" } })),
      (running) => Effect.sync(() => void running.kill("SIGKILL"))
    )
    let seen = ""
    let from = 0
    let isOver = false
    const watchers = new Set<() => void>()
    const tell = () => watchers.forEach((watcher) => watcher())
    child.stdout.on("data", (data: Buffer) => {
      seen += data.toString()
      tell()
    })
    child.on("close", () => {
      isOver = true
      tell()
    })
    const when = <A>(look: () => Effect.Effect<A> | undefined) =>
      Effect.async<A>((resume) => {
        const watcher = () => {
          const found = look()
          if (found !== undefined) resume(found)
        }
        watchers.add(watcher)
        watcher()
        return Effect.sync(() => void watchers.delete(watcher))
      })
    return {
      type: (keys) => Effect.sync(() => void child.stdin.write(keys)),
      shows: (text) =>
        when(() => {
          const at = seen.indexOf(text, from)
          if (at >= 0) {
            from = at + text.length
            return Effect.void
          }
          return isOver ? Effect.dieMessage(`"${text}" was not to be seen in:\n${seen}`) : undefined
        }),
      end: when(() => (isOver ? Effect.succeed(seen) : undefined))
    }
  })

/** A terminal of which a test sees everything. */
export interface Fake {
  readonly terminal: Terminal
  readonly type: (keys: string) => void
  readonly input: PassThrough & { isRaw: boolean }
  /** What was written, and every change of the mode in between. */
  readonly log: Array<string>
}

export const makeFake = (): Fake => {
  const log: Array<string> = []
  const stream = new PassThrough()
  const input = Object.assign(stream, {
    isRaw: false,
    setRawMode: (isRaw: boolean) => {
      input.isRaw = isRaw
      log.push(isRaw ? "<raw>" : "<cooked>")
      return input
    }
  })
  return {
    // A stream with a mode is all that is asked of a terminal, and none can be made without one of the system's.
    terminal: {
      input: input as unknown as Terminal["input"],
      output: { write: (text) => log.push(text) },
      interrupt: () => log.push("<SIGINT>")
    },
    type: (keys) => void stream.write(keys),
    input,
    log
  }
}
