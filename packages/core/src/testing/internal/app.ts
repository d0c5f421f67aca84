// App: the emulator as one `HttpApp`: records a request, has its fault, or answers it.

import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ConnectionReset } from "../Fault.ts"
import * as ApiRoutes from "./apiRoutes.ts"
import * as FaultAnswer from "./faultAnswer.ts"
import type { FaultQueue } from "./faultQueue.ts"
import type { Hub } from "./hub.ts"
import * as LoginRoutes from "./loginRoutes.ts"
import * as RateWindow from "./rateWindow.ts"
import * as Reply from "./reply.ts"
import * as RequestLog from "./requestLog.ts"
import * as Routes from "./routes.ts"

type Response = HttpServerResponse.HttpServerResponse

export const make = (
  hub: Hub,
  faults: FaultQueue,
  record: (entry: RequestLog.Entry) => void
): HttpApp.Default<ConnectionReset> => {
  const { settings } = hub
  const serverMillis = Effect.map(Clock.currentTimeMillis, (now) => now + settings.clockOffsetMillis)
  const serve = makeServe(hub)
  return Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const match = Routes.match(request.url)
    const entry: RequestLog.Entry = {
      method: request.method,
      match,
      atMillis: yield* Clock.currentTimeMillis,
      headers: { ...request.headers },
      body: Option.none(),
      status: Option.none()
    }
    record(entry)
    RequestLog.learn(entry, hub.secrets)
    const read = Effect.suspend(() =>
      Option.match(entry.body, { onSome: Effect.succeed, onNone: () => readBody(request, entry, hub) })
    )
    const served = Effect.flatMap(Effect.zip(read, serverMillis), ([body, now]) => serve(request, match, body, now))
    const response = yield* Option.match(faults.take(match.endpoint.route), {
      onNone: () => served,
      onSome: (fault) => FaultAnswer.perform(fault, { serverMillis, read, serve: served })
    })
    entry.status = Option.some(response.status)
    // Set here, since node:http would add the system's time.
    return "date" in response.headers
      ? response
      : HttpServerResponse.setHeader(response, "date", Reply.httpDate(yield* serverMillis))
  })
}

const readBody = (
  request: HttpServerRequest.HttpServerRequest,
  entry: RequestLog.Entry,
  hub: Hub
): Effect.Effect<string> =>
  request.text.pipe(
    // A body that cannot be read is treated as one that says nothing.
    Effect.orElseSucceed(() => ""),
    Effect.tap((body) =>
      Effect.sync(() => {
        entry.body = Option.some(body)
        RequestLog.learn(entry, hub.secrets)
      })
    )
  )

const makeServe = (
  hub: Hub
): ((
  request: HttpServerRequest.HttpServerRequest,
  match: Routes.Match,
  body: string,
  now: number
) => Effect.Effect<Response>) => {
  const { answers, loginQuota, rateLimit, trailingSlashes } = hub.settings
  const window = Option.map(rateLimit, ({ limit, windowMillis }) => RateWindow.make(limit, windowMillis))
  const quota = Option.map(loginQuota, ({ limit, windowMillis }) => RateWindow.make(limit, windowMillis))

  const answer = (request: HttpServerRequest.HttpServerRequest, match: Routes.Match, body: string, now: number) => {
    const { method, name } = match.endpoint
    if (name === "unknown" || (match.trailingSlash && trailingSlashes === "not-found" && !withSlash.has(name))) {
      return Effect.succeed(Reply.answer(answers.notFound))
    }
    if (request.method !== method && !(request.method === "HEAD" && method === "GET")) {
      return Effect.succeed(Reply.answer(answers.methodNotAllowed, { allow: method }))
    }
    const login = logins.get(name)
    if (login === undefined) {
      const verdict = hub.bearers.judge(request.headers["authorization"], now)
      return Effect.sync(() => ApiRoutes.serve(hub, { match, origin: origin(request), verdict }))
    }
    const taken = Option.map(quota, (each) => each.take(now))
    if (Option.isSome(taken) && taken.value.exceeded) {
      return Effect.succeed(
        Reply.answer(answers.loginQuotaExceeded, Reply.retryAfter("seconds", taken.value.resetAtMillis, now))
      )
    }
    const call: LoginRoutes.Call = {
      body,
      contentType: request.headers["content-type"],
      wantsRefreshToken: new URLSearchParams(match.query).get("refresh_token") === "true",
      serverMillis: now
    }
    return login(hub, call)
  }

  return (request, match, body, now) =>
    Effect.suspend(() => {
      if (Option.isNone(window) || Option.isNone(rateLimit)) return answer(request, match, body, now)
      const taken = window.value.take(now)
      const headers = Reply.rateLimitHeaders(taken)
      if (taken.exceeded) {
        const wait = Reply.retryAfter(rateLimit.value.retryAfter, taken.resetAtMillis, now)
        return Effect.succeed(Reply.answer(answers.rateLimited, { ...headers, ...wait }))
      }
      const answered = answer(request, match, body, now)
      return logins.has(match.endpoint.name) && !rateLimit.value.headersOnLogin
        ? answered
        : Effect.map(answered, (response) => HttpServerResponse.setHeaders(response, headers))
    })
}

const logins: ReadonlyMap<Routes.Endpoint["name"], typeof LoginRoutes.login> = new Map([
  ["login", LoginRoutes.login],
  ["twoFactorLogin", LoginRoutes.twoFactorLogin],
  ["createAccessToken", LoginRoutes.createAccessToken]
])

/** The paths that are known with a slash of their own (hub-api.md §1). */
const withSlash: ReadonlySet<Routes.Endpoint["name"]> = new Set(["user", "logout"])

/** In memory the whole URL is known, on a socket only the Host header. */
const origin = (request: HttpServerRequest.HttpServerRequest): string =>
  /^https?:\/\/[^/]+/.exec(request.originalUrl)?.[0] ?? `http://${request.headers["host"] ?? "localhost"}`
