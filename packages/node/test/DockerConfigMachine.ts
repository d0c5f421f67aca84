// A machine of a test's own: a home, a PATH, Docker's configuration and helper programs, all real, in a temporary directory.
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import { tmpdir } from "node:os"
import * as Path from "node:path"

export const KEY = "https://index.docker.io/v1/"
export const TOKEN_KEY = `${KEY}access-token`
export const REFRESH_KEY = `${KEY}refresh-token`
export const PASSWORD = "correct horse: battery staple"
export const PAT = `dckr_pat_${"p".repeat(27)}`
export const OAT = `dckr_oat_${"o".repeat(27)}`

export const base64 = (text: string): string => Buffer.from(text).toString("base64")
export const auth = (username: string, secret: string) => ({ auth: base64(`${username}:${secret}`) })

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url")
/** A token as Docker Hub writes them, that ends at this second. */
export const jwt = (exp?: number): string => `${encode({ alg: "none" })}.${encode({ exp })}.c2lnbmF0dXJl`

export interface Machine {
  readonly home: string
  /** Where `config.json` is, unless `DOCKER_CONFIG` says otherwise. */
  readonly file: string
  /** What the helpers keep, by their key. */
  readonly secrets: () => { readonly [key: string]: { readonly Username: string; readonly Secret: string } }
  /** Each run of a helper: its action and what it read. */
  readonly runs: () => ReadonlyArray<readonly [action: string, input: string]>
  readonly write: (config: unknown) => void
  readonly read: () => string
  /** Write a program `docker-credential-<name>`; its body has `action`, `input`, `read` and `write`. */
  readonly helper: (name: string, body: string, mode?: number) => void
  /** A helper that works. */
  readonly keychain: (name: string, secrets?: ReturnType<Machine["secrets"]>) => void
  /** Run an effect on this machine. */
  readonly on: (
    variables?: Readonly<Record<string, string>>
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

const KEYCHAIN = `
  const secrets = read()
  if (action === "store") {
    const { ServerURL, Username, Secret } = JSON.parse(input)
    write({ ...secrets, [ServerURL]: { Username, Secret } })
  } else if (!(input in secrets)) {
    console.log("credentials not found in native keychain")
    process.exit(1)
  } else if (action === "get") {
    console.log(JSON.stringify({ ServerURL: input, ...secrets[input] }))
  } else {
    delete secrets[input]
    write(secrets)
  }`

export const machine: Effect.Effect<Machine, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(tmpdir(), "docker-config-"))),
    (home) => Effect.sync(() => Fs.rmSync(home, { recursive: true, force: true }))
  ),
  (home): Machine => {
    const bin = Path.join(home, "bin")
    const file = Path.join(home, ".docker", "config.json")
    const store = Path.join(home, "secrets.json")
    const log = Path.join(home, "runs.jsonl")
    Fs.mkdirSync(bin)
    Fs.mkdirSync(Path.dirname(file))
    const secrets: Machine["secrets"] = () => (Fs.existsSync(store) ? JSON.parse(Fs.readFileSync(store, "utf8")) : {})
    const helper: Machine["helper"] = (name, body, mode = 0o755) => {
      const program = `#!/usr/bin/env node
const fs = require("node:fs")
const [, , action] = process.argv
const input = fs.readFileSync(0, "utf8").trim()
fs.appendFileSync(${JSON.stringify(log)}, JSON.stringify([action, input]) + "\\n")
const read = () => fs.existsSync(${JSON.stringify(store)}) ? JSON.parse(fs.readFileSync(${JSON.stringify(store)}, "utf8")) : {}
const write = (secrets) => fs.writeFileSync(${JSON.stringify(store)}, JSON.stringify(secrets))
${body}
`
      Fs.writeFileSync(Path.join(bin, `docker-credential-${name}`), program, { mode })
    }
    return {
      home,
      file,
      secrets,
      runs: () =>
        Fs.existsSync(log)
          ? Fs.readFileSync(log, "utf8")
              .trimEnd()
              .split("\n")
              .map((line) => JSON.parse(line))
          : [],
      write: (config) => Fs.writeFileSync(file, typeof config === "string" ? config : JSON.stringify(config)),
      read: () => Fs.readFileSync(file, "utf8"),
      helper,
      keychain: (name, initial = {}) => {
        Fs.writeFileSync(store, JSON.stringify(initial))
        helper(name, KEYCHAIN)
      },
      on: (variables = {}) =>
        Effect.withConfigProvider(
          ConfigProvider.fromMap(
            new Map(Object.entries({ HOME: home, PATH: `${bin}:${process.env["PATH"] ?? ""}`, ...variables }))
          )
        )
    }
  }
)
