// The real `hub-auth`, as child processes with a home of their own, and the emulated Hub they talk to.
import { HubEmulator } from "@effect-dockerhub/core/testing/HubEmulator"
import { afterAll } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { Scope } from "effect/Scope"
import type { ChildProcess } from "node:child_process"
import { spawn, spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { bundleCli } from "../../../scripts/bundleCli.ts"
import { HubEmulatorServer, layer as emulatorLayer } from "../src/HubEmulatorServer.ts"
import type { Options } from "../src/HubEmulatorServer.ts"

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url))

export const PASSWORD = "correct horse battery staple"
export const SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

export interface Run {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
  /** For Node itself, before the script. */
  readonly node?: ReadonlyArray<string>
}

export class World extends Context.Tag("test/cliWorld/World")<
  World,
  {
    readonly bin: string
    readonly home: string
    /** Where the sessions are. */
    readonly state: string
    readonly env: Readonly<Record<string, string>>
  }
>() {}

let bundled: Promise<string> | undefined

afterAll(async () => {
  if (bundled !== undefined) rmSync(Path.dirname(await bundled), { recursive: true, force: true })
})

/** The command as it is published, bundled once for each test file. */
export const bundle = (): Promise<string> => {
  const make = async () => {
    const file = Path.join(mkdtempSync(Path.join(tmpdir(), "hub-auth-")), "hub-auth.mjs")
    await bundleCli(ROOT, file)
    return file
  }
  return (bundled ??= make())
}

const residents: Options = {
  accounts: [
    { username: "ada", password: PASSWORD },
    { username: "grace", password: PASSWORD, totpSecret: SEED },
    { username: "linus", password: " spaces \n count\n" }
  ],
  organizations: [{ name: "acme", accessTokens: [{ token: "dckr_oat_an-example-of-27-characters" }] }]
}

/** A home and a Hub, fresh for each test. */
export const layer = (options?: Options): Layer.Layer<World | HubEmulator | HubEmulatorServer> =>
  Layer.scoped(
    World,
    Effect.gen(function* () {
      const { url } = yield* HubEmulatorServer
      const bin = yield* Effect.promise(bundle)
      const home = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(Path.join(tmpdir(), "hub-auth-home-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
      )
      const states = Path.join(home, "state")
      mkdirSync(states)
      const env = {
        PATH: process.env["PATH"] ?? "",
        HOME: home,
        XDG_STATE_HOME: states,
        DOCKERHUB_URL: url.origin
      }
      return { bin, home, state: Path.join(states, "effect-dockerhub"), env }
    })
  ).pipe(Layer.provideMerge(Layer.orDie(emulatorLayer({ ...residents, ...options }))))

/** Run any program to its end. */
export const program = (
  command: string,
  args: ReadonlyArray<string>,
  {
    cwd,
    env,
    input = ""
  }: { readonly cwd?: string; readonly env: Readonly<Record<string, string>>; readonly input?: string }
): Effect.Effect<Run> =>
  Effect.async((resume) => {
    const child = spawn(command, args, { env, ...(cwd === undefined ? {} : { cwd }) })
    let stdout = ""
    let stderr = ""
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()))
    // A program that was refused may not have read its input.
    child.stdin.on("error", () => undefined).end(input)
    child.on("error", (error) => resume(Effect.die(error)))
    child.on("close", (status) => resume(Effect.succeed({ status, stdout, stderr })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** Run `hub-auth` to its end. */
export const hubAuth = (args: ReadonlyArray<string>, options: RunOptions = {}): Effect.Effect<Run, never, World> =>
  Effect.flatMap(World, ({ bin, env }) =>
    program(process.execPath, [...(options.node ?? []), bin, ...args], {
      env: { ...env, ...options.env },
      ...(options.input === undefined ? {} : { input: options.input })
    })
  )

/** Log in with the password of all residents. */
export const login = (username: string, options: RunOptions = {}): Effect.Effect<Run, never, World> =>
  hubAuth(["login", "--username", username, "--password-stdin"], { input: `${PASSWORD}\n`, ...options })

/** What reached the Hub so far, as `route status`. */
export const seen: Effect.Effect<ReadonlyArray<string>, never, HubEmulator> = Effect.map(
  Effect.flatMap(HubEmulator, ({ requests }) => requests),
  (requests) => requests.map(({ route, status }) => `${route} ${Option.getOrElse(status, () => "-")}`)
)

/** The texts of all files where sessions are, by their names. */
export const stateFiles: Effect.Effect<ReadonlyMap<string, string>, never, World> = Effect.map(
  World,
  ({ state }) => new Map(readdirSync(state).map((name) => [name, readFileSync(Path.join(state, name), "utf8")]))
)

/** Whether util-linux' `script` is here, which runs a program in a pseudo-terminal. */
export const hasTerminals: boolean =
  process.platform === "linux" && spawnSync("script", ["-qec", "true", "/dev/null"]).status === 0

/** What a person types when the terminal's last line asks for it; nothing for as long as they do not know. */
export type Answers = ReadonlyArray<readonly [RegExp, () => string | undefined]>

/** Run a shell command in a pseudo-terminal, with somebody at it. Both outputs are on it, as a person sees them. */
export const inTerminal = (
  command: string,
  env: Readonly<Record<string, string>>,
  answers: Answers
): Effect.Effect<Omit<Run, "stderr">> =>
  Effect.async((resume) => {
    const child = spawn("script", ["-qec", command, "/dev/null"], { env: { SHELL: "/bin/sh", TERM: "dumb", ...env } })
    let stdout = ""
    let answered = 0
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()))
    const person = setInterval(() => {
      const line = stdout.slice(answered).split("\n").at(-1) ?? ""
      const text = answers.find(([question]) => question.test(line))?.[1]()
      if (text === undefined) return
      answered = stdout.length
      child.stdin.write(text)
    }, 30)
    child.stdin.on("error", () => undefined)
    child.on("close", (status) => {
      clearInterval(person)
      resume(Effect.succeed({ status, stdout: stdout.replaceAll("\r", "") }))
    })
    return Effect.sync(() => {
      clearInterval(person)
      child.kill("SIGKILL")
    })
  })

/** `hub-auth emulator` in a process of its own: what it has printed so far, and where it listens. */
export const emulatorProcess = (
  command: string,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>
): Effect.Effect<
  { readonly url: string; readonly printed: () => string; readonly end: Effect.Effect<number | null> },
  never,
  Scope
> =>
  Effect.acquireRelease(
    Effect.async<{ url: string; printed: () => string; child: ChildProcess }>((resume) => {
      const child = spawn(command, [...args, "emulator"], { env })
      let text = ""
      child.stdout.on("data", (chunk: Buffer) => {
        text += chunk.toString()
        const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(text) ?? []
        if (url !== undefined) resume(Effect.succeed({ url, printed: () => text, child }))
      })
      child.on("error", (error) => resume(Effect.die(error)))
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  ).pipe(
    Effect.map(({ child, printed, url }) => ({
      url,
      printed,
      end: Effect.async<number | null>((resume) => {
        child.once("exit", (status) => resume(Effect.succeed(status)))
        child.kill("SIGINT")
      })
    }))
  )
