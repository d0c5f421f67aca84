// InMemoryClient: an `HttpClient` that hands its requests to an app in the same fiber, without a socket.

import * as Headers from "@effect/platform/Headers"
import type * as HttpApp from "@effect/platform/HttpApp"
import type * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { ConnectionReset } from "../Fault.ts"

export const make = (app: HttpApp.Default<ConnectionReset>): HttpClient.HttpClient =>
  HttpClient.make((request, url) =>
    Effect.gen(function* () {
      const body = yield* webBody(request.body)
      const web = yield* Effect.try({
        try: () => webRequest(request, url, body),
        // What `fetch` refuses (a GET with a body, userinfo in the URL), it refuses with such an error.
        catch: (cause) => new HttpClientError.RequestError({ request, reason: "Transport", cause })
      })
      const server = HttpServerRequest.fromWeb(web)
      const response = yield* app.pipe(
        // A browser's Request drops headers it calls forbidden; the app is to see what the caller set.
        Effect.provideService(
          HttpServerRequest.HttpServerRequest,
          server.modify({ headers: Headers.merge(server.headers, request.headers) })
        ),
        Effect.catchTag("ConnectionReset", () =>
          Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause: fetchFailed() }))
        )
      )
      const runtime = yield* Effect.runtime<never>()
      return HttpClientResponse.fromWeb(
        request,
        HttpServerResponse.toWeb(breakable(response), { withoutBody: request.method === "HEAD", runtime })
      )
    })
  )

const webRequest = (
  request: HttpClientRequest.HttpClientRequest,
  url: URL,
  body: ReadableStream<Uint8Array> | BodyInit | undefined
): Request => {
  const init: RequestInit & { duplex: "half" } = {
    method: request.method,
    headers: request.headers,
    body: body ?? null,
    // Needed for a stream, harmless for the rest; TypeScript's DOM does not know it yet.
    duplex: "half"
  }
  return new Request(url, init)
}

const webBody = (body: HttpBody.HttpBody): Effect.Effect<ReadableStream<Uint8Array> | BodyInit | undefined> => {
  switch (body._tag) {
    case "Empty":
      return Effect.succeed(undefined)
    case "FormData":
      return Effect.succeed(body.formData)
    case "Stream":
      return Stream.toReadableStreamEffect(body.stream)
    case "Raw":
    case "Uint8Array":
      // A raw body is by contract whatever the client at hand takes, and this one takes what `fetch` takes.
      return Effect.succeed(body.body as BodyInit)
  }
}

/** A body that breaks off looks to a client as it does under `fetch`. */
const breakable = (response: HttpServerResponse.HttpServerResponse): HttpServerResponse.HttpServerResponse =>
  response.body._tag === "Stream"
    ? HttpServerResponse.stream(
        Stream.mapError(response.body.stream, () => new TypeError("terminated", { cause: connectionError() })),
        { status: response.status, headers: response.headers }
      )
    : response

const fetchFailed = (): TypeError => new TypeError("fetch failed", { cause: connectionError() })

const connectionError = (): Error =>
  Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET", syscall: "read" })
