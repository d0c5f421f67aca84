// AccessToken: the bearer token Docker Hub hands out, what it says of itself, and how long it is good for.
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { decodeJwt } from "jose/jwt/decode"
import { MalformedToken } from "./AuthError.ts"
import { wrap } from "./internal/secret.ts"

/** A claim we cannot read is as good as absent: the token is Hub's to verify, not ours. */
const readable = <A, I>(schema: Schema.Schema<A, I>) =>
  Schema.optional(Schema.UndefinedOr(schema).annotations({ decodingFallback: () => Either.right(undefined) }))

/** RFC 7519 §2: seconds since the epoch, possibly fractional; here only those a date can hold. */
const NumericDate = Schema.Finite.pipe(Schema.between(0, 8_640_000_000_000))

/** An issuer or audience that is there but unreadable is nobody's, never an absent one: it must not pass for Hub's. */
const Issuer = Schema.String.annotations({ decodingFallback: () => Either.right("") })
const Audience = Schema.Union(
  Schema.Array(Schema.String),
  Schema.transform(Schema.String, Schema.Array(Schema.String), {
    strict: true,
    decode: (audience) => [audience],
    encode: ([audience = ""]) => audience
  })
).annotations({ decodingFallback: () => Either.right([]) })

/**
 * The claims of Hub's JWTs, each absent where the token has none that can be read. They are not verified.
 *
 * Source: captures of 2026-01, see hub-api.md §4.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Claims = Schema.Struct({
  iss: Schema.optional(Issuer),
  aud: Schema.optional(Audience),
  sub: readable(Schema.String),
  jti: readable(Schema.String),
  scope: readable(Schema.String),
  iat: readable(NumericDate),
  nbf: readable(NumericDate),
  exp: readable(NumericDate),
  "https://hub.docker.com": readable(
    Schema.Struct({
      username: readable(Schema.String),
      uuid: readable(Schema.String),
      email: readable(Schema.String),
      session_id: readable(Schema.String),
      source: readable(Schema.String)
    })
  )
})

/**
 * What a token says of itself.
 *
 * @since 0.1.0
 * @category models
 */
export type Claims = typeof Claims.Type

/**
 * A bearer token for `Authorization: Bearer …`.
 *
 * @since 0.1.0
 * @category models
 */
export class AccessToken extends Data.Class<{
  /** The token itself. */
  readonly value: Redacted.Redacted<string>
  /** What it says of itself; none for an opaque token. */
  readonly claims: Option.Option<Claims>
  /** When it was issued, by the server's clock (`iat`). */
  readonly issuedAt: Option.Option<DateTime.Utc>
  /** When it ends, by the server's clock (`exp`). */
  readonly expiresAt: Option.Option<DateTime.Utc>
  /**
   * The server's clock minus ours, in milliseconds, negative where ours is fast; 0 when unknown or under 2 s. A number,
   * because a `Duration` cannot be negative.
   */
  readonly clockSkew: number
}> {
  /** What logs and consoles show: no token, and no claims, which hold a person's e-mail address. */
  toJSON(): unknown {
    return { _id: "AccessToken", value: "<redacted>", expiresAt: Option.getOrNull(this.expiresAt) }
  }

  override toString(): string {
    return Inspectable.format(this.toJSON())
  }

  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

/** RFC 6750 §2.1, `b64token`: what may follow `Bearer ` in a header, and so no white space, CR or LF. */
const B64_TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/

/**
 * Read a token that came from elsewhere. `clockSkew` is the server's clock minus ours, in milliseconds.
 *
 * Fails with `MalformedToken` for text that cannot stand in a header: empty, white space, control characters.
 *
 * @example
 * ```ts
 * import { AccessToken } from "@effect-dockerhub/core"
 * import { Effect } from "effect"
 *
 * const program = AccessToken.fromString("eyJhbGciOiJub25lIn0.eyJleHAiOjE3NjkwMDAwMDB9.").pipe(
 *   Effect.flatMap(AccessToken.timeToLive)
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromString = (
  jwt: string | Redacted.Redacted<string>,
  options?: { readonly clockSkew?: number }
): Effect.Effect<AccessToken, MalformedToken> => {
  const { clockSkew = 0 } = options ?? {}
  if (!Number.isFinite(clockSkew)) throw new TypeError("clockSkew must be a number of milliseconds")
  return Effect.suspend(() => {
    const value = wrap(jwt)
    if (!B64_TOKEN.test(Redacted.value(value))) {
      return Effect.fail(new MalformedToken({ reason: "it is empty or holds characters a bearer token cannot have" }))
    }
    const claims = readClaims(Redacted.value(value))
    return Effect.succeed(
      new AccessToken({
        value,
        claims,
        issuedAt: instant(claims, "iat"),
        expiresAt: instant(claims, "exp"),
        clockSkew
      })
    )
  })
}

/**
 * How long a token is still good for, by the clock and the token's `clockSkew`: zero once it has expired, none when it
 * does not say.
 *
 * @since 0.1.0
 * @category getters
 */
export const timeToLive = (token: AccessToken): Effect.Effect<Option.Option<Duration.Duration>> =>
  Effect.map(Clock.currentTimeMillis, (now) =>
    Option.map(token.expiresAt, (end) => Duration.millis(DateTime.toEpochMillis(end) - (now + token.clockSkew)))
  )

/**
 * Whether a token has expired, by the clock and the token's `clockSkew`. One that does not say when never has.
 *
 * @since 0.1.0
 * @category getters
 */
export const isExpired = (token: AccessToken): Effect.Effect<boolean> =>
  Effect.map(timeToLive(token), Option.exists(Duration.equals(Duration.zero)))

const readClaims = (jwt: string): Option.Option<Claims> =>
  Option.flatMap(Option.liftThrowable(decodeJwt)(jwt), Schema.decodeUnknownOption(Claims))

const instant = (claims: Option.Option<Claims>, name: "iat" | "exp"): Option.Option<DateTime.Utc> =>
  Option.flatMap(claims, (found) => Option.fromNullable(found[name])).pipe(
    Option.flatMap((seconds) => DateTime.make(seconds * 1000))
  )
