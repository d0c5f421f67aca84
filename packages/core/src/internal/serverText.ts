// What a server said, made fit for an error: short, without control characters, and without any secret we sent.
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { RawAnswer } from "./transport.ts"
import type { Answer } from "./wire.ts"

const LONGEST = 500

/** Shorter secrets occur in ordinary text by chance; dropping on them would hide what went wrong. */
const SHORTEST_SECRET = 4

const WITHHELD = "(the server repeated a secret; its text was dropped)"

/** What the server says went wrong: its `detail`, `message` or `error`, else a text that is not a page. */
export const detailOf = (
  raw: RawAnswer,
  answer: Option.Option<Answer>,
  sent: ReadonlyArray<Redacted.Redacted<string>>
): string => {
  const said = Option.match(answer, {
    onSome: ({ detail, error, message }) => detail || message || error || "",
    onNone: () => (isHtml(raw) ? "(an HTML page)" : raw.body)
  })
  const secrets = [...sent.map(Redacted.value), ...Option.match(answer, { onNone: () => [], onSome: handedOut })]
  return secrets.some((secret) => occursIn(said, secret)) ? WITHHELD : printable(said)
}

/** Whether a body is a page for people: a proxy's, never the API's. */
export const isHtml = ({ body, headers }: RawAnswer): boolean =>
  /^\s*</.test(body) || (headers["content-type"] ?? "").startsWith("text/html")

const handedOut = ({ access_token, login_2fa_token, token }: Answer): ReadonlyArray<string> =>
  [access_token, login_2fa_token, token].filter((secret) => secret !== undefined)

const printable = (text: string): string => {
  const flat = text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, " ").trim()
  return flat.length > LONGEST ? `${flat.slice(0, LONGEST - 1).replace(/\p{Cs}$/u, "")}…` : flat
}

/** Looked for in the whole text, before it is cut: a cut may leave a part of the secret behind. */
const occursIn = (text: string, secret: string): boolean =>
  secret.length >= SHORTEST_SECRET && spellings(secret).some((spelling) => text.includes(spelling))

const spellings = (secret: string): ReadonlyArray<string> => {
  // What a lone surrogate becomes in UTF-8; encodeURIComponent would throw on it.
  const wellFormed = secret.replace(/\p{Cs}/gu, "\uFFFD")
  const json = JSON.stringify(secret).slice(1, -1)
  const url = encodeURIComponent(wellFormed)
  const lowerCaseUrl = url.replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase())
  return [secret, wellFormed, json, url, lowerCaseUrl, url.replaceAll("%20", "+"), lowerCaseUrl.replaceAll("%20", "+")]
}
