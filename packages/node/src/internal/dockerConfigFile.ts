// Docker's configuration: where it is, and what it says of Docker Hub.
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import { homedir } from "node:os"
import * as Path from "node:path"
import * as BoundedFile from "./boundedFile.ts"
import type { Entry } from "./dockerAuth.ts"
import * as DockerAuth from "./dockerAuth.ts"
import type { DockerConfigError } from "./dockerConfigError.ts"
import { problem } from "./dockerConfigError.ts"
import type { Purpose } from "./hubKey.ts"
import { spellings } from "./hubKey.ts"

/** Entries by the keys as they are written. A `Map`, in which `__proto__` is a key like any other. */
export type Auths = ReadonlyMap<string, unknown>

export interface DockerConfigFile {
  readonly path: string
  /** The file as it is; an empty object where there is none. */
  readonly text: string
  readonly auths: Auths
  /** What comes after `docker-credential-` for Docker Hub; none where secrets are in `auths`. */
  readonly helper: Option.Option<string>
  /** The keys of `credHelpers` that name Docker Hub. */
  readonly helperKeys: ReadonlyArray<string>
}

export const VARIABLE = "DOCKER_AUTH_CONFIG"

/** A `/` in it would run a program outside the PATH. */
const HELPER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/

export const load: Effect.Effect<DockerConfigFile, DockerConfigError, FileSystem.FileSystem> = Effect.gen(function* () {
  const path = yield* locate
  const text = Option.filter(yield* BoundedFile.read(path), (found) => found.trim() !== "")
  return yield* Option.match(text, {
    onNone: () => Effect.succeed({ path, text: "{}", auths: new Map(), helper: Option.none(), helperKeys: [] }),
    onSome: (found) => understand(path, found)
  })
})

/** The entries of `DOCKER_AUTH_CONFIG`, in which Docker allows `auths` with `auth` and nothing else (hub-api.md §6). */
export const fromVariable: Effect.Effect<Auths, DockerConfigError> = Effect.gen(function* () {
  const text = yield* variable(Config.map(Config.redacted(VARIABLE), Redacted.value), VARIABLE)
  if (Option.isNone(text)) return new Map()
  const fields = yield* parse(VARIABLE, text.value)
  const auths = yield* section(VARIABLE, fields, "auths")
  const isExact =
    isOnly(fields.keys(), "auths") &&
    Array.from(auths.values()).every(
      (entry) => Predicate.isRecord(entry) && isOnly(Object.keys(entry), "auth") && isNonEmpty(entry["auth"])
    )
  if (!isExact) {
    return yield* problem("Malformed", VARIABLE, `Docker takes only {"auths":{"<host>":{"auth":"<base64>"}}} there`)
  }
  return auths
})

/** The first entry for this purpose that is not empty, Docker's own spelling of the key before others. */
export const find = (
  auths: Auths,
  purpose: Purpose,
  source: string
): Effect.Effect<Option.Option<Entry>, DockerConfigError> =>
  Effect.gen(function* () {
    for (const key of spellings(purpose, auths.keys())) {
      const entry = yield* DockerAuth.decode(auths.get(key), source)
      if (Option.isSome(entry)) return entry
    }
    return Option.none()
  })

const locate: Effect.Effect<string, DockerConfigError> = Effect.gen(function* () {
  const directory = yield* variable(Config.string("DOCKER_CONFIG"), "DOCKER_CONFIG")
  if (Option.isSome(directory)) return Path.join(directory.value, "config.json")
  const home = yield* variable(Config.string(process.platform === "win32" ? "USERPROFILE" : "HOME"), "HOME")
  const directoryOfUser = yield* Option.match(home, {
    onSome: Effect.succeed,
    // A service may run without HOME; the user's entry in the system's list has it, as for Docker.
    onNone: () => Effect.try({ try: () => homedir(), catch: () => problem("Unreadable", "HOME", "it is not set") })
  })
  return Path.join(directoryOfUser, ".docker", "config.json")
})

/** An empty variable counts as missing, as it does for Docker. */
const variable = (
  config: Config.Config<string>,
  name: string
): Effect.Effect<Option.Option<string>, DockerConfigError> =>
  Config.option(config).pipe(
    Effect.mapError(() => problem("Unreadable", name, "the ConfigProvider could not read it")),
    Effect.map(Option.filter((value) => value !== ""))
  )

const understand = (path: string, text: string): Effect.Effect<DockerConfigFile, DockerConfigError> =>
  Effect.gen(function* () {
    const fields = yield* parse(path, text)
    const auths = yield* section(path, fields, "auths")
    const credHelpers = yield* section(path, fields, "credHelpers")
    const helperKeys = spellings("credentials", credHelpers.keys())
    const [own] = helperKeys
    // An empty name in credHelpers turns the common helper off for its host, as for Docker.
    const name = (own === undefined ? undefined : credHelpers.get(own)) ?? fields.get("credsStore") ?? ""
    if (name === "") return { path, text, auths, helper: Option.none(), helperKeys }
    if (typeof name !== "string" || !HELPER_NAME.test(name)) {
      return yield* problem("Malformed", path, "credsStore or credHelpers names a helper that is not a plain name")
    }
    return { path, text, auths, helper: Option.some(name), helperKeys }
  })

/** The error of `JSON.parse` is dropped: it quotes the text around the mistake. */
const parse = (source: string, text: string): Effect.Effect<ReadonlyMap<string, unknown>, DockerConfigError> =>
  Either.try((): unknown => JSON.parse(text)).pipe(
    Either.mapLeft(() => problem("NotJson", source)),
    Either.filterOrLeft(Predicate.isRecord, () => problem("Malformed", source, "it is not an object")),
    Either.map((object) => new Map(Object.entries(object)))
  )

const section = (
  source: string,
  fields: ReadonlyMap<string, unknown>,
  name: string
): Effect.Effect<ReadonlyMap<string, unknown>, DockerConfigError> => {
  const value = fields.get(name) ?? {}
  return Predicate.isRecord(value)
    ? Effect.succeed(new Map(Object.entries(value)))
    : Effect.fail(problem("Malformed", source, `${name} is not an object`))
}

const isOnly = (keys: Iterable<string>, name: string): boolean => Array.from(keys).every((key) => key === name)

const isNonEmpty = (value: unknown): boolean => typeof value === "string" && value !== ""
