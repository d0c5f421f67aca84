// Who is logged in, and where that is remembered. Only Node's own modules, and few: the warm path loads this.
import { createHash } from "node:crypto"
import { readdir } from "node:fs/promises"
import * as Path from "node:path"
import * as PrivateFile from "../internal/privateFile.ts"

/** Who a session stands for; nothing in it is secret. */
export interface Login {
  /** The name of its session in the store. */
  readonly key: string
  /** The Hub's origin. */
  readonly baseUrl: string
  readonly kind: "Password" | "PersonalAccessToken" | "OrganizationAccessToken"
  readonly account: string
}

export type Environment = Readonly<Record<string, string | undefined>>

const HUB = "https://hub.docker.com"

/** The directory of this project within a user's state. */
export const NAME = "effect-dockerhub"

/** Within it, who is logged in. */
export const FILE = "current.json"

/**
 * Where session files are: what `NodeSessionStore.layer` documents, as a test sees to. None where only the system's list of
 * users knows the home.
 */
export const stateDirectory = (environment: Environment): string | undefined => {
  const { HOME = "", XDG_STATE_HOME = "" } = environment
  if (Path.isAbsolute(XDG_STATE_HOME)) return Path.join(XDG_STATE_HOME, NAME)
  if (process.platform === "win32" || !Path.isAbsolute(HOME)) return undefined
  return process.platform === "darwin"
    ? Path.join(HOME, "Library", "Application Support", NAME)
    : Path.join(HOME, ".local", "state", NAME)
}

/** The Hub of `DOCKERHUB_URL`, none where it is not set; throws where it is no URL. */
export const hubOfEnvironment = ({ DOCKERHUB_URL = "" }: Environment): string | undefined =>
  DOCKERHUB_URL === "" ? undefined : new URL(DOCKERHUB_URL).origin

/** Whether any variable says who is to log in: then nothing else has a say. */
export const isInEnvironment = (environment: Environment): boolean =>
  ["DOCKERHUB_USERNAME", "DOCKERHUB_ORGANIZATION", "DOCKERHUB_PASSWORD", "DOCKERHUB_TOKEN"].some(
    (name) => (environment[name] ?? "").trim() !== ""
  )

/** The login of the environment's variables, none where they do not make one. */
export const loginOfEnvironment = (environment: Environment): Login | undefined => {
  const { DOCKERHUB_PASSWORD: password = "", DOCKERHUB_TOKEN: token = "" } = environment
  const username = (environment["DOCKERHUB_USERNAME"] ?? "").trim()
  const organization = (environment["DOCKERHUB_ORGANIZATION"] ?? "").trim()
  if ((username === "") === (organization === "") || (password === "") === (token === "")) return undefined
  if (organization !== "" && token === "") return undefined
  const kind = organization !== "" ? "OrganizationAccessToken" : token !== "" ? "PersonalAccessToken" : "Password"
  const account = organization || username
  const baseUrl = hubOfEnvironment(environment) ?? HUB
  return { key: keyOf(baseUrl, kind, account, token), baseUrl, kind, account }
}

/** As `HubSession` computes it (a test sees to that): nothing of a password goes into it. */
export const keyOf = (baseUrl: string, kind: Login["kind"], account: string, token: string): string => {
  const secret = kind === "Password" ? "" : sha256(token).slice(0, 16)
  return sha256(JSON.stringify([baseUrl, kind, account.trim().toLowerCase(), secret])).slice(0, 32)
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex")

/**
 * The login that `hub-auth login` left in a directory; none for another Hub than is asked for, and for a file that is
 * none. Throws for one that others have access to: it must not look as if nobody were logged in.
 */
export const read = async (directory: string, hub: string | undefined): Promise<Login | undefined> => {
  const found = parse((await PrivateFile.read(directory, FILE)) ?? "")
  return isLogin(found) && (hub === undefined || hub === found.baseUrl) ? found : undefined
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The keys of all tokens that are stored in a directory, whoever they are for. */
export const keys = async (directory: string): Promise<ReadonlyArray<string>> =>
  (await readdir(directory).catch((): Array<string> => []))
    .filter((name) => /^[0-9a-f]{32}\.json$/.test(name))
    .map((name) => name.slice(0, -".json".length))

export const write = (directory: string, login: Login, signal: AbortSignal): Promise<void> =>
  PrivateFile.write(directory, FILE, `${JSON.stringify(login)}\n`, signal)

export const forget = (directory: string): Promise<void> => PrivateFile.remove(directory, FILE)

const KINDS: ReadonlyArray<unknown> = ["Password", "PersonalAccessToken", "OrganizationAccessToken"]

const isLogin = (found: unknown): found is Login =>
  typeof found === "object" &&
  found !== null &&
  "key" in found &&
  typeof found.key === "string" &&
  // It becomes a file's name.
  /^[0-9a-f]{32}$/.test(found.key) &&
  "baseUrl" in found &&
  typeof found.baseUrl === "string" &&
  "account" in found &&
  typeof found.account === "string" &&
  "kind" in found &&
  KINDS.includes(found.kind)
