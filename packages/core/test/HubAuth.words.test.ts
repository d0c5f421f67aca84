import { assert, describe, it } from "@effect/vitest"
import type { AuthError } from "@effect-dockerhub/core"
import { Credentials, HubAuth, HubPolicy } from "@effect-dockerhub/core"
import { Faults } from "@effect-dockerhub/core/testing"
import * as Effect from "effect/Effect"
import { UnsecuredJWT } from "jose"
import { inspect } from "node:util"
import { ada, enqueue, graceToken, hub, OAT, operations, PASSWORD } from "./hub.ts"

type Login = Effect.Effect<unknown, AuthError.LoginError | AuthError.TwoFactorLoginError, HubAuth.HubAuth>

/** The error that this answer ends an operation with, a login unless said otherwise. */
const errorOf = (answer: Parameters<typeof Faults.respond>[0], login: Login = HubAuth.login(ada)) =>
  Effect.zipRight(enqueue(Faults.respond(answer)), Effect.flip(login)).pipe(
    HubPolicy.with({ maxRetries: 0 }),
    Effect.provide(hub())
  )

/** What such an error says. */
const said = (answer: Parameters<typeof Faults.respond>[0], login?: Login) =>
  Effect.map(errorOf(answer, login), (error) =>
    "detail" in error ? error.detail : error._tag === "UnexpectedResponse" ? error.reason : error._tag
  )

const WITHHELD = "(the server repeated a secret; its text was dropped)"

describe("what the server says", () => {
  it.effect.each([
    [{ detail: "a", message: "b", error: "c" }, "a"],
    [{ detail: "", message: "b" }, "b"],
    [{ message: "b", errinfo: { http_status: 401, detail: "x" } }, "b"],
    [{ error: "c" }, "c"],
    [{ detail: ["x"], message: "b" }, "b"],
    [{}, ""],
    ["plain words", "plain words"],
    ["line\r\none\u001b[31m\u202etwo\u0000", "line one [31m two"],
    [{ detail: `${"x".repeat(499)}😀` }, `${"x".repeat(499)}…`],
    [{ detail: "y".repeat(501) }, `${"y".repeat(499)}…`],
    [{ detail: "z".repeat(500) }, "z".repeat(500)]
  ] as const)("%j reaches the error as %j", ([body, detail]) =>
    Effect.map(said({ status: 401, body }), (found) => assert.strictEqual(found, detail))
  )

  it.effect("is on one line, however a line ends where the server comes from", () =>
    Effect.map(said({ status: 401, body: "one\u2028two\u2029three\u0085four" }), (found) =>
      assert.strictEqual(found, "one two three four")
    )
  )

  it.effect.each([
    [400, "UnexpectedResponse"],
    [401, "InvalidCredentials"],
    [403, "AccessDenied"],
    [404, "UnexpectedResponse"],
    [429, "RateLimited"],
    [500, "ServiceUnavailable"],
    [503, "ServiceUnavailable"]
  ] as const)("reaches the error of a %i, which is %s", ([status, tag]) =>
    Effect.gen(function* () {
      const answer = { status, body: { message: "why it could not be" } }
      const error = yield* errorOf(answer)
      assert.strictEqual(error._tag, tag)
      assert.include(error.message, "why it could not be")
      assert.strictEqual(yield* said(answer), "why it could not be")
    })
  )

  it.effect("reaches the error of a refused code, and comes with a challenge", () =>
    Effect.gen(function* () {
      const refused = yield* errorOf({ status: 401, body: { detail: "too old" } }, operations.twoFactorLogin)
      assert.deepInclude(refused, { _tag: "InvalidTwoFactorCode", detail: "too old" })
      const challenged = yield* errorOf({ status: 401, body: { detail: "and a code", login_2fa_token: "c" } })
      assert.deepInclude(challenged, { _tag: "TwoFactorRequired", detail: "and a code" })
    })
  )

  it.effect("is that it said nothing, where it said nothing", () =>
    Effect.map(said({ status: 400, body: {} }), (found) => assert.strictEqual(found, "no reason given"))
  )

  it.effect("is but named where it is a page for people", () =>
    Effect.gen(function* () {
      const page = "<html><body>Service Unavailable</body></html>"
      assert.strictEqual(yield* said({ status: 503, body: page }), "(an HTML page)")
      const headers = { "content-type": "text/html; charset=utf-8" }
      assert.strictEqual(yield* said({ status: 503, body: "Service Unavailable", headers }), "(an HTML page)")
    })
  )
})

describe("a secret that was sent and comes back", () => {
  const echoes = (text: string) => [
    { status: 401, body: { detail: text } },
    { status: 403, body: { message: text } },
    { status: 503, body: { error: text } },
    { status: 401, body: text }
  ]

  it.effect.each([
    ["as it is", PASSWORD, PASSWORD],
    ["where the text would be cut", PASSWORD, `${"x".repeat(490)}${PASSWORD}`],
    ["of four characters, the shortest that can be told from chance", "q7!x", "q7!x"],
    ["with a line break for its blank, which printing would mend", PASSWORD, PASSWORD.replace(" ", "\n")],
    ["with a line separator for its blank", PASSWORD, PASSWORD.replace(" ", "\u2028")],
    ["with an invisible character beside its blank", PASSWORD, PASSWORD.replace(" ", "\u200b ")],
    ["as JSON spells it", 'pa"ss\\wörd', JSON.stringify('pa"ss\\wörd')],
    ["as JSON spells a line break", "two\nlines", JSON.stringify("two\nlines")],
    ["as Go's JSON spells it", "tom&jerry<3", String.raw`tom\u0026jerry\u003c3`],
    ["as Python's JSON spells it", "pässwörd", String.raw`p\u00e4ssw\u00f6rd`],
    ["as JSON in capitals spells it", "pässwörd", String.raw`p\u00E4ssw\u00F6rd`],
    ["as JSON within JSON spells it", 'pa"ss\\wörd', JSON.stringify(JSON.stringify('pa"ss\\wörd'))],
    ["as Go's JSON within JSON spells it", "tom&jerry<3", String.raw`tom\\u0026jerry\\u003c3`],
    ["as a URL spells it", PASSWORD, encodeURIComponent(PASSWORD)],
    ["as a URL spells it, in small letters", "pä ss?", "p%c3%a4%20ss%3f"],
    ["as a form spells it", "pä ss(1)+!", new URLSearchParams({ password: "pä ss(1)+!" }).toString()],
    ["as a form spells it, in small letters", "pä ss", "p%c3%a4+ss"],
    ["as a URL within a URL spells it", "pä ss?", encodeURIComponent(encodeURIComponent("pä ss?"))],
    ["as JSON within a URL spells it", "tom&jerry<3", encodeURIComponent(String.raw`tom\u0026jerry\u003c3`)],
    ["as encodeURI spells it, its plus left alone", "one+two ö", "one+two%20%C3%B6"],
    ["as Python's quote() spells it, its slash left alone", "either/or ö", "either/or%20%C3%B6"],
    ["with half a character, which is printed as a replacement", "pass\ud800word", "pass\ud800word"],
    ["with half a character, as a URL spells it", "pass\ud800word", "pass%EF%BF%BDword"]
  ] as const)("is dropped with all that was said: %s", ([, secret, spelling]) =>
    Effect.gen(function* () {
      for (const answer of echoes(`no: ${spelling}`)) {
        const error = yield* errorOf(answer, HubAuth.login(Credentials.password("ada", secret)))
        assert.include(error.message, WITHHELD)
        for (const printed of [error.message, JSON.stringify(error), inspect(error, { depth: null })]) {
          assert.notInclude(printed, secret)
          assert.notInclude(printed, spelling)
        }
      }
    })
  )

  it.effect("may be a word of three letters, which text holds by chance", () =>
    Effect.map(
      said({ status: 401, body: "the gateway said no" }, HubAuth.login(Credentials.password("ada", "way"))),
      (found) => assert.strictEqual(found, "the gateway said no")
    )
  )

  it.effect.each([
    ["login's password", HubAuth.login(ada), PASSWORD],
    ["createAccessToken's secret", HubAuth.createAccessToken(ada), PASSWORD],
    ["twoFactorLogin's challenge", operations.twoFactorLogin, "a-challenge"],
    ["twoFactorLogin's code", operations.twoFactorLogin, "123456"]
  ] as const)("may be %s alone", ([, login, secret]) =>
    Effect.gen(function* () {
      for (const answer of echoes(`refused: ${secret}`)) {
        assert.include((yield* errorOf(answer, login)).message, WITHHELD)
      }
    })
  )
})

describe("a secret that nobody sent", () => {
  const jwt = new UnsecuredJWT({ sub: "ada" }).encode()

  it.effect.each([
    [
      "a token handed out in the same answer",
      { status: 400, body: { detail: "abcdefgh.ijkl", token: "abcdefgh.ijkl" } }
    ],
    ["another such token", { status: 400, body: { detail: "abcdefgh.ijkl", access_token: "abcdefgh.ijkl" } }],
    [
      "a challenge handed out in the same answer",
      { status: 400, body: { detail: "abcdefgh", login_2fa_token: "abcdefgh" } }
    ],
    ["a refresh token in the detail", { status: 400, body: { detail: `refresh_token ${jwt}`, refresh_token: jwt } }],
    ["a token in plain text", { status: 201, body: `token=${jwt}` }],
    ["somebody's personal access token", { status: 400, body: { message: `dckr_pat_${"z".repeat(27)} is revoked` } }],
    [
      "an organization's access token",
      { status: 400, body: `${OAT.replaceAll("o", "z").replace("dckr_zat", "dckr_oat")} is revoked` }
    ]
  ] as const)("is dropped with all that was said: %s", ([, answer]) =>
    Effect.map(said(answer), (found) => assert.strictEqual(found, WITHHELD))
  )

  it.effect.each([
    ["an object that breaks off", '{"token":"opaque-and-secret",'],
    ["an object with blanks before it", ' \n{"token":"opaque-and-secret"}}'],
    ["a list", '["opaque-and-secret"]'],
    ["a list that breaks off", '["opaque-and-secret"'],
    ["a text", '"opaque-and-secret"']
  ] as const)("is not printed with data of which nobody knows what is secret: %s", ([, body]) =>
    Effect.gen(function* () {
      for (const login of [HubAuth.login(ada), HubAuth.createAccessToken(graceToken), operations.twoFactorLogin]) {
        const error = yield* errorOf({ status: 400, body }, login)
        assert.include(error.message, "(JSON of an unknown shape)")
        assert.notInclude(inspect(error, { depth: null }), "opaque-and-secret")
      }
    })
  )
})
