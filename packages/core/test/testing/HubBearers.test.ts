import { assert, describe, it } from "@effect/vitest"
import { HubEmulator } from "@effect-dockerhub/core/testing"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import { exchange, field, get, login, send } from "./ask.ts"
import { make, namesOf, oat, pat, publicPat, pullOat } from "./residents.ts"

describe("what a bearer opens", () => {
  it.effect("private repositories are seen by their owner alone", () =>
    Effect.gen(function* () {
      const hub = yield* make()
      const list = (bearer?: string) => get(hub, "/v2/namespaces/ada/repositories", bearer)
      const tags = (bearer?: string) => get(hub, "/v2/namespaces/ada/repositories/closed/tags", bearer)
      const owner = field(yield* login(hub, "ada", "correct horse"), "token")
      const reader = field(yield* exchange(hub, "ada", pat), "access_token")
      const publicReader = field(yield* exchange(hub, "ada", publicPat), "access_token")
      const stranger = field(yield* exchange(hub, "grace", `${pat}2`), "access_token")
      for (const bearer of [owner, reader]) {
        assert.deepStrictEqual(namesOf(yield* list(bearer)), ["open", "closed"])
        assert.deepStrictEqual(namesOf(yield* tags(bearer)), ["secret"])
      }
      for (const bearer of [undefined, publicReader, stranger]) {
        assert.deepStrictEqual(namesOf(yield* list(bearer)), ["open"])
        assert.strictEqual((yield* tags(bearer)).status, 404)
      }
      assert.strictEqual((yield* get(hub, "/v2/namespaces/ada/repositories/none/tags")).status, 404)
      assert.deepStrictEqual(namesOf(yield* get(hub, "/v2/namespaces/nobody/repositories")), [])
    })
  )

  it.effect("an organization token without the list scope gets 200 and, silently, no private repository", () =>
    Effect.gen(function* () {
      const hub = yield* make()
      const list = (secret: string) =>
        Effect.flatMap(exchange(hub, "acme", secret), (answer) =>
          get(hub, "/v2/namespaces/acme/repositories", field(answer, "access_token"))
        )
      assert.deepStrictEqual(namesOf(yield* list(oat)), ["product", "plans"])
      assert.deepStrictEqual(namesOf(yield* list(pullOat)), ["product"])
    })
  )

  it.effect("a junk bearer is refused even where none is needed, and so is a raw access token", () =>
    Effect.gen(function* () {
      const hub = yield* make()
      const token = field(yield* login(hub, "ada", "correct horse"), "token")
      for (const bearer of ["junk", pat, oat, `${token}x`]) {
        const refused = yield* get(hub, "/v2/namespaces/ada/repositories", bearer)
        assert.deepStrictEqual([refused.status, refused.json], [401, { message: "unauthorized", errinfo: {} }])
      }
      assert.strictEqual((yield* get(hub, "/v2/user/", token, "JWT")).status, 200)
      assert.strictEqual((yield* get(hub, "/v2/user/", token, "Basic")).status, 401)
    })
  )

  it.effect("tokens made from a PAT or an OAT may not manage tokens, an OAT may not use legacy routes", () =>
    Effect.gen(function* () {
      const hub = yield* make()
      const person = field(yield* login(hub, "ada", "correct horse"), "token")
      const personal = field(yield* exchange(hub, "ada", pat), "access_token")
      const organization = field(yield* exchange(hub, "acme", oat), "access_token")
      assert.strictEqual((yield* get(hub, "/v2/access-tokens", person)).json["count"], 2)
      assert.strictEqual((yield* get(hub, "/v2/access-tokens")).status, 401)
      const refused = yield* get(hub, "/v2/access-tokens", personal)
      assert.strictEqual(refused.status, 403)
      assert.strictEqual(field(refused, "message"), "token issued from personal access token is not allowed")
      for (const path of ["/v2/access-tokens", "/v2/repositories/acme", "/v2/user/"]) {
        const forbidden = yield* get(hub, path, organization)
        assert.strictEqual(forbidden.status, 403)
        assert.strictEqual(field(forbidden, "message"), "token issued from organization access token is not allowed")
      }
      assert.strictEqual((yield* get(hub, "/v2/repositories/ada", personal)).status, 200)
    })
  )

  it.effect("lists come in pages, whose links lead to where the request went", () =>
    Effect.gen(function* () {
      const tags = Array.from({ length: 25 }, (_, index) => `v${index}`)
      const hub = yield* HubEmulator.make({ repositories: [{ namespace: "ada", name: "open", tags }] })
      const path = "/v2/namespaces/ada/repositories/open/tags"
      const first = yield* get(hub, path)
      assert.strictEqual(first.json["count"], 25)
      assert.strictEqual(first.json["previous"], null)
      assert.strictEqual(first.json["next"], `https://hub.docker.com${path}?page=2&page_size=10`)
      const last = yield* get(hub, `${path}?page=3`)
      assert.deepStrictEqual(namesOf(last), ["v20", "v21", "v22", "v23", "v24"])
      assert.strictEqual(last.json["next"], null)
      assert.strictEqual(namesOf(yield* get(hub, `${path}?page_size=1000`)).length, 25)
      for (const page of ["4", "0", "-1", "x", "1.5"]) {
        assert.strictEqual((yield* get(hub, `${path}?page=${page}`)).status, 404)
      }
    })
  )

  it.effect("logout says so, revokes, or is gone", () =>
    Effect.gen(function* () {
      const outcome = (logout?: "accepted" | "revokes" | "absent") =>
        Effect.gen(function* () {
          const hub = yield* make({ logout })
          const token = field(yield* login(hub, "ada", "correct horse"), "token")
          const request = HttpClientRequest.post("https://hub.docker.com/v2/logout/").pipe(
            HttpClientRequest.setHeader("authorization", `JWT ${token}`)
          )
          const answer = yield* send(hub, request)
          return [answer.status, answer.json["detail"], (yield* get(hub, "/v2/user/", token)).status]
        })
      assert.deepStrictEqual(yield* outcome(), [200, "Logged out", 200])
      assert.deepStrictEqual(yield* outcome("revokes"), [200, "Logged out", 401])
      assert.deepStrictEqual(yield* outcome("absent"), [404, undefined, 200])
    })
  )
})
