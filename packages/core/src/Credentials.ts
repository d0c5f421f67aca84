// Credentials: who is logging in to Docker Hub, and with what kind of secret.
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { isEmpty, nonEmpty, NonEmptySecret, wrap } from "./internal/secret.ts"
import type { SecretInput } from "./internal/secret.ts"

/** Sentences of our own, since Schema's would print what failed, and that may hold the secret. */
const expected = (what: string) => ({ message: () => ({ message: `Expected ${what}`, override: true }) })

const Identifier = Schema.String.annotations(expected("a name (a string)")).pipe(
  Schema.filter((identifier) => identifier.trim() !== "", expected("a name that is not blank"))
)

/**
 * A Docker ID and its password, for `POST /v2/users/login`.
 *
 * @since 0.1.0
 * @category models
 */
export class Password extends Schema.TaggedClass<Password>("@effect-dockerhub/core/Password")(
  "Password",
  { username: Identifier, password: NonEmptySecret },
  [undefined, undefined, expected("a Password: username and password, neither empty")]
) {}

/**
 * A Docker ID and one of its personal access tokens (`dckr_pat_…`). Such a login gets no 2FA challenge, and its
 * bearer may do less.
 *
 * @since 0.1.0
 * @category models
 */
export class PersonalAccessToken extends Schema.TaggedClass<PersonalAccessToken>(
  "@effect-dockerhub/core/PersonalAccessToken"
)("PersonalAccessToken", { username: Identifier, token: NonEmptySecret }, [
  undefined,
  undefined,
  expected("a PersonalAccessToken: username and token, neither empty")
]) {}

/**
 * An organization and one of its access tokens (`dckr_oat_…`). Only `POST /v2/auth/token` takes it, with the name of
 * the organization, not of a person.
 *
 * @since 0.1.0
 * @category models
 */
export class OrganizationAccessToken extends Schema.TaggedClass<OrganizationAccessToken>(
  "@effect-dockerhub/core/OrganizationAccessToken"
)("OrganizationAccessToken", { organization: Identifier, token: NonEmptySecret }, [
  undefined,
  undefined,
  expected("an OrganizationAccessToken: organization and token, neither empty")
]) {}

/**
 * Any of the three kinds.
 *
 * @since 0.1.0
 * @category models
 */
export type Credentials = Password | PersonalAccessToken | OrganizationAccessToken

type CredentialsEncoded =
  | typeof Password.Encoded
  | typeof PersonalAccessToken.Encoded
  | typeof OrganizationAccessToken.Encoded

/**
 * The schema of any of the three kinds. Its encoded form holds the secret in clear.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Credentials: Schema.Schema<Credentials, CredentialsEncoded> = Schema.Union(
  Password,
  PersonalAccessToken,
  OrganizationAccessToken
).annotations(expected("a Password, a PersonalAccessToken or an OrganizationAccessToken"))

/**
 * A user name with its password. White space around the name is removed, in the password it counts. Throws a `TypeError`
 * when either is empty.
 *
 * @example
 * ```ts
 * import { Credentials } from "@effect-dockerhub/core"
 *
 * const credentials = Credentials.password("ada", "correct horse battery staple")
 * console.log(String(credentials.password)) // <redacted>
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const password = (username: string, password: string | Redacted.Redacted<string>): Password =>
  new Password({ username: nonBlank("username", username), password: nonEmpty("password", password) })

/**
 * A user name with a personal access token. Throws a `TypeError` when either is empty.
 *
 * @since 0.1.0
 * @category constructors
 */
export const personalAccessToken = (username: string, token: string | Redacted.Redacted<string>): PersonalAccessToken =>
  new PersonalAccessToken({ username: nonBlank("username", username), token: nonEmpty("token", token) })

/**
 * An organization with one of its access tokens. Throws a `TypeError` when either is empty.
 *
 * @since 0.1.0
 * @category constructors
 */
export const organizationAccessToken = (
  organization: string,
  token: string | Redacted.Redacted<string>
): OrganizationAccessToken =>
  new OrganizationAccessToken({
    organization: nonBlank("organization", organization),
    token: nonEmpty("token", token)
  })

const PAT_PREFIX = "dckr_pat_"
const OAT_PREFIX = "dckr_oat_"

/**
 * The kind of credentials a secret belongs to, told by its prefix: `dckr_pat_`, `dckr_oat_`, anything else is a
 * password. `identifier` is a user name, or for a `dckr_oat_` secret the organization. Throws a `TypeError` when
 * either is empty. The prefixes are those Docker documents.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromSecret = (identifier: string, secret: string | Redacted.Redacted<string>): Credentials =>
  hasPrefix(secret, PAT_PREFIX)
    ? personalAccessToken(identifier, secret)
    : hasPrefix(secret, OAT_PREFIX)
      ? organizationAccessToken(identifier, secret)
      : password(identifier, secret)

/**
 * Credentials from the environment: `DOCKERHUB_USERNAME` with `DOCKERHUB_PASSWORD` or `DOCKERHUB_TOKEN`, or
 * `DOCKERHUB_ORGANIZATION` with `DOCKERHUB_TOKEN`. An empty variable counts as missing; both secrets, or both names,
 * is a `ConfigError`.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Credentials> = Config.all({
  username: optional(Config.string("DOCKERHUB_USERNAME"), (name) => name.trim() === ""),
  organization: optional(Config.string("DOCKERHUB_ORGANIZATION"), (name) => name.trim() === ""),
  password: optional(Config.redacted("DOCKERHUB_PASSWORD"), isEmpty),
  token: optional(Config.redacted("DOCKERHUB_TOKEN"), isEmpty)
}).pipe(Config.mapOrFail((found) => choose(found)))

interface Found {
  readonly username: Option.Option<string>
  readonly organization: Option.Option<string>
  readonly password: Option.Option<Redacted.Redacted<string>>
  readonly token: Option.Option<Redacted.Redacted<string>>
}

function choose({
  organization,
  password: secret,
  token,
  username
}: Found): Either.Either<Credentials, ConfigError.ConfigError> {
  if (Option.isSome(secret) && Option.isSome(token)) {
    return invalid("DOCKERHUB_PASSWORD", "DOCKERHUB_PASSWORD and DOCKERHUB_TOKEN are both set: unset one of them")
  }
  if (Option.isSome(username) && Option.isSome(organization)) {
    return invalid(
      "DOCKERHUB_ORGANIZATION",
      "DOCKERHUB_USERNAME and DOCKERHUB_ORGANIZATION are both set: unset one of them"
    )
  }
  return Option.match(organization, {
    onSome: (name) => chooseOrganization(name, token),
    onNone: () => chooseUser(username, secret, token)
  })
}

const chooseOrganization = (
  organization: string,
  token: Found["token"]
): Either.Either<Credentials, ConfigError.ConfigError> => {
  if (Option.isNone(token)) {
    return missing("DOCKERHUB_TOKEN", "an organization logs in with one of its access tokens: set DOCKERHUB_TOKEN")
  }
  return hasPrefix(token.value, PAT_PREFIX)
    ? invalid(
        "DOCKERHUB_TOKEN",
        "DOCKERHUB_TOKEN holds a personal access token: set DOCKERHUB_USERNAME instead of DOCKERHUB_ORGANIZATION"
      )
    : Either.right(organizationAccessToken(organization, token.value))
}

const chooseUser = (
  username: Found["username"],
  secret: Found["password"],
  token: Found["token"]
): Either.Either<Credentials, ConfigError.ConfigError> => {
  if (Option.isNone(username)) {
    return missing(
      "DOCKERHUB_USERNAME",
      "set DOCKERHUB_USERNAME with DOCKERHUB_PASSWORD or DOCKERHUB_TOKEN, or DOCKERHUB_ORGANIZATION with DOCKERHUB_TOKEN"
    )
  }
  if (Option.isSome(secret)) return Either.right(password(username.value, secret.value))
  if (Option.isNone(token)) {
    return missing("DOCKERHUB_PASSWORD", "set DOCKERHUB_PASSWORD, or DOCKERHUB_TOKEN with a personal access token")
  }
  // Docker answers this mix with a bare "unauthorized" that looks like a wrong secret (hub-api.md §5).
  return hasPrefix(token.value, OAT_PREFIX)
    ? invalid(
        "DOCKERHUB_TOKEN",
        "DOCKERHUB_TOKEN holds an organization access token: set DOCKERHUB_ORGANIZATION instead of DOCKERHUB_USERNAME"
      )
    : Either.right(personalAccessToken(username.value, token.value))
}

const missing = (name: string, message: string) => Either.left(ConfigError.MissingData([name], message))
const invalid = (name: string, message: string) => Either.left(ConfigError.InvalidData([name], message))

function optional<A>(config: Config.Config<A>, isMissing: (value: A) => boolean): Config.Config<Option.Option<A>> {
  return Config.map(Config.option(config), (value) => Option.filter(value, (found) => !isMissing(found)))
}

const hasPrefix = (secret: SecretInput, prefix: string): boolean => Redacted.value(wrap(secret)).startsWith(prefix)

const nonBlank = (name: string, value: string): string => {
  const trimmed = value.trim()
  if (trimmed === "") throw new TypeError(`${name} must not be empty`)
  return trimmed
}
