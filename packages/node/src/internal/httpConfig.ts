// The options of the HTTP layer as the environment gives them, by Effect's Config.
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Record from "effect/Record"
import * as Redacted from "effect/Redacted"
import { readFile } from "node:fs/promises"
import { checkSettings } from "./httpSettings.ts"
import type { Field, HttpSettings } from "./httpSettings.ts"
import { LOOPBACK, splitNoProxy } from "./proxy.ts"

/** Which variables give each option: the first that is set to something. */
const variables: Readonly<Record<Field, readonly [string, ...ReadonlyArray<string>]>> = {
  httpProxy: ["http_proxy", "HTTP_PROXY"],
  httpsProxy: ["https_proxy", "HTTPS_PROXY"],
  noProxy: ["no_proxy", "NO_PROXY"],
  ca: ["DOCKERHUB_CA_FILE"],
  certificate: ["DOCKERHUB_CLIENT_CERT_FILE"],
  key: ["DOCKERHUB_CLIENT_KEY_FILE"],
  passphrase: ["DOCKERHUB_CLIENT_KEY_PASSPHRASE"],
  maxConnections: ["DOCKERHUB_MAX_CONNECTIONS"],
  keepAlive: ["DOCKERHUB_KEEP_ALIVE"],
  connectTimeout: ["DOCKERHUB_CONNECT_TIMEOUT"],
  headersTimeout: ["DOCKERHUB_HEADERS_TIMEOUT"],
  bodyTimeout: ["DOCKERHUB_BODY_TIMEOUT"]
}

/** What a variable holds, redacted until it is known to be no secret, and which of its spellings it was. */
interface Variable {
  readonly name: string
  readonly value: Redacted.Redacted<string>
}

/** The text of a file, and what it is called in an error. */
interface File {
  readonly text: string
  readonly called: string
}

export const settingsFromConfig: Effect.Effect<HttpSettings, ConfigError.ConfigError> = Effect.gen(function* () {
  const found = yield* Config.all(Record.map(variables, firstOf))
  const files = yield* Effect.all(Record.map({ ca: found.ca, certificate: found.certificate, key: found.key }, readIf))
  const text = (field: Field): string | undefined =>
    Option.getOrUndefined(Option.map(found[field], ({ value }) => Redacted.value(value).trim()))
  const checked = checkSettings(
    {
      httpProxy: text("httpProxy"),
      httpsProxy: text("httpsProxy"),
      noProxy: [...LOOPBACK, ...splitNoProxy(text("noProxy") ?? "")],
      ca: files.ca?.text,
      certificate: files.certificate?.text,
      key: files.key?.text,
      passphrase: Option.getOrUndefined(found.passphrase)?.value,
      maxConnections: wholeNumber(text("maxConnections")),
      keepAlive: text("keepAlive"),
      connectTimeout: text("connectTimeout"),
      headersTimeout: text("headersTimeout"),
      bodyTimeout: text("bodyTimeout")
    },
    {
      ...Record.map(variables, (_, field) => spelling(found, field)),
      ...Record.map(files, (file, field) => file?.called ?? spelling(found, field))
    }
  )
  return yield* Either.mapLeft(checked, ({ field, sentence }) =>
    ConfigError.InvalidData([spelling(found, field)], sentence)
  )
})

function firstOf(names: ReadonlyArray<string>): Config.Config<Option.Option<Variable>> {
  const each = names.map((name) =>
    Config.redacted(name).pipe(
      Config.map((value): Variable => ({ name, value })),
      Config.option,
      Config.map(Option.filter(({ value }) => Redacted.value(value).trim() !== ""))
    )
  )
  return Config.map(Config.all(each), (options) => Option.firstSomeOf(options))
}

const spelling = (found: Readonly<Record<Field, Option.Option<Variable>>>, field: Field): string =>
  Option.match(found[field], { onNone: () => variables[field][0], onSome: ({ name }) => name })

function readIf(variable: Option.Option<Variable>): Effect.Effect<File | undefined, ConfigError.ConfigError> {
  return Option.match(variable, { onNone: () => Effect.succeed(undefined), onSome: read })
}

const read = ({ name, value }: Variable): Effect.Effect<File, ConfigError.ConfigError> => {
  const path = Redacted.value(value).trim()
  // Somebody who put the key itself there must not see it printed.
  if (/[\r\n]|-----/.test(path)) {
    return Effect.fail(ConfigError.InvalidData([name], `${name} must be the path of a file, not what belongs into it`))
  }
  return Effect.tryPromise({
    try: () => readFile(path, "utf8"),
    catch: (cause) =>
      ConfigError.InvalidData(
        [name],
        `${name} names ${path}, which cannot be read (${codeOf(cause)}): name a file that is there and that this user may read`
      )
  }).pipe(Effect.map((text) => ({ text, called: `${name} (${path})` })))
}

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "unknown error"

/** NaN where it is none, which is refused further on. */
const wholeNumber = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  return /^\d+$/.test(text) ? Number(text) : Number.NaN
}
