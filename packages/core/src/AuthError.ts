// AuthError: every way Docker Hub's authentication can fail, as tagged errors, and which operation can fail with which.
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { RateLimit } from "./RateLimit.ts"
import { TwoFactorChallenge } from "./TwoFactorChallenge.ts"

export {
  /**
   * What `TwoFactorRequired` carries.
   *
   * @since 0.1.0
   * @category models
   */
  TwoFactorChallenge
} from "./TwoFactorChallenge.ts"

const id = <Tag extends string>(tag: Tag): `@effect-dockerhub/core/${Tag}` => `@effect-dockerhub/core/${tag}`

/** What happened, in the server's own words where it said any, and what to do. */
const sentence = (what: string, detail: string, advice: string): string =>
  detail === "" ? `${what}; ${advice}.` : `${what} (${detail}); ${advice}.`

/**
 * 401: the user name or the secret is wrong, or the secret was revoked. Never retried: wrong passwords lock an account.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidCredentials extends Schema.TaggedError<InvalidCredentials>(id("InvalidCredentials"))(
  "InvalidCredentials",
  { detail: Schema.String }
) {
  override get message(): string {
    return sentence(
      "Docker Hub refused the credentials",
      this.detail,
      "check the user name and the secret before trying again: wrong ones lock the account"
    )
  }
}

/**
 * The password is right and the account asks for a second factor: answer `challenge` with `HubAuth.twoFactorLogin`, or
 * give `HubAuth.authenticate` a `SecondFactor`.
 *
 * @since 0.1.0
 * @category errors
 */
export class TwoFactorRequired extends Schema.TaggedError<TwoFactorRequired>(id("TwoFactorRequired"))(
  "TwoFactorRequired",
  { challenge: TwoFactorChallenge.schema, detail: Schema.String }
) {
  override get message(): string {
    return sentence(
      "This account needs a two-factor code",
      this.detail,
      "provide a SecondFactor, such as a TOTP seed, or log in with an access token"
    )
  }
}

/**
 * The code was refused, or its challenge had expired (both look the same on the wire), or it was no code at all, and
 * then nothing was sent.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidTwoFactorCode extends Schema.TaggedError<InvalidTwoFactorCode>(id("InvalidTwoFactorCode"))(
  "InvalidTwoFactorCode",
  { detail: Schema.String }
) {
  override get message(): string {
    return sentence(
      "The two-factor code was not accepted",
      this.detail,
      "begin again with a fresh code, and for codes from a seed check the clock and the seed"
    )
  }
}

/**
 * 429: too many requests, or the account is locked after too many wrong passwords.
 *
 * @since 0.1.0
 * @category errors
 */
export class RateLimited extends Schema.TaggedError<RateLimited>(id("RateLimited"))("RateLimited", {
  /** How long to wait, if the server said. */
  retryAfter: Schema.Option(Schema.Duration),
  rateLimit: Schema.Option(RateLimit),
  detail: Schema.String
}) {
  override get message(): string {
    const wait = Option.match(this.retryAfter, {
      onNone: () => "wait before trying again (a locked account opens after about ten minutes)",
      onSome: (duration) => `try again in ${Duration.format(duration)}`
    })
    return sentence("Docker Hub limits this account's requests", this.detail, wait)
  }
}

/**
 * 403 in JSON: the credentials are right and may not do this.
 *
 * @since 0.1.0
 * @category errors
 */
export class AccessDenied extends Schema.TaggedError<AccessDenied>(id("AccessDenied"))("AccessDenied", {
  detail: Schema.String
}) {
  override get message(): string {
    return sentence("Docker Hub denies this", this.detail, "check what the account or its access token may do")
  }
}

/**
 * A proxy in front of Docker Hub answered instead of it: a bot check, a blocked client. It says nothing of the
 * credentials.
 *
 * @since 0.1.0
 * @category errors
 */
export class EdgeBlocked extends Schema.TaggedError<EdgeBlocked>(id("EdgeBlocked"))("EdgeBlocked", {
  status: Schema.Number,
  /** Cloudflare's name for the request, for their support. */
  rayId: Schema.Option(Schema.String)
}) {
  override get message(): string {
    const ray = Option.match(this.rayId, { onNone: () => "", onSome: (name) => ` (ray ${name})` })
    return `A proxy in front of Docker Hub blocked the request with status ${this.status}${ray}; check the network and the user agent, not the password.`
  }
}

/**
 * 5xx: Docker Hub is in trouble.
 *
 * @since 0.1.0
 * @category errors
 */
export class ServiceUnavailable extends Schema.TaggedError<ServiceUnavailable>(id("ServiceUnavailable"))(
  "ServiceUnavailable",
  { status: Schema.Number, detail: Schema.String }
) {
  override get message(): string {
    return sentence(`Docker Hub is unavailable (status ${this.status})`, this.detail, "try again later")
  }
}

const transportFailures = {
  Connect: "no connection to Docker Hub could be made",
  Reset: "the connection to Docker Hub broke",
  Tls: "the TLS connection to Docker Hub failed or could not be trusted",
  Proxy: "the proxy on the way to Docker Hub refused",
  Decode: "the answer was not HTTP",
  Unknown: "the request failed on its way"
}

/**
 * No whole HTTP response came back.
 *
 * @since 0.1.0
 * @category errors
 */
export class TransportFailure extends Schema.TaggedError<TransportFailure>(id("TransportFailure"))("TransportFailure", {
  /** `Decode` is an answer that is not HTTP. */
  reason: Schema.Literal("Connect", "Reset", "Tls", "Proxy", "Decode", "Unknown"),
  /** Whether the request may have reached the server: true unless it can be disproved. */
  sent: Schema.Boolean
}) {
  override get message(): string {
    const sent = this.sent ? "it may have reached the server" : "nothing was sent"
    return `${this.reason}: ${transportFailures[this.reason]}; ${sent}.`
  }
}

/**
 * No answer in time: one attempt took too long, or the whole operation did.
 *
 * @since 0.1.0
 * @category errors
 */
export class RequestTimedOut extends Schema.TaggedError<RequestTimedOut>(id("RequestTimedOut"))("RequestTimedOut", {
  scope: Schema.Literal("attempt", "deadline"),
  /** The limit that was reached. */
  after: Schema.Duration
}) {
  override get message(): string {
    return `Docker Hub did not answer within ${Duration.format(this.after)} (${this.scope}); try again, or allow more with HubPolicy.`
  }
}

/**
 * An answer outside Docker Hub's contract: a redirect, no token, a token of somebody else, too large a body.
 *
 * @since 0.1.0
 * @category errors
 */
export class UnexpectedResponse extends Schema.TaggedError<UnexpectedResponse>(id("UnexpectedResponse"))(
  "UnexpectedResponse",
  { status: Schema.Number, reason: Schema.String }
) {
  override get message(): string {
    return `Docker Hub's answer (status ${this.status}) was not understood; check the base URL: ${this.reason}`
  }
}

/**
 * A code was needed and could not be had.
 *
 * @since 0.1.0
 * @category errors
 */
export class SecondFactorUnavailable extends Schema.TaggedError<SecondFactorUnavailable>(id("SecondFactorUnavailable"))(
  "SecondFactorUnavailable",
  { reason: Schema.String }
) {
  override get message(): string {
    return `No two-factor code could be had: ${this.reason}`
  }
}

/**
 * A bearer token that cannot be one.
 *
 * @since 0.1.0
 * @category errors
 */
export class MalformedToken extends Schema.TaggedError<MalformedToken>(id("MalformedToken"))("MalformedToken", {
  reason: Schema.String
}) {
  override get message(): string {
    return `This is not a bearer token: ${this.reason}`
  }
}

/**
 * The store that keeps a session's token failed.
 *
 * @since 0.1.0
 * @category errors
 */
export class SessionStoreError extends Schema.TaggedError<SessionStoreError>(id("SessionStoreError"))(
  "SessionStoreError",
  { operation: Schema.Literal("read", "write", "remove"), reason: Schema.String }
) {
  override get message(): string {
    return `The session store failed to ${this.operation}: ${this.reason}`
  }
}

/**
 * What any request of ours can fail with, whatever it asks for.
 *
 * @since 0.1.0
 * @category models
 */
export type ExchangeError =
  | RateLimited
  | AccessDenied
  | EdgeBlocked
  | ServiceUnavailable
  | TransportFailure
  | RequestTimedOut
  | UnexpectedResponse

/**
 * What `HubAuth.login` can fail with.
 *
 * @since 0.1.0
 * @category models
 */
export type LoginError = InvalidCredentials | TwoFactorRequired | ExchangeError

/**
 * What `HubAuth.twoFactorLogin` can fail with.
 *
 * @since 0.1.0
 * @category models
 */
export type TwoFactorLoginError = InvalidTwoFactorCode | ExchangeError

/**
 * What `HubAuth.createAccessToken` can fail with.
 *
 * @since 0.1.0
 * @category models
 */
export type CreateAccessTokenError = InvalidCredentials | TwoFactorRequired | ExchangeError

/**
 * What `HubAuth.authenticate` can fail with.
 *
 * @since 0.1.0
 * @category models
 */
export type AuthenticateError = LoginError | TwoFactorLoginError | CreateAccessTokenError | SecondFactorUnavailable

/**
 * Any error of this module.
 *
 * @since 0.1.0
 * @category models
 */
export type AuthError = AuthenticateError | MalformedToken | SessionStoreError

/**
 * Whether the same call may well succeed later, with nothing changed on our side.
 *
 * @since 0.1.0
 * @category guards
 */
export const isTransient = (error: AuthError): boolean => {
  switch (error._tag) {
    case "RateLimited":
    case "ServiceUnavailable":
    case "RequestTimedOut":
      return true
    case "TransportFailure":
      return error.reason !== "Tls"
    default:
      return false
  }
}
