// From a whole HTTP response to its outcome: a token or a tagged error (behaviour.md §1). First match wins.
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as AccessToken from "../AccessToken.ts"
import type { ExchangeError } from "../AuthError.ts"
import {
  AccessDenied,
  EdgeBlocked,
  RateLimited,
  ServiceUnavailable,
  TransportFailure,
  UnexpectedResponse
} from "../AuthError.ts"
import type * as HubConfig from "../HubConfig.ts"
import * as RateLimit from "../RateLimit.ts"
import { TwoFactorChallenge } from "../TwoFactorChallenge.ts"
import type { Operation } from "./operation.ts"
import { skew } from "./serverClock.ts"
import { detailOf, isHtml } from "./serverText.ts"
import type { RawAnswer } from "./transport.ts"
import { decodeAnswer, isJson } from "./wire.ts"

export interface Request<E> {
  readonly operation: Operation<E>
  /** The account it is for, as holds know it; a challenge carries it on. */
  readonly account: Option.Option<string>
  /** What was sent and must not come back in an error. */
  readonly secrets: ReadonlyArray<Redacted.Redacted<string>>
}

const AUDIENCE = "https://hub.docker.com"

export const classify = <E>(
  raw: RawAnswer,
  { account, operation, secrets }: Request<E>,
  config: HubConfig.Service
): Effect.Effect<AccessToken.AccessToken, E | ExchangeError> => {
  const { headers, receivedAt, status } = raw
  const answer = decodeAnswer(raw.body)
  const detail = detailOf(raw, answer, secrets)
  const serverTime = RateLimit.date(headers, receivedAt)
  const challenge = Option.flatMap(answer, ({ login_2fa_token }) => Option.fromNullable(login_2fa_token || null))

  if (isChallengePage(raw, answer)) return Effect.fail(edgeBlocked(raw))
  if (status === 429) {
    const retryAfter = RateLimit.retryAfter(headers, receivedAt)
    return Effect.fail(new RateLimited({ retryAfter, rateLimit: RateLimit.fromHeaders(headers, receivedAt), detail }))
  }
  if (status >= 500 && status <= 599) return Effect.fail(new ServiceUnavailable({ status, detail }))
  if ((status === 403 && !isJson(raw.body)) || (status === 401 && isHtml(raw))) {
    return Effect.fail(edgeBlocked(raw))
  }
  if (status === 407) return Effect.fail(new TransportFailure({ reason: "Proxy", sent: true }))
  if ((status === 200 || status === 401) && Option.isSome(challenge)) {
    const issued = new TwoFactorChallenge({
      value: Redacted.make(challenge.value),
      account,
      serverTime: Option.flatMap(serverTime, DateTime.make)
    })
    return Effect.fail(operation.challenged(issued, status, detail))
  }
  if (status === 200)
    return readToken(
      raw,
      Option.flatMapNullable(answer, (found) => found[operation.tokenField]),
      config
    )
  if (status === 401) return Effect.fail(operation.refused(detail))
  if (status === 403) return Effect.fail(new AccessDenied({ detail }))
  if (status === 0 || (status >= 300 && status <= 399)) {
    return Effect.fail(new UnexpectedResponse({ status, reason: "a redirect, which is never followed" }))
  }
  return Effect.fail(new UnexpectedResponse({ status, reason: detail === "" ? "no reason given" : detail }))
}

const readToken = (
  { headers, receivedAt, status }: RawAnswer,
  token: Option.Option<string>,
  config: HubConfig.Service
): Effect.Effect<AccessToken.AccessToken, UnexpectedResponse> => {
  const unexpected = (reason: string) => new UnexpectedResponse({ status, reason })
  if (Option.isNone(token)) return Effect.fail(unexpected("a success without a token"))
  const theirs = Option.getOrElse(RateLimit.date(headers, receivedAt), () => receivedAt)
  return AccessToken.fromString(token.value, { clockSkew: skew(theirs, receivedAt) }).pipe(
    Effect.mapError(({ reason }) => unexpected(`the token cannot be used: ${reason}`)),
    Effect.filterOrFail(
      ({ claims }) => !Option.exists(claims, (found) => isForeign(found, config)),
      () => unexpected("the token was issued by or for somebody else than Docker Hub (see HubConfig.trustedIssuers)")
    ),
    Effect.filterOrFail(
      ({ claims }) => config.tokenValidation === "lenient" || Option.exists(claims, isComplete),
      () => unexpected("the token lacks iss, aud or exp, which strict validation asks for")
    )
  )
}

const isForeign = ({ aud, iss }: AccessToken.Claims, config: HubConfig.Service): boolean =>
  (iss !== undefined && !config.trustedIssuers.includes(iss)) || (aud !== undefined && !aud.includes(AUDIENCE))

const isComplete = ({ aud, exp, iss }: AccessToken.Claims): boolean =>
  iss !== undefined && aud !== undefined && exp !== undefined

/** Cloudflare's ways to say no (docker/hub-feedback#2502): it says so in a header, or in a body that is never JSON. */
const isChallengePage = ({ body, headers }: RawAnswer, answer: Option.Option<unknown>): boolean =>
  headers["cf-mitigated"] !== undefined ||
  (Option.isNone(answer) && (/^\s*error code: 10\d\d\s*$/.test(body) || body.includes("Just a moment")))

const edgeBlocked = ({ headers, status }: RawAnswer): EdgeBlocked =>
  new EdgeBlocked({
    status,
    rayId: Option.filter(Option.fromNullable(headers["cf-ray"]), (ray) => /^[0-9a-f]{16}(-[A-Z]{3})?$/.test(ray))
  })
