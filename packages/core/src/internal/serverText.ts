// What a server said, made fit for an error: short, without control characters, and without a secret.
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { RawAnswer } from "./transport.ts"
import type { Answer } from "./wire.ts"

const LONGEST = 500

/** Shorter secrets occur in ordinary text by chance; dropping on them would hide what went wrong. */
const SHORTEST_SECRET = 4

const WITHHELD = "(the server repeated a secret; its text was dropped)"

/** A secret by its shape, whoever made it: a JWT, a personal or an organization access token. */
const TOKEN = /eyJ[\w-]{5,}|dckr_(pat|oat)_[\w-]+/

/** What the server says went wrong: its `detail`, `message` or `error`, else a text that is neither a page nor data. */
export const detailOf = (
  raw: RawAnswer,
  answer: Option.Option<Answer>,
  sent: ReadonlyArray<Redacted.Redacted<string>>
): string => {
  const said = Option.match(answer, {
    onSome: ({ detail, error, message }) => detail || message || error || "",
    onNone: () => (isHtml(raw) ? "(an HTML page)" : isData(raw) ? "(JSON of an unknown shape)" : raw.body)
  })
  const secrets = [...sent.map(Redacted.value), ...Option.match(answer, { onNone: () => [], onSome: handedOut })]
  return TOKEN.test(said) || secrets.some((secret) => occursIn(said, secret)) ? WITHHELD : printable(said)
}

/** Whether a body is a page for people: a proxy's, never the API's. */
export const isHtml = ({ body, headers }: RawAnswer): boolean =>
  /^\s*</.test(body) || (headers["content-type"] ?? "").trim().toLowerCase().startsWith("text/html")

/** An array, a broken object: nobody knows which of its fields are secret. */
const isData = ({ body }: RawAnswer): boolean => /^\s*[[{"]/.test(body)

const handedOut = ({ access_token, login_2fa_token, token }: Answer): ReadonlyArray<string> =>
  [access_token, login_2fa_token, token].filter((secret) => secret !== undefined)

const printable = (text: string): string => {
  const flat = text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, " ").trim()
  return flat.length > LONGEST ? `${flat.slice(0, LONGEST - 1).replace(/\p{Cs}$/u, "")}…` : flat
}

/** Looked for in the whole text, before it is cut: a cut may leave a part of the secret behind. */
const occursIn = (text: string, secret: string): boolean =>
  secret.length >= SHORTEST_SECRET && readings(text).some((reading) => reading.includes(flattened(secret)))

/**
 * A text as it stands, and with one or two layers of JSON's or a URL's escapes taken off. Encoders differ in what they
 * escape (Go writes `\u0026`, Python `\u00e4`), so the text is decoded rather than the secret spelt.
 */
const readings = (text: string): ReadonlyArray<string> => {
  const once = decoders.map((decode) => decode(text))
  const twice = once.flatMap((reading) => decoders.map((decode) => decode(reading)))
  return [text, ...once, ...twice].map(flattened)
}

/** As it will look once it is printable: what is put on one line must not become a secret again. */
const flattened = (text: string): string =>
  text.replace(/\p{Cs}/gu, "\uFFFD").replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, " ")

const unescaped = (text: string): string =>
  text.replace(/\\(?:u([0-9a-f]{4})|(.))/gis, (_, hex: string | undefined, char: string) =>
    hex === undefined ? (/[bfnrt]/.test(char) ? " " : char) : String.fromCharCode(Number.parseInt(hex, 16))
  )

const percentDecoded = (text: string): string =>
  text.replace(/(?:%[0-9a-f]{2})+/gi, (run) =>
    new TextDecoder().decode(Uint8Array.from(run.slice(1).split("%"), (hex) => Number.parseInt(hex, 16)))
  )

const formDecoded = (text: string): string => percentDecoded(text.replaceAll("+", " "))

const decoders = [unescaped, percentDecoded, formDecoded]
