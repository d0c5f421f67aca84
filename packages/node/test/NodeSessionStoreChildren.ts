// Processes that share a store, for the tests of it: each runs one job of fixtures/sessionStoreChild.ts.
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as Path from "node:path"
import { createInterface } from "node:readline"
import { bundle, temporaryDirectory } from "./fixtures/bundle.ts"

/** Starts children of one program, which is made once for all of them. */
export const children: Effect.Effect<
  (job: string, directory: string, options?: Options) => Effect.Effect<Child, never, Scope.Scope>,
  never,
  Scope.Scope
> = Effect.map(bundle("sessionStoreChild"), (path) => (job, directory, options) => start(path, job, directory, options))

/** A directory that does not exist yet, in one that goes with the test. */
export const place: Effect.Effect<string, never, Scope.Scope> = Effect.map(temporaryDirectory, (parent) =>
  Path.join(parent, "store")
)

export interface Child {
  readonly pid: number
  readonly go: Effect.Effect<void>
  /** Ends it with SIGKILL, and waits until it is gone. */
  readonly kill: Effect.Effect<void>
  /** Waits for a line that begins like this. */
  readonly says: (beginning: string) => Effect.Effect<string>
  /** Waits for its end: every line it said, and what it said of an error. */
  readonly end: Effect.Effect<{ readonly lines: ReadonlyArray<string>; readonly errors: string }>
}

export interface Options {
  readonly env?: { readonly [name: string]: string }
  readonly uid?: number
  /** Run it in a shell, after this. */
  readonly after?: string
}

/** A child that is ready and waits for `go`. */
const start = (
  program: string,
  job: string,
  directory: string,
  options: Options = {}
): Effect.Effect<Child, never, Scope.Scope> =>
  Effect.gen(function* () {
    const process_ = yield* Effect.acquireRelease(
      Effect.sync(() => run([program, job, directory], options)),
      (child) => Effect.sync(() => void child.kill("SIGKILL"))
    )
    const child = watch(process_)
    yield* child.says("ready")
    return child
  })

const run = (args: ReadonlyArray<string>, { after, env, uid }: Options): ChildProcess => {
  const settings = { env: { ...process.env, ...env }, ...(uid === undefined ? {} : { uid, gid: uid }) }
  return after === undefined
    ? spawn(process.execPath, args, settings)
    : spawn("sh", ["-c", `${after}; exec "$0" "$@"`, process.execPath, ...args], settings)
}

const watch = (child: ChildProcess): Child => {
  const lines: Array<string> = []
  let errors = ""
  let ended = false
  const listeners = new Set<() => void>()
  const tell = () => listeners.forEach((listener) => listener())
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on("line", (line) => {
      lines.push(line)
      tell()
    })
  }
  child.stderr?.on("data", (data: Buffer) => (errors += data.toString()))
  child.stdin?.on("error", () => undefined)
  const gone = once(child, "close").then(() => {
    ended = true
    tell()
  })
  return {
    pid: child.pid ?? -1,
    go: Effect.sync(() => void child.stdin?.write("go\n")),
    kill: Effect.promise(async () => {
      child.kill("SIGKILL")
      await gone
    }),
    says: (beginning) =>
      Effect.async((resume) => {
        const look = () => {
          const found = lines.find((line) => line.startsWith(beginning))
          if (found !== undefined) resume(Effect.succeed(found))
          else if (ended) resume(Effect.die(new Error(`it ended without "${beginning}": ${errors}`)))
        }
        listeners.add(look)
        look()
        return Effect.sync(() => void listeners.delete(look))
      }),
    end: Effect.promise(async () => {
      await gone
      return { lines, errors }
    })
  }
}
