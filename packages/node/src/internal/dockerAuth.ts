// What one entry of `auths` holds: a user name with its secret, a token for the registry alone, or nothing.
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { DockerConfigError } from "./dockerConfigError.ts"
import { problem } from "./dockerConfigError.ts"

export type Entry =
  | { readonly _tag: "Pair"; readonly username: string; readonly secret: Redacted.Redacted<string> }
  | { readonly _tag: "IdentityToken" }

/** The fields of an entry that hold a secret, or name whose it is. */
export const SECRET_FIELDS: ReadonlySet<string> = new Set([
  "auth",
  "username",
  "password",
  "identitytoken",
  "registrytoken"
])

const Field = Schema.optional(Schema.NullOr(Schema.String))
const RawEntry = Schema.Struct({
  auth: Field,
  username: Field,
  password: Field,
  identitytoken: Field,
  registrytoken: Field
})
// Schema's own error would hold the entry.
const decodeRaw = Schema.decodeUnknownOption(RawEntry)

const IDENTITY_TOKEN: Entry = { _tag: "IdentityToken" }
const NOTHING = Option.none<Entry>()

/** The entry, none where it is empty: Docker leaves `{}` where a helper has the secret. */
export const decode = (raw: unknown, source: string): Effect.Effect<Option.Option<Entry>, DockerConfigError> => {
  const malformed = (detail: string) => Effect.fail(problem("Malformed", source, detail))
  return Effect.suspend(() => {
    if (raw === null) return Effect.succeed(NOTHING)
    const fields = Option.filter(decodeRaw(raw), () => Predicate.isRecord(raw))
    if (Option.isNone(fields)) return malformed("the entry for Docker Hub is not an object of strings")
    const { auth, identitytoken, password, registrytoken, username } = fields.value
    const pair = auth ? decodePair(auth) : Option.some([username ?? "", password ?? ""] as const)
    if (Option.isNone(pair))
      return malformed("auth of the entry for Docker Hub is not base64 of a user name, a colon and a secret")
    const [name, secret] = pair.value
    if (secret === "") {
      if (identitytoken || registrytoken) return Effect.succeed(Option.some(IDENTITY_TOKEN))
      return name === "" ? Effect.succeed(NOTHING) : malformed("the entry for Docker Hub has no secret")
    }
    if (name.trim() === "") return malformed("the entry for Docker Hub has no user name")
    return Effect.succeed(Option.some({ _tag: "Pair", username: name, secret: Redacted.make(secret) }))
  })
}

export const encodePair = (username: string, secret: Redacted.Redacted<string>): string =>
  Encoding.encodeBase64(`${username}:${Redacted.value(secret)}`)

/** As docker/cli `decodeAuth`: the name ends at the first colon, and NULs around the secret are not part of it. */
const decodePair = (auth: string): Option.Option<readonly [string, string]> =>
  Encoding.decodeBase64(auth).pipe(
    Either.getRight,
    Option.flatMap(Option.liftThrowable((bytes) => new TextDecoder("utf-8", { fatal: true }).decode(bytes))),
    Option.flatMap((text) => {
      const colon = text.indexOf(":")
      return colon < 1 ? Option.none() : Option.some([text.slice(0, colon), trimNuls(text.slice(colon + 1))])
    })
  )

const trimNuls = (text: string): string => {
  let start = 0
  let end = text.length
  while (start < end && text.charCodeAt(start) === 0) start++
  while (end > start && text.charCodeAt(end - 1) === 0) end--
  return text.slice(start, end)
}
