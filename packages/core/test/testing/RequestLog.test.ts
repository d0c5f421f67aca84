import { assert, describe, it } from "@effect/vitest"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { HubEmulator } from "@effect-dockerhub/core/testing"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { exchange, field, get, login, post, secondFactor, send } from "./ask.ts"

const seed = "JBSWY3DPEHPK3PXP"

const make = (password: string) =>
  HubEmulator.make({
    accounts: [
      {
        username: "ada",
        password,
        totpSecret: seed,
        personalAccessTokens: [{ token: "dckr_pat_secretsecretsecretsecret" }]
      }
    ]
  })

const bodies = (hub: HubEmulator.Service) => Effect.map(hub.requests, (requests) => requests.map((each) => each.body))

describe("recorded requests", () => {
  it.effect("equal secrets have equal aliases, different ones different aliases", () =>
    Effect.gen(function* () {
      const hub = yield* make("correct horse")
      yield* login(hub, "ada", "correct horse")
      yield* login(hub, "ada", "wrong")
      yield* exchange(hub, "ada", "correct horse")
      assert.deepStrictEqual(yield* bodies(hub), [
        { username: "ada", password: "<redacted #1>" },
        { username: "ada", password: "<redacted #2>" },
        { identifier: "ada", secret: "<redacted #1>" }
      ])
    })
  )

  it.effect("challenges, codes and bearers are masked, the scheme and the switch in the query are not", () =>
    Effect.gen(function* () {
      const hub = yield* make("correct horse")
      const challenge = field(yield* login(hub, "ada", "correct horse"), "login_2fa_token")
      const token = field(yield* secondFactor(hub, challenge, yield* hub.code("ada")), "token")
      yield* get(hub, "/v2/user/?page=1&refresh_token=true&token=hidden-value", token, "JWT")
      const [, second, third] = yield* hub.requests
      assert.deepStrictEqual(second?.body, { login_2fa_token: "<redacted #2>", code: "<redacted #3>" })
      assert.strictEqual(third?.headers["authorization"], "JWT <redacted #5>")
      assert.strictEqual(third?.path, "/v2/user/?page=1&refresh_token=true&token=<redacted #4>")
    })
  )

  it.effect("a cookie's value and a Basic credential are masked wherever else they stand", () =>
    Effect.gen(function* () {
      const hub = yield* make("correct horse")
      const headers = {
        cookie: "a=first-cookie; b=second-cookie",
        "x-copy": "second-cookie",
        authorization: "Basic YWRhOng="
      }
      yield* send(hub, HttpClientRequest.get("https://hub.docker.com/v2/x/YWRhOng=/first-cookie", { headers }))
      const record = JSON.stringify(yield* hub.requests)
      for (const secret of ["first-cookie", "second-cookie", "YWRhOng="]) assert.notInclude(record, secret)
      assert.include(record, "Basic <redacted #")
    })
  )

  it.effect("a body that is no JSON is recorded by its size alone, no body as none", () =>
    Effect.gen(function* () {
      const hub = yield* make("correct horse")
      const request = HttpClientRequest.post("https://hub.docker.com/v2/users/login")
      yield* send(hub, HttpClientRequest.bodyText(request, '{"password":"correct horse', "application/json"))
      yield* send(hub, request)
      assert.deepStrictEqual(yield* bodies(hub), ["<26 bytes, not JSON>", undefined])
    })
  )

  it.effect("words of the protocol stay readable for somebody whose password is such a word", () =>
    Effect.gen(function* () {
      const hub = yield* make("password")
      yield* login(hub, "ada", "password")
      const [request] = yield* hub.requests
      assert.strictEqual(request?.path, "/v2/users/login")
      assert.deepStrictEqual(request?.body, { username: "ada", password: "<redacted #1>" })
    })
  )

  it.effect("a body nested beyond reason is cut, and other JSON is kept as it is", () =>
    Effect.gen(function* () {
      const hub = yield* make("correct horse")
      const deep = `${"[".repeat(100)}${"]".repeat(100)}`
      const request = HttpClientRequest.post("https://hub.docker.com/v2/users/login")
      yield* send(hub, HttpClientRequest.bodyText(request, deep, "application/json"))
      yield* post(hub, "/v2/elsewhere", { a: [1, true, null, "text"], code: null, password: { nested: "value" } })
      const [first, second] = yield* bodies(hub)
      assert.include(JSON.stringify(first), "<too deep>")
      assert.deepStrictEqual(second, { a: [1, true, null, "text"], code: null, password: "<redacted #1>" })
    })
  )

  // Marked, so that a secret cannot by chance be a word of the protocol or of the mask itself.
  const secret = FastCheck.string({ minLength: 4, maxLength: 30, unit: "grapheme" })
    .filter((text) => text.trim() === text)
    .map((text) => `§${text}¶`)

  it.effect.prop(
    "no secret is in the record, wherever it was sent",
    [secret, secret, FastCheck.constantFrom("path", "query", "key", "value", "header", "form", "username", "number")],
    ([password, attempt, place]) =>
      Effect.gen(function* () {
        const hub = yield* make(password)
        const hide = (text: string) =>
          Effect.gen(function* () {
            const url = "https://hub.docker.com/v2/users/login"
            const encoded = encodeURIComponent(text)
            switch (place) {
              case "path":
                yield* get(hub, `/v2/namespaces/${encoded}/repositories`)
                return yield* get(hub, `/v2/elsewhere/${encoded}/x`)
              case "query":
                yield* get(hub, `/v2/user/?x=${encoded}&password=${encoded}`)
                return yield* get(hub, `/v2/user/?${encoded.replaceAll("%20", "+")}`)
              case "key":
                return yield* post(hub, "/v2/users/login", { [text]: [{ [text]: 1 }] })
              case "value":
                return yield* post(hub, "/v2/auth/token", { x: [`before ${text} after`], y: JSON.stringify({ text }) })
              case "header":
                return yield* send(hub, HttpClientRequest.get(url, { headers: { "x-any": encoded, cookie: encoded } }))
              case "form":
                return yield* send(
                  hub,
                  HttpClientRequest.post(url).pipe(
                    HttpClientRequest.bodyText(`password=${encoded}`, "application/x-www-form-urlencoded")
                  )
                )
              case "username":
                return yield* login(hub, text, "x")
              case "number":
                return yield* post(hub, "/v2/users/2fa-login", { code: 987654, other: 987654 })
            }
          })
        // Sent before it was known to be a secret, and after.
        yield* hide(attempt)
        yield* login(hub, "ada", attempt)
        yield* hide(attempt)
        yield* hide(password)
        yield* login(hub, "ada", password)
        const record = JSON.stringify(yield* hub.requests)
        for (const text of [password, attempt]) {
          assert.notInclude(record, JSON.stringify(text).slice(1, -1))
          assert.notInclude(record, encodeURIComponent(text))
        }
        assert.notInclude(record, "987654")
      }),
    { fastCheck: { numRuns: 200 } }
  )

  it.effect.prop(
    "no input makes the emulator fail or forget to answer",
    [FastCheck.string({ unit: "binary" }), FastCheck.json(), FastCheck.webPath(), FastCheck.webQueryParameters()],
    ([text, json, path, query]) =>
      Effect.gen(function* () {
        const hub = yield* make("correct horse")
        const url = `https://hub.docker.com/v2/users/login${path}?${query}`
        for (const target of [url, "https://hub.docker.com/v2/users/login", "https://hub.docker.com/v2/auth/token"]) {
          for (const body of [text, json]) {
            const answer = yield* send(
              hub,
              HttpClientRequest.post(target).pipe(HttpClientRequest.bodyText(body, "application/json"))
            )
            assert.isAtLeast(answer.status, 400)
          }
        }
        assert.strictEqual((yield* hub.requests).length, 6)
      }),
    { fastCheck: { numRuns: 200 } }
  )
})
