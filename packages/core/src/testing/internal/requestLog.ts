// RequestLog: what the emulator was asked, for tests to look at, without a secret.

import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import type { Match, Route } from "./routes.ts"
import { decode } from "./routes.ts"
import type { Secrets } from "./secrets.ts"

/**
 * One request that reached the emulator.
 *
 * **Details**
 *
 * Secrets are replaced by aliases such as `<redacted #3>`; equal secrets have equal aliases, so "the same code was
 * never sent twice" can be asserted. A secret of fewer than four characters is masked only in the fields made for
 * secrets.
 *
 * @since 0.1.0
 * @category models
 */
export interface RecordedRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly route: Route
  /** When it arrived, by the caller's clock (without `clockOffset`). */
  readonly at: DateTime.Utc
  readonly headers: Readonly<Record<string, string>>
  /** The parsed JSON; `"<n bytes, not JSON>"` for anything else; undefined when there was none or it was not read. */
  readonly body: unknown
  /** None while unanswered, and after a reset. */
  readonly status: Option.Option<number>
}

export interface Entry {
  readonly method: string
  readonly match: Match
  readonly atMillis: number
  readonly headers: Readonly<Record<string, string>>
  body: Option.Option<string>
  status: Option.Option<number>
}

const secretHeaders = new Set([
  "authorization",
  "proxy-authorization",
  "cookie",
  "set-cookie",
  "x-auth-token",
  "x-api-key"
])

const secretFields = new Set([
  "password",
  "secret",
  "code",
  "login_2fa_token",
  "token",
  "access_token",
  "refresh_token",
  "new_password",
  "totp"
])

/** Words of the protocol, shown even where somebody's password is the same word. */
const words = new Set([
  ...secretFields,
  ...secretHeaders,
  ..."username identifier token_label scopes expires_at page page_size".split(" "),
  ..."accept accept-encoding accept-language connection content-length content-type host origin referer".split(" "),
  ..."sec-fetch-mode traceparent transfer-encoding b3 user-agent".split(" ")
])

/** Tells the secrets that stand in a place made for one, before anything is shown. */
export const learn = (entry: Entry, secrets: Secrets): void => {
  for (const [name, value] of Object.entries(entry.headers)) {
    if (!secretHeaders.has(name)) continue
    secrets.learn(value)
    secrets.learn(credentials(value)[1])
    for (const cookie of value.split(/;\s*/)) secrets.learn(cookie.slice(cookie.indexOf("=") + 1))
  }
  for (const [name, value] of new URLSearchParams(entry.match.query)) {
    if (isSecretParameter(name, value)) secrets.learn(value)
  }
  const body = parse(entry.body)
  if (Option.isSome(body)) {
    walk(
      body.value,
      (text) => secrets.learn(text),
      (text) => text,
      0
    )
  }
}

export const show = (entry: Entry, secrets: Secrets): RecordedRequest => ({
  method: secrets.mask(entry.method),
  path: showPath(entry.match, secrets),
  route: entry.match.endpoint.route,
  at: DateTime.unsafeMake(entry.atMillis),
  headers: Object.fromEntries(
    Object.entries(entry.headers).map(([name, value]) => [
      words.has(name) ? name : secrets.mask(name),
      secretHeaders.has(name) ? showCredentials(value, secrets) : secrets.mask(value)
    ])
  ),
  body: showBody(entry.body, secrets),
  status: entry.status
})

const showPath = (match: Match, secrets: Secrets): string => {
  const { pattern } = match.endpoint
  // In a known path only what stands for a name is masked; an unknown one is masked as a whole.
  const shown = match.segments.map((segment, index) => (pattern[index] === segment ? segment : secrets.mask(segment)))
  const path = pattern.length === 0 ? secrets.mask(`/${match.segments.join("/")}`) : `/${shown.join("/")}`
  return `${path}${match.trailingSlash ? "/" : ""}${match.query === "" ? "" : `?${showQuery(match.query, secrets)}`}`
}

const showQuery = (query: string, secrets: Secrets): string => {
  const parts = query.split("&").map((part) => {
    const [name = "", ...rest] = part.split("=")
    const value = decode(rest.join("=").replaceAll("+", " "))
    if (isSecretParameter(name, value)) return `${name}=${secrets.alias(value)}`
    return words.has(name) ? `${name}=${secrets.mask(rest.join("="))}` : secrets.mask(part)
  })
  const shown = parts.join("&")
  // A secret may itself hold the separators.
  return shown === query && !words.has(query.split("=")[0] ?? "") ? secrets.mask(shown) : shown
}

const isSecretParameter = (name: string, value: string): boolean =>
  // `?refresh_token=true` is a switch, no token (hub-api.md §1).
  secretFields.has(name.toLowerCase()) && value !== "true" && value !== "false"

const credentials = (value: string): readonly [scheme: string, secret: string] => {
  const found = /^(Bearer|JWT|Basic)\s+(.+)$/i.exec(value)
  return found === null ? ["", value] : [`${found[1]} `, found[2] ?? ""]
}

const showCredentials = (value: string, secrets: Secrets): string => {
  const [scheme, secret] = credentials(value)
  return `${scheme}${secrets.alias(secret)}`
}

const showBody = (body: Entry["body"], secrets: Secrets): unknown => {
  if (Option.isNone(body) || body.value === "") return undefined
  const parsed = parse(body)
  if (Option.isNone(parsed)) return `<${new TextEncoder().encode(body.value).length} bytes, not JSON>`
  return walk(parsed.value, secrets.alias, secrets.mask, 0)
}

const parse = (body: Entry["body"]): Option.Option<unknown> =>
  Option.flatMap(
    body,
    Option.liftThrowable((text: string): unknown => JSON.parse(text))
  )

const walk = (
  value: unknown,
  secret: (text: string) => string | void,
  text: (text: string) => string,
  depth: number
): unknown => {
  if (typeof value === "string") return text(value)
  if (typeof value === "number") {
    const shown = text(String(value))
    return shown === String(value) ? value : shown
  }
  if (typeof value !== "object" || value === null) return value
  // Deeper than any request of Hub's, and a bound on our own stack.
  if (depth > 32) return "<too deep>"
  if (Array.isArray(value)) return value.map((each) => walk(each, secret, text, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]: [string, unknown]) => [
      words.has(name) ? name : text(name),
      secretFields.has(name.toLowerCase()) && inner !== null
        ? secret(typeof inner === "string" ? inner : JSON.stringify(inner))
        : walk(inner, secret, text, depth + 1)
    ])
  )
}
