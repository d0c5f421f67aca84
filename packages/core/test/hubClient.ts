// What the tests of HubClient stand on: ada's session over the emulator, and an HTTP layer that tells all it was given.
import type { AuthError } from "@effect-dockerhub/core"
import { AccessToken, HubAuth } from "@effect-dockerhub/core"
import * as HubClient from "@effect-dockerhub/core/HubClient"
import * as HubSession from "@effect-dockerhub/core/HubSession"
import { HubEmulator } from "@effect-dockerhub/core/testing"
import type { Faults } from "@effect-dockerhub/core/testing"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { ada, hub } from "./hub.ts"

/** A session with a single token at a time, which one login at a time brings. */
const sessionOf = (login: Effect.Effect<AccessToken.AccessToken, AuthError.AuthenticateError>) => {
  const one = Effect.unsafeMakeSemaphore(1)
  let current = Option.none<AccessToken.AccessToken>()
  const service: HubSession.Service = {
    token: Effect.suspend(() =>
      Option.match(current, {
        onSome: Effect.succeed,
        onNone: () => Effect.tap(login, (token) => Effect.sync(() => void (current = Option.some(token))))
      })
    ).pipe(one.withPermits(1)),
    invalidate: (rejected) =>
      Effect.sync(() => {
        current = Option.filter(current, (token) => Redacted.value(token.value) !== Redacted.value(rejected.value))
      }),
    reset: Effect.sync(() => void (current = Option.none())),
    logout: Effect.sync(() => void (current = Option.none())),
    events: Stream.empty
  }
  return service
}

/** HubClient as ada, and the emulator it talks to. */
export const hubClient = (options?: HubEmulator.Options) =>
  HubClient.layer.pipe(
    Layer.provideMerge(
      Layer.effect(
        HubSession.HubSession,
        Effect.map(HubAuth.HubAuth, (auth) => sessionOf(auth.createAccessToken(ada)))
      )
    ),
    Layer.provideMerge(hub({ rateLimit: false, ...options }))
  )

/** A fault of calls, by default of `/v2/user/`, so that logins have none. */
export const enqueue = (
  fault: Faults.Fault,
  { route = "user", times = 1 }: { readonly route?: HubEmulator.Route; readonly times?: number } = {}
) => Effect.flatMap(HubEmulator.HubEmulator, (emulator) => emulator.enqueue(fault, { route, times }))

/** What went over the wire, without the logins. */
export const calls = Effect.flatMap(HubEmulator.HubEmulator, (emulator) =>
  Effect.map(emulator.requests, (seen) => seen.filter(({ route }) => route !== "createAccessToken"))
)

export const callCount = Effect.map(calls, (seen) => seen.length)

/** The bearers of the calls, by the aliases that the emulator gives to secrets. */
export const bearers = Effect.map(calls, (seen) => seen.map(({ headers }) => headers["authorization"]))

export const logins = Effect.flatMap(HubEmulator.HubEmulator, (emulator) =>
  Effect.map(emulator.requests, (seen) => seen.filter(({ route }) => route === "createAccessToken").length)
)

export const get = (url: string) => Effect.flatMap(HubClient.HubClient, (client) => client.get(url))

export const execute = (request: HttpClientRequest.HttpClientRequest) =>
  Effect.flatMap(HubClient.HubClient, (client) => client.execute(request))

export interface Sent {
  readonly url: string
  readonly request: HttpClientRequest.HttpClientRequest
}

/** An HTTP layer that keeps what it is given and answers like this; a failure is what the transport threw. */
export const below = (answer: (sent: Sent) => Effect.Effect<Response, unknown>) => {
  const sent: Array<Sent> = []
  const client = HttpClient.make((request, url) =>
    Effect.suspend(() => {
      const one = { url: url.href, request }
      sent.push(one)
      return Effect.mapBoth(answer(one), {
        onSuccess: (response) => HttpClientResponse.fromWeb(request, response),
        onFailure: (cause) =>
          HttpClientError.isHttpClientError(cause)
            ? cause
            : new HttpClientError.RequestError({ request, reason: "Transport", cause })
      })
    })
  )
  return { client, sent }
}

export const ok = (body: string | null = null, init?: ResponseInit) => Effect.sync(() => new Response(body, init))

/** A client over such a layer, whose session gets its tokens like this. */
export const clientOf = (
  http: HttpClient.HttpClient,
  login: Effect.Effect<AccessToken.AccessToken, AuthError.AuthenticateError>
) => Effect.map(withSession(http, login), ({ client }) => client)

const withSession = (http: HttpClient.HttpClient, login: Parameters<typeof sessionOf>[0]) => {
  const session = sessionOf(login)
  return HubClient.make.pipe(
    Effect.provideService(HubSession.HubSession, session),
    Effect.provideService(HttpClient.HttpClient, http),
    Effect.map((client) => ({ client, session }))
  )
}

/** A client whose session hands out these tokens, each until it is invalidated. */
export const clientOver = (http: HttpClient.HttpClient, ...tokens: ReadonlyArray<string>) => {
  let asked = 0
  const login = Effect.suspend(() => token(tokens[asked++] ?? "no-more-tokens"))
  return Effect.map(withSession(http, login), (made) => ({ ...made, logins: Effect.sync(() => asked) }))
}

export const token = (value: string) => Effect.orDie(AccessToken.fromString(value))
