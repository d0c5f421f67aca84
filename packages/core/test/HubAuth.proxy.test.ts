import { assert, describe, it } from "@effect/vitest"
import { Credentials, HubAuth, HubPolicy } from "@effect-dockerhub/core"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const login = HubAuth.login(Credentials.password("ada", "correct horse battery staple"))

const failingWith = (code: string) => {
  const cause = Object.assign(new Error(`hunter2: ${code}`), { code })
  const client = HttpClient.make((request) =>
    Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause }))
  )
  return Layer.provide(HubAuth.layer, Layer.succeed(HttpClient.HttpClient, client))
}

describe("what a transport with a proxy and time limits fails with", () => {
  it.effect.each([
    ["a tunnel that the proxy refuses", "ERR_PROXY_TUNNEL", "Proxy", false],
    ["no answer within undici's own limit", "UND_ERR_HEADERS_TIMEOUT", "Reset", true],
    ["a body that stalls beyond undici's own limit", "UND_ERR_BODY_TIMEOUT", "Reset", true]
  ] as const)("%s (%s) is %s", ([, code, reason, sent]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.provide(login, failingWith(code)))
      assert.deepInclude(error, { _tag: "TransportFailure", reason, sent })
      assert.notInclude(error.message, "hunter2")
    }).pipe(HubPolicy.with({ maxRetries: 0 }))
  )
})
