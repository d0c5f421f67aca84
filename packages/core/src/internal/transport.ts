// One request over the wire, and its whole answer: no redirects, a bounded body, and no error that could hold a secret.
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { constTrue } from "effect/Function"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { TransportFailure } from "../AuthError.ts"
import { UnexpectedResponse } from "../AuthError.ts"
import { withoutDefects } from "./layerDefect.ts"
import { failureOf } from "./transportFailure.ts"

/** A whole HTTP response. */
export interface RawAnswer {
  readonly status: number
  readonly headers: Headers.Headers
  readonly body: string
  /** Our clock when its headers arrived, in epoch milliseconds. */
  readonly receivedAt: number
}

const LARGEST_BODY = 1024 * 1024

/** Send a request and read its answer. */
export const exchange = (
  client: HttpClient.HttpClient,
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<RawAnswer, TransportFailure | UnexpectedResponse> =>
  Effect.gen(function* () {
    const response = yield* Effect.catchAll(client.execute(request), respondedAnyway)
    const receivedAt = yield* Clock.currentTimeMillis
    const body = yield* readBody(response)
    return { status: response.status, headers: response.headers, body, receivedAt }
  }).pipe(
    withoutDefects,
    Effect.catchTags({
      RequestError: (error) => Effect.fail(failureOf(error)),
      ResponseError: (error) => Effect.fail(failureOf(error))
    }),
    // The platform's own span and headers would name the request's URL, headers and trace to others: ours says what matters.
    Effect.locally(HttpClient.currentTracerDisabledWhen, constTrue),
    Effect.locally(HttpClient.currentTracerPropagation, false)
  )

/**
 * Tell the fetch layer not to follow redirects, which would carry the password to another host. What else its users
 * set there is kept: `captured`, and over it what stands around the call.
 */
export const withoutRedirects = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  captured: Option.Option<RequestInit>
): Effect.Effect<A, E, R> =>
  Effect.mapInputContext(self, (context: Context.Context<R>) =>
    Context.add(context, FetchHttpClient.RequestInit, {
      ...Option.getOrUndefined(captured),
      ...Option.getOrUndefined(Context.getOption(context, FetchHttpClient.RequestInit)),
      redirect: "manual"
    })
  )

/** A client with `filterStatusOk` reports a 401 as an error: it is an answer all the same. */
export const respondedAnyway = (
  error: HttpClientError.HttpClientError
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> =>
  error._tag === "ResponseError" && error.reason === "StatusCode" ? Effect.succeed(error.response) : Effect.fail(error)

const readBody = (
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<string, TransportFailure | UnexpectedResponse> => {
  const decoder = new TextDecoder()
  let size = 0
  let text = ""
  return response.stream.pipe(
    // At once, since Effect logs the error of a stream that fails in a run, and the platform's own holds the request.
    Stream.catchAll((error) => (error.reason === "EmptyBody" ? Stream.empty : Stream.fail(failureOf(error)))),
    Stream.runForEach((chunk) => {
      size += chunk.byteLength
      if (size > LARGEST_BODY) {
        return Effect.fail(new UnexpectedResponse({ status: response.status, reason: "the body is larger than 1 MiB" }))
      }
      text += decoder.decode(chunk, { stream: true })
      return Effect.void
    }),
    Effect.map(() => text + decoder.decode())
  )
}
