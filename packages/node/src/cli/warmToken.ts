// The warm path: a stored token that is still good, printed before anything else is loaded.
import { writeSync } from "node:fs"
import * as PrivateFile from "../internal/privateFile.ts"
import { UNEXPECTED } from "./exitCodes.ts"
import type { Environment, Login } from "./rememberedLogin.ts"
import * as RememberedLogin from "./rememberedLogin.ts"

/** As near to its end `HubSession` gives no token out either. */
const MARGIN = 5000

/** Whether that was all there was to do: `hub-auth token`, and its answer at hand. Nothing is told of why it was not. */
export const printed = async (argv: ReadonlyArray<string>, environment: Environment): Promise<boolean> => {
  const [command, option, ...more] = argv
  if (command !== "token" || more.length > 0 || (option !== undefined && option !== "--json")) return false
  try {
    const directory = RememberedLogin.stateDirectory(environment)
    if (directory === undefined) return false
    const login = RememberedLogin.isInEnvironment(environment)
      ? RememberedLogin.loginOfEnvironment(environment)
      : await RememberedLogin.read(directory, RememberedLogin.hubOfEnvironment(environment))
    if (login === undefined) return false
    const stored = goodToken(await PrivateFile.read(directory, `${login.key}.json`), login.key)
    if (stored === undefined) return false
    writeAll(`${option === "--json" ? asJson(login, stored) : stored.value}\n`)
    return true
  } catch {
    return false
  }
}

/** A token as `hub-auth token --json` prints it. */
export const asJson = (
  login: Login,
  { expiresAt, value }: Pick<Stored, "value"> & { readonly expiresAt: string | null }
): string =>
  JSON.stringify({ token: value, expiresAt, account: login.account, kind: login.kind, baseUrl: login.baseUrl })

export interface Stored {
  readonly value: string
  /** By the server's clock, as an ISO date. */
  readonly expiresAt: string
  /** The server's clock minus ours, in milliseconds. */
  readonly clockSkew: number
}

/** The token of a session file, if it is this session's and still good. */
const goodToken = (text: string | undefined, key: string): Stored | undefined => {
  const file: unknown = JSON.parse(text ?? "null")
  if (!has(file, "version") || file.version !== 1 || !has(file, "key") || file.key !== key) return undefined
  if (!has(file, "entry") || !has(file.entry, "_tag") || file.entry._tag !== "Token") return undefined
  const { entry } = file
  if (!has(entry, "value") || !has(entry, "expiresAt") || !has(entry, "clockSkew")) return undefined
  const { clockSkew, expiresAt, value } = entry
  if (typeof value !== "string" || typeof expiresAt !== "string" || typeof clockSkew !== "number") return undefined
  // What a header can hold, and no end of line among it: this goes to a shell.
  const isGood = /^[\w\-.~+/]+=*$/.test(value) && Date.now() + clockSkew < Date.parse(expiresAt) - MARGIN
  return isGood ? { value, expiresAt, clockSkew } : undefined
}

const has = <K extends string>(value: unknown, key: K): value is Readonly<Record<K, unknown>> =>
  typeof value === "object" && value !== null && key in value

/** `process.stdout` would load Node's sockets. A pipe that takes no more for now, or that nobody reads, is left to it. */
const writeAll = (text: string): void => {
  const bytes = Buffer.from(text)
  let written = 0
  try {
    while (written < bytes.length) written += writeSync(1, bytes, written)
  } catch {
    process.stdout
      .on("error", ({ code }: NodeJS.ErrnoException) => {
        process.exitCode = code === "EPIPE" ? 0 : UNEXPECTED
      })
      .write(bytes.subarray(written))
  }
}
