// One call of HubClient: where it goes, whose token it carries, what a 401 renews, what is tried again.
import * as Headers from "@effect/platform/Headers"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { AccessToken } from "../AccessToken.ts"
import type { AuthenticateError, AuthError } from "../AuthError.ts"
import { RateLimited, RequestTimedOut, ServiceUnavailable, TransportFailure } from "../AuthError.ts"
import type * as HubConfig from "../HubConfig.ts"
import type * as HubPolicy from "../HubPolicy.ts"
import * as RateLimit from "../RateLimit.ts"
import { CallersResponse } from "./callersResponse.ts"
import * as GuardedTokens from "./guardedTokens.ts"
import { withoutDefects } from "./layerDefect.ts"
import { abandon, letGo } from "./letGo.ts"
import * as RequestBody from "./requestBody.ts"
import type { Means, Time } from "./retry.ts"
import { patiently } from "./retry.ts"
import { respondedAnyway, withoutRedirects } from "./transport.ts"
import { failureOf } from "./transportFailure.ts"

type Request = HttpClientRequest.HttpClientRequest
type Response = HttpClientResponse.HttpClientResponse
type CallError = HttpClientError.HttpClientError | AuthenticateError

/** What all calls of one HubClient share. */
export interface Hub {
  readonly client: HttpClient.HttpClient
  readonly config: HubConfig.Service
  readonly requestInit: Option.Option<RequestInit>
  readonly tokens: GuardedTokens.GuardedTokens
}

/** An attempt that did not bring an answer a caller would want. */
interface Failed {
  readonly _tag: "Failed"
  /** What the caller gets when it is not repeated. */
  readonly outcome: Effect.Effect<Response, CallError>
  /** What it means to the policy; none where no repeat could help. */
  readonly meaning: Option.Option<AuthError>
  readonly discard: Effect.Effect<void>
}

/** RFC 9110 §9.2.2: sending them twice does what sending them once does. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])

/** Send a caller's request and hand out what came of it, both with nothing of the token in them. */
export const call = (hub: Hub, request: Request, means: Means): Effect.Effect<Response, CallError> =>
  Effect.suspend(() => {
    const { baseUrl } = hub.config
    if (!URL.canParse(request.url, baseUrl)) return Effect.fail(invalidUrl(request))
    const url = new URL(request.url, baseUrl)
    const carriesToken = url.origin === baseUrl.origin && !Headers.has(request.headers, "authorization")
    const outgoing = RequestBody.watch(request.body)
    const bare = outgoingRequest(hub.config, request, url, outgoing)
    const judge = judged(means.policy)
    let renewed = false

    const tokenFor = ({ untimed }: Time) => Effect.mapError(untimed(hub.tokens.token), withoutToken)

    const send = ({ limit }: Time, token: Option.Option<AccessToken>): Effect.Effect<Response, Failed> =>
      limit(
        withoutRedirects(
          hub.client.execute(
            Option.match(token, {
              onNone: () => bare,
              onSome: ({ value }) => HttpClientRequest.bearerToken(bare, value)
            })
          ),
          hub.requestInit
        ).pipe(Effect.catchAll(respondedAnyway), withoutDefects, withRedactedAuthorization)
      ).pipe(Effect.mapError((error) => broken(request, error)))

    /** The token was refused: give the session the chance of another, and the request a second one, both once. */
    const renew = (time: Time, refused: AccessToken, response: Response): Effect.Effect<Response, Failed> =>
      Effect.gen(function* () {
        renewed = true
        yield* hub.tokens.refuse(refused)
        if (!outgoing.resendable) return response
        const next = yield* Effect.onExit(tokenFor(time), (exit) =>
          Exit.isSuccess(exit) ? Effect.void : abandon(response)
        )
        if (GuardedTokens.isSame(next, refused)) return response
        yield* letGo(response)
        return yield* send(time, Option.some(next))
      })

    const attempt = (time: Time): Effect.Effect<Response, Failed> =>
      Effect.gen(function* () {
        if (!carriesToken) return yield* judge(yield* send(time, Option.none()))
        const token = yield* tokenFor(time)
        const response = yield* send(time, Option.some(token))
        return yield* judge(response.status === 401 && !renewed ? yield* renew(time, token, response) : response)
      })

    const canGoAgain = (meaning: AuthError): boolean =>
      outgoing.resendable || (meaning._tag === "TransportFailure" && !meaning.sent && outgoing.untouched())

    return patiently(
      {
        attempt,
        errorOf: ({ meaning }: Failed) => Option.filter(meaning, canGoAgain),
        // A 429 says that the request was not dealt with.
        repeatable: ({ _tag }) => IDEMPOTENT.has(request.method) || _tag === "RateLimited",
        discard: ({ discard }) => discard,
        account: Option.none(),
        // The span is the caller's, and may be that of many calls.
        onAttempt: () => Effect.void
      },
      means
    ).pipe(
      Effect.catchTag("Failed", ({ outcome }) => outcome),
      Effect.map((response) => new CallersResponse(askedFor(request, url, response), response))
    )
  })

const invalidUrl = (request: Request): HttpClientError.RequestError =>
  new HttpClientError.RequestError({
    request,
    reason: "InvalidUrl",
    description: "this is neither a URL nor a path on Docker Hub"
  })

const outgoingRequest = (
  { userAgent }: HubConfig.Service,
  request: Request,
  url: URL,
  { body }: RequestBody.Outgoing
): Request =>
  // As a string, since a URL object would replace the request's own parameters and hash.
  HttpClientRequest.setUrl(request, url.href).pipe(
    // A body brings its own content type, and the caller's must win again.
    body === request.body ? (same) => same : HttpClientRequest.setBody(body),
    HttpClientRequest.setHeaders({ "user-agent": userAgent, ...request.headers })
  )

/** `HttpClient.followRedirects` resolves a `Location` against the request's URL, so that one must be whole there. */
const askedFor = (request: Request, url: URL, { headers, status }: Response): Request =>
  status >= 300 && status <= 399 && Headers.has(headers, "location") && !URL.canParse(request.url)
    ? HttpClientRequest.setUrl(request, url.href)
    : request

/** The HTTP span redacts by a list that users may have replaced. */
const withRedactedAuthorization: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = Effect.locallyWith(
  Headers.currentRedactedNames,
  (names) => [...names, "authorization"]
)

/** Some statuses fail an attempt, although they are answers, and are handed out when nothing better comes. */
const judged =
  (policy: HubPolicy.Service) =>
  (response: Response): Effect.Effect<Response, Failed> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const { headers, status } = response
      const meaning =
        status === 429
          ? new RateLimited({ retryAfter: RateLimit.retryAfter(headers, now), rateLimit: Option.none(), detail: "" })
          : status >= 500 && status <= 599
            ? new ServiceUnavailable({ status, detail: "" })
            : undefined
      if (meaning === undefined) return Effect.succeed(response)
      let gone = false
      const outcome = Effect.suspend(() =>
        // Nobody can read what was let go for a repeat; if that comes to nothing, it is the deadline that passed meanwhile.
        gone ? new RequestTimedOut({ scope: "deadline", after: policy.deadline }) : Effect.succeed(response)
      )
      const discard = Effect.zipRight(
        Effect.sync(() => void (gone = true)),
        letGo(response)
      )
      return Effect.fail(failed(outcome, Option.some(meaning), discard))
    })

const broken = (request: Request, error: HttpClientError.HttpClientError | RequestTimedOut): Failed => {
  if (error._tag === "RequestTimedOut") return failed(Effect.fail(error), Option.some(error))
  if (error._tag === "ResponseError") {
    const response = new CallersResponse(request, error.response)
    return failed(Effect.fail(response.error(error)), Option.some(failureOf(error)), letGo(error.response))
  }
  // A stream that failed may have done so after its beginning was sent.
  const cause =
    error.reason === "Encode" && request.body._tag === "Stream"
      ? new TransportFailure({ reason: "Unknown", sent: true })
      : failureOf(error)
  const description = cause.message
  return failed(
    Effect.fail(new HttpClientError.RequestError({ request, reason: error.reason, description, cause })),
    // What cannot be encoded now never can.
    error.reason === "Transport" ? Option.some(cause) : Option.none()
  )
}

const withoutToken = (error: AuthenticateError): Failed => failed(Effect.fail(error), Option.none())

const failed = (
  outcome: Failed["outcome"],
  meaning: Failed["meaning"],
  discard: Effect.Effect<void> = Effect.void
): Failed => ({ _tag: "Failed", outcome, meaning, discard })
