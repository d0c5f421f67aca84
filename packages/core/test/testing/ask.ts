// ask: the few ways in which the emulator's tests talk to it.

import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  /** The parsed body; the empty object when it is no JSON object. */
  readonly json: Readonly<Record<string, unknown>>
}

interface Asked {
  readonly httpClient: HttpClient.HttpClient
}

const record = Schema.decodeUnknownOption(
  Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown }))
)

export const send = (
  { httpClient }: Asked,
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<Answer, HttpClientError.HttpClientError> =>
  Effect.gen(function* () {
    const response = yield* httpClient.execute(request)
    const text = yield* response.text
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: Option.getOrElse(record(text), () => ({}))
    }
  })

export const post = (hub: Asked, path: string, body: unknown, origin = "https://hub.docker.com") =>
  send(hub, HttpClientRequest.post(`${origin}${path}`).pipe(HttpClientRequest.bodyUnsafeJson(body)))

export const get = (hub: Asked, path: string, bearer?: string, scheme = "Bearer") =>
  send(
    hub,
    HttpClientRequest.get(`https://hub.docker.com${path}`).pipe(
      bearer === undefined ? (request) => request : HttpClientRequest.setHeader("authorization", `${scheme} ${bearer}`)
    )
  )

export const login = (hub: Asked, username: string, password: string) =>
  post(hub, "/v2/users/login", { username, password })

export const exchange = (hub: Asked, identifier: string, secret: string) =>
  post(hub, "/v2/auth/token", { identifier, secret })

export const secondFactor = (hub: Asked, challenge: string, code: string) =>
  post(hub, "/v2/users/2fa-login", { login_2fa_token: challenge, code })

/** A field that must be a string for the test to go on. */
export const field = (answer: Answer, name: string): string => {
  const value = answer.json[name]
  if (typeof value !== "string") throw new Error(`no ${name} in ${answer.status} ${answer.text}`)
  return value
}
