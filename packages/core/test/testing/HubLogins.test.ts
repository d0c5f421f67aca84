import { assert, describe, it } from "@effect/vitest"
import type { HubEmulator } from "@effect-dockerhub/core/testing"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Jose from "jose"
import { exchange, field, get, login, post, secondFactor, send } from "./ask.ts"
import { make, oat, pat, publicPat, today } from "./residents.ts"

describe("password and token logins", () => {
  it.effect("a right password brings a token with every claim of Hub's", () =>
    Effect.gen(function* () {
      yield* today
      const hub = yield* make()
      const answer = yield* login(hub, "ada", "correct horse")
      assert.strictEqual(answer.status, 200)
      const claims = Jose.decodeJwt(field(answer, "token"))
      assert.strictEqual(claims.aud, "https://hub.docker.com")
      assert.strictEqual(claims.iss, "https://api.docker.com/")
      assert.strictEqual(claims.iat, 1_770_000_000)
      assert.strictEqual(claims.exp, 1_770_000_600)
      assert.strictEqual(claims.sub, undefined)
      assert.strictEqual(claims["scope"], "repo:admin")
      const own = claims["https://hub.docker.com"]
      assert.deepInclude(own, { email: "ada@example.com", roles: [], session_id: claims.jti, username: "ada" })
    })
  )

  it.effect(
    "a personal access token logs in at both routes without a second factor, and its scopes become the claim",
    () =>
      Effect.gen(function* () {
        const hub = yield* make()
        assert.strictEqual((yield* login(hub, "grace", `${pat}2`)).status, 200)
        const answer = yield* exchange(hub, "ADA", publicPat)
        assert.strictEqual(Jose.decodeJwt(field(answer, "access_token"))["scope"], "repo:public_read")
      })
  )

  it.effect("an organization token is exchanged under the organization's name and refused at the login route", () =>
    Effect.gen(function* () {
      const hub = yield* make()
      assert.strictEqual((yield* exchange(hub, "acme", oat)).status, 200)
      assert.strictEqual((yield* exchange(hub, "ada", oat)).status, 401)
      const refused = yield* login(hub, "acme", oat)
      assert.deepStrictEqual(
        [refused.status, refused.json],
        [401, { detail: "Cannot log into an organization account" }]
      )
      const lenient = yield* make({ organizationTokenAtLogin: "accepted" })
      assert.strictEqual((yield* login(lenient, "acme", oat)).status, 200)
      assert.strictEqual((yield* login(lenient, "acme", "dckr_oat_wrong")).status, 401)
    })
  )

  it.effect("wrong secrets are refused in the envelope of their route", () =>
    Effect.gen(function* () {
      const hub = yield* make({
        answers: { wrongPersonalAccessToken: { status: 401, body: { detail: "unauthorized" } } }
      })
      const wrong = yield* login(hub, "ada", "incorrect horse")
      assert.deepStrictEqual([wrong.status, wrong.json], [401, { detail: "Incorrect authentication credentials" }])
      assert.deepStrictEqual((yield* login(hub, "ada", "dckr_pat_wrong")).json, { detail: "unauthorized" })
      assert.deepStrictEqual((yield* exchange(hub, "nobody", "x")).json, { message: "unauthorized", errinfo: {} })
      assert.strictEqual((yield* login(hub, "sso", "single sign on")).status, 401)
      assert.deepStrictEqual((yield* login(hub, "stale", "renew this")).json, { detail: "Password reset required" })
    })
  )

  it.effect("a request that is not well formed is a 400, an unknown media type a 415", () =>
    Effect.gen(function* () {
      const hub = yield* make()
      const raw = (body: string, type: string) =>
        send(
          hub,
          HttpClientRequest.post("https://hub.docker.com/v2/users/login").pipe(HttpClientRequest.bodyText(body, type))
        )
      const empty = yield* send(hub, HttpClientRequest.post("https://hub.docker.com/v2/users/login"))
      assert.deepStrictEqual([empty.status, empty.json], [400, { detail: "malformed request: EOF" }])
      assert.strictEqual((yield* raw("{", "application/json")).status, 400)
      assert.strictEqual((yield* raw("[]", "application/json; charset=utf-8")).status, 400)
      assert.strictEqual((yield* raw('{"username":"ada"}', "application/json")).status, 400)
      assert.strictEqual((yield* raw('{"username":"ada","password":1}', "application/json")).status, 400)
      assert.strictEqual((yield* raw("username=ada&password=x", "application/x-www-form-urlencoded")).status, 415)
      assert.strictEqual((yield* exchange(hub, "ada", "")).status, 400)
      assert.strictEqual((yield* secondFactor(hub, "", "123456")).status, 400)
    })
  )

  it.effect("trailing slashes are tolerated, or not; other methods and paths are refused", () =>
    Effect.gen(function* () {
      const hub = yield* make()
      const body = { username: "ada", password: "correct horse" }
      assert.strictEqual((yield* post(hub, "/v2/users/login/", body)).status, 200)
      assert.strictEqual((yield* get(hub, "/v2/users/login")).status, 405)
      assert.strictEqual((yield* get(hub, "/v2/nowhere")).status, 404)
      assert.strictEqual((yield* get(hub, "/")).status, 404)
      const strict = yield* make({ trailingSlashes: "not-found" })
      assert.strictEqual((yield* post(strict, "/v2/users/login/", body)).status, 404)
      assert.strictEqual((yield* get(strict, "/v2/user/")).status, 401)
      const head = yield* hub.httpClient.head("https://hub.docker.com/v2/namespaces/ada/repositories")
      assert.strictEqual(head.status, 200)
      assert.strictEqual(yield* head.text, "")
    })
  )

  it.effect("?refresh_token=true brings a refresh token to those logins that may have one", () =>
    Effect.gen(function* () {
      const ask = (hub: HubEmulator.Service) =>
        post(hub, "/v2/users/login?refresh_token=true", { username: "ada", password: "correct horse" })
      assert.isString((yield* ask(yield* make())).json["refresh_token"])
      assert.isUndefined((yield* ask(yield* make({ refreshToken: "two-factor" }))).json["refresh_token"])
      const hub = yield* make({ refreshToken: "two-factor" })
      const challenge = field(yield* login(hub, "grace", "battery staple"), "login_2fa_token")
      const code = yield* hub.code("grace")
      const answer = yield* post(hub, "/v2/users/2fa-login?refresh_token=true", { login_2fa_token: challenge, code })
      assert.isString(answer.json["refresh_token"])
    })
  )

  it.effect("tokens may have a subject, an audience that is a list, a true signature and another lifetime", () =>
    Effect.gen(function* () {
      yield* today
      const key = "a key of thirty-two characters.."
      const hub = yield* make({
        subject: true,
        audience: "array",
        signingKey: key,
        tokenLifetime: 1500,
        loginTokenLifetime: "30 days"
      })
      const short = field(yield* exchange(hub, "ada", pat), "access_token")
      const { payload } = yield* Effect.promise(() =>
        Jose.jwtVerify(short, new TextEncoder().encode(key), { currentDate: new Date(1_770_000_000_000) })
      )
      assert.deepStrictEqual(payload.aud, ["https://hub.docker.com"])
      assert.isString(payload.sub)
      assert.strictEqual(payload.exp, 1_770_000_001.5)
      const long = Jose.decodeJwt(field(yield* login(hub, "ada", pat), "token"))
      assert.strictEqual(Number(long.exp) - Number(long.iat), 30 * 86_400)
    })
  )
})
