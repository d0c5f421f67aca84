// Bearers: the JWTs that the emulator issues, and what it thinks of one that comes back.

import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Jose from "jose"
import type { Account, Organization } from "./directory.ts"
import { key } from "./directory.ts"
import * as Identifier from "./identifier.ts"
import type { Settings } from "./settings.ts"

/** What a bearer stands for. */
export interface Grant {
  readonly kind: "password" | "personalAccessToken" | "organizationAccessToken"
  readonly username: string
  readonly uuid: string
  readonly email: Option.Option<string>
  readonly sourceId: string
  readonly scopes: ReadonlyArray<string>
}

export type Verdict =
  | { readonly _tag: "Anonymous" }
  | { readonly _tag: "Invalid" }
  | { readonly _tag: "Expired" }
  | { readonly _tag: "Valid"; readonly grant: Grant; readonly jwt: string }

export interface Bearers {
  readonly issue: (grant: Grant, lifetimeMillis: number, serverMillis: number) => Effect.Effect<string>
  readonly judge: (authorization: string | undefined, serverMillis: number) => Verdict
  /** Ends every bearer of this account or organization, as if its time had come. */
  readonly expire: (owner: string) => void
  /** Makes one bearer invalid; false when it is not the emulator's. */
  readonly revoke: (jwt: string) => boolean
}

interface Issued {
  readonly grant: Grant
  readonly expiresAtMillis: number
  state: "live" | "expired" | "revoked"
}

export const forPassword = (account: Account): Grant => ({
  kind: "password",
  username: account.username,
  uuid: account.uuid,
  email: Option.some(account.email),
  sourceId: account.uuid,
  scopes: ["repo:admin"]
})

export const forPersonalAccessToken = (
  account: Account,
  secret: { id: string; scopes: ReadonlyArray<string> }
): Grant => ({
  kind: "personalAccessToken",
  username: account.username,
  uuid: account.uuid,
  email: Option.some(account.email),
  sourceId: secret.id,
  scopes: secret.scopes
})

export const forOrganization = (
  organization: Organization,
  secret: { id: string; scopes: ReadonlyArray<string> }
): Grant => ({
  kind: "organizationAccessToken",
  username: organization.name,
  uuid: organization.uuid,
  email: Option.none(),
  sourceId: secret.id,
  scopes: secret.scopes
})

const sourceTypes = { password: "password", personalAccessToken: "pat", organizationAccessToken: "oat" } as const

/** The claims of hub-api.md §4, in the order of the capture. */
const claims = (grant: Grant, jti: string, iat: number, exp: number, settings: Settings): Jose.JWTPayload => {
  const type = sourceTypes[grant.kind]
  return {
    aud: settings.audience === "array" ? ["https://hub.docker.com"] : "https://hub.docker.com",
    iat,
    exp,
    iss: "https://api.docker.com/",
    jti,
    ...(settings.subject ? { sub: grant.uuid } : {}),
    scope: grant.scopes.join(" "),
    source: { type, id: grant.sourceId },
    "https://hub.docker.com": {
      ...(Option.isSome(grant.email) ? { email: grant.email.value } : {}),
      roles: [],
      session_id: jti,
      source: `docker_${type}|${grant.sourceId}`,
      username: grant.username,
      uuid: grant.uuid
    }
  }
}

export const make = (settings: Settings): Bearers => {
  const issued = new Map<string, Issued>()
  return {
    issue: (grant, lifetimeMillis, serverMillis) =>
      Effect.gen(function* () {
        // Hub's times are whole seconds; a lifetime that is not (a test in milliseconds) needs the fraction to be true.
        const seconds = serverMillis / 1000
        const iat = lifetimeMillis % 1000 === 0 ? Math.floor(seconds) : seconds
        const exp = iat + lifetimeMillis / 1000
        const jwt = yield* encode(claims(grant, yield* Identifier.uuid, iat, exp, settings), settings.signingKey)
        issued.set(jwt, { grant, expiresAtMillis: exp * 1000, state: "live" })
        return jwt
      }),
    judge: (authorization, serverMillis) => {
      if (authorization === undefined) return { _tag: "Anonymous" }
      // Both schemes work, as they do on Hub (hub-api.md §1).
      const jwt = /^(?:bearer|jwt)\s+(\S+)\s*$/i.exec(authorization)?.[1]
      const found = jwt === undefined ? undefined : issued.get(jwt)
      if (jwt === undefined || found === undefined || found.state === "revoked") return { _tag: "Invalid" }
      if (found.state === "expired" || serverMillis >= found.expiresAtMillis) return { _tag: "Expired" }
      return { _tag: "Valid", grant: found.grant, jwt }
    },
    expire: (owner) => {
      for (const each of issued.values()) {
        if (each.state === "live" && key(each.grant.username) === key(owner)) each.state = "expired"
      }
    },
    revoke: (jwt) => {
      const found = issued.get(jwt)
      if (found === undefined) return false
      found.state = "revoked"
      return true
    }
  }
}

export const encode = (payload: Jose.JWTPayload, signingKey: Option.Option<Uint8Array>): Effect.Effect<string> =>
  Option.match(signingKey, {
    onSome: (key) =>
      Effect.promise(() => new Jose.SignJWT(payload).setProtectedHeader({ alg: "HS256", typ: "JWT" }).sign(key)),
    // Random where the signature would be: see `Options.signingKey` for why this is the default.
    onNone: () =>
      Effect.map(Identifier.bytes(32), (random) =>
        [JSON.stringify({ alg: "HS256", typ: "JWT" }), JSON.stringify(payload), random]
          .map((part) => Jose.base64url.encode(part))
          .join(".")
      )
  })
