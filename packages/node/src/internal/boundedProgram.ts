// One run of a small program, with an end to its time and to its output.
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"

export interface Run {
  /** Looked up on the PATH. */
  readonly program: string
  readonly argument: string
  /** What it reads on stdin: the only way a secret takes. */
  readonly input: string
  /** The PATH in place of this process's own. */
  readonly path: Option.Option<string>
  readonly timeout: Duration.Duration
}

export interface Result {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: Uint8Array
}

export class ProgramProblem extends Data.TaggedError("ProgramProblem")<{
  readonly reason: "HelperMissing" | "HelperNotExecutable" | "HelperTimedOut" | "HelperOutput" | "HelperFailed"
  readonly detail: string
}> {}

/** Credentials have a few KiB at most; docker-credential-helpers itself reads lines of up to 64 KiB. */
const MAX_OUTPUT = 64 * 1024

/**
 * `@effect/platform`'s Command is not used, because of what this must survive: a spawn that throws, a program that closes
 * its stdin early (an EPIPE with nobody listening ends the process), and one that ignores SIGTERM (its scope never closes).
 */
export const runProgram = (run: Run): Effect.Effect<Result, ProgramProblem> =>
  Effect.async<Result, ProgramProblem>((resume) => {
    const failWith = (problem: ProgramProblem) => resume(Effect.fail(problem))
    let child: ChildProcess
    try {
      child = start(run)
    } catch (error) {
      return failWith(startProblem(error))
    }
    const chunks: Array<Uint8Array> = []
    let size = 0
    child.on("error", (error) => failWith(startProblem(error)))
    child.on("close", (code, signal) => resume(Effect.succeed({ code, signal, stdout: Buffer.concat(chunks) })))
    child.stdout?.on("error", () => {})
    child.stdout?.on("data", (chunk: Uint8Array) => {
      size += chunk.length
      if (size <= MAX_OUTPUT) return void chunks.push(chunk)
      kill(child)
      failWith(new ProgramProblem({ reason: "HelperOutput", detail: "printed more than 64 KiB" }))
    })
    // A program need not read its input: its exit code says how it went.
    child.stdin?.on("error", () => {})
    child.stdin?.end(run.input)
    return Effect.sync(() => kill(child))
  }).pipe(
    Effect.timeoutFail({
      duration: run.timeout,
      onTimeout: () => new ProgramProblem({ reason: "HelperTimedOut", detail: "" })
    })
  )

const start = ({ argument, path, program }: Run): ChildProcess =>
  spawn(program, [argument], {
    // What it says on stderr may hold a secret as well, and nobody waits for it there.
    stdio: ["pipe", "pipe", "ignore"],
    env: {
      ...withoutSecrets(process.env),
      ...Option.match(path, { onNone: () => ({}), onSome: (PATH) => ({ PATH }) })
    },
    // A group of its own, so that what it started ends with it.
    detached: process.platform !== "win32",
    windowsHide: true
  })

/** What a helper starts may live for long, and its environment with it. */
const SECRET = /^(DOCKERHUB_(PASSWORD|TOKEN|TOTP_SECRET|CLIENT_KEY_PASSPHRASE)|DOCKER_AUTH_CONFIG)$/i

const withoutSecrets = (environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => !SECRET.test(name)))

/** Not SIGTERM first: it had its time, and may ignore that. */
const kill = (child: ChildProcess): void => {
  child.stdout?.destroy()
  child.stdin?.destroy()
  if (child.pid === undefined) return
  try {
    if (process.platform === "win32") child.kill("SIGKILL")
    else process.kill(-child.pid, "SIGKILL")
  } catch {
    // It has ended by itself.
  }
}

const startProblem = (error: unknown): ProgramProblem => {
  const code = Predicate.hasProperty(error, "code") && typeof error.code === "string" ? error.code : "unknown reason"
  if (code === "ENOENT") return new ProgramProblem({ reason: "HelperMissing", detail: "" })
  if (code === "EACCES") return new ProgramProblem({ reason: "HelperNotExecutable", detail: "" })
  return new ProgramProblem({ reason: "HelperFailed", detail: `it could not be started (${code})` })
}
