// Where Docker keeps Docker Hub's entries on this machine, in Docker's order, and how they are changed there.
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Redacted from "effect/Redacted"
import * as BoundedFile from "./boundedFile.ts"
import type { CredentialHelper } from "./credentialHelper.ts"
import * as Helper from "./credentialHelper.ts"
import type { Entry } from "./dockerAuth.ts"
import { encodePair, SECRET_FIELDS } from "./dockerAuth.ts"
import type { DockerConfigError } from "./dockerConfigError.ts"
import { problem } from "./dockerConfigError.ts"
import type { DockerConfigFile } from "./dockerConfigFile.ts"
import * as ConfigFile from "./dockerConfigFile.ts"
import type { Purpose } from "./hubKey.ts"
import { canonical, purposeOf, spellings } from "./hubKey.ts"
import { removeMembers, setMember } from "./jsonEdit.ts"

/** The one place where all entries are looked for: credentials of one account never go with another's token. */
export interface Place {
  readonly source: string
  readonly find: (purpose: Purpose) => Effect.Effect<Option.Option<Entry>, DockerConfigError>
}

/** As for Docker, a helper that is named has the last word: what `auths` has beside it does not count. */
export const place = (timeout: Duration.Duration): Effect.Effect<Place, DockerConfigError> =>
  Effect.gen(function* () {
    const variable = yield* ConfigFile.fromVariable
    if (spellings("credentials", variable.keys()).length > 0) return inAuths(variable, ConfigFile.VARIABLE)
    const file = yield* ConfigFile.load
    return Option.match(file.helper, {
      onNone: () => inAuths(file.auths, file.path),
      onSome: (name): Place => {
        const helper = Helper.make(name, timeout)
        return { source: helper.program, find: (purpose) => ask(helper, keysOf(file, purpose)) }
      }
    })
  }).pipe(Effect.provide(NodeFileSystem.layer))

export const storePair = (
  username: string,
  secret: Redacted.Redacted<string>,
  timeout: Duration.Duration
): Effect.Effect<void, DockerConfigError> =>
  Effect.gen(function* () {
    const { helper, path } = yield* ConfigFile.load
    if (Option.isSome(helper)) {
      yield* Helper.make(helper.value, timeout).store(canonical.credentials, username, secret)
      return yield* rewrite(withoutPlainSecrets)
    }
    if (username.includes(":")) {
      return yield* problem("Unwritable", path, "a user name with a colon cannot be told from its secret there")
    }
    yield* rewrite(({ auths, text }) => {
      const kept = withoutSecretFields(auths.get(canonical.credentials))
      return setMember(text, "auths", canonical.credentials, { ...kept, auth: encodePair(username, secret) })
    })
  }).pipe(turn.withPermits(1), Effect.provide(NodeFileSystem.layer))

/** What cannot be erased does not keep the rest: everything is tried, and then the first failure told. */
export const eraseAll = (timeout: Duration.Duration): Effect.Effect<void, DockerConfigError> =>
  Effect.gen(function* () {
    const file = yield* ConfigFile.load
    // In the order of `docker logout`: the tokens, and the credentials last.
    const keys = (["accessToken", "refreshToken", "credentials"] as const).flatMap((purpose) => keysOf(file, purpose))
    const erased = yield* Option.match(file.helper, {
      onNone: () => Effect.succeed([]),
      onSome: (name) => Effect.forEach(keys, (key) => Effect.either(Helper.make(name, timeout).erase(key)))
    })
    yield* rewrite(({ text }) => removeMembers(text, "auths", (key) => Option.isSome(purposeOf(key))))
    yield* Effect.all(erased, { discard: true })
  }).pipe(turn.withPermits(1), Effect.provide(NodeFileSystem.layer))

/** Edits of this process come one after the other, or one would undo the other. */
const turn = Effect.unsafeMakeSemaphore(1)

/** Read once more, for a helper may have taken its time. A file that would not change is not written. */
const rewrite = (
  edit: (file: DockerConfigFile) => string
): Effect.Effect<void, DockerConfigError, FileSystem.FileSystem> =>
  Effect.flatMap(ConfigFile.load, (file) => {
    const text = edit(file)
    return text === file.text ? Effect.void : BoundedFile.replace(file.path, text)
  })

const inAuths = (auths: ConfigFile.Auths, source: string): Place => ({
  source,
  find: (purpose) => ConfigFile.find(auths, purpose, source)
})

/**
 * What to ask a helper for: Docker's own key, and the spellings that the file mentions, for other tools store under those.
 * Each costs a run of the helper, so there are few.
 */
const keysOf = ({ auths, helperKeys }: DockerConfigFile, purpose: Purpose): ReadonlyArray<string> => {
  const mentioned = [...(purpose === "credentials" ? helperKeys : []), ...spellings(purpose, auths.keys())]
  return Array.from(new Set([canonical[purpose], ...mentioned])).slice(0, 4)
}

const ask = (
  helper: CredentialHelper,
  keys: ReadonlyArray<string>
): Effect.Effect<Option.Option<Entry>, DockerConfigError> =>
  Effect.gen(function* () {
    for (const key of keys) {
      const entry = yield* helper.get(key)
      if (Option.isSome(entry)) return entry
    }
    return Option.none()
  })

/** What a helper now keeps must not stay in the file as well. */
const withoutPlainSecrets = ({ auths, text }: DockerConfigFile): string =>
  spellings("credentials", auths.keys())
    .filter((key) => hasSecretField(auths.get(key)))
    .reduce((edited, key) => setMember(edited, "auths", key, withoutSecretFields(auths.get(key))), text)

const hasSecretField = (entry: unknown): boolean =>
  Predicate.isRecord(entry) && Object.keys(entry).some((field) => SECRET_FIELDS.has(field))

const withoutSecretFields = (entry: unknown): { readonly [field: string]: unknown } =>
  Predicate.isRecord(entry)
    ? Object.fromEntries(Object.entries(entry).filter(([field]) => !SECRET_FIELDS.has(field)))
    : {}
