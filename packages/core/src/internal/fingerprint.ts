// Fingerprints: what a session's token is stored under, the same for the same account and the same secret of a token.
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Credentials } from "../Credentials.ts"

/** Nothing of a password goes into it, not even a hash: passwords can be guessed, access tokens cannot. */
export const fingerprint = (baseUrl: URL, credentials: Credentials): Effect.Effect<string> =>
  Effect.gen(function* () {
    const account = (
      credentials._tag === "OrganizationAccessToken" ? credentials.organization : credentials.username
    ).trim()
    const secret = credentials._tag === "Password" ? "" : yield* sha256(Redacted.value(credentials.token))
    const parts = [baseUrl.origin, credentials._tag, account.toLowerCase(), secret.slice(0, 16)]
    return (yield* sha256(JSON.stringify(parts))).slice(0, 32)
  })

const sha256 = (text: string): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))),
    (digest) => Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("")
  )
