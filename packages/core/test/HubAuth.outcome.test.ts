import { assert, describe, it } from "@effect/vitest"
import { AccessToken, AuthError, HubAuth, HubConfig, HubPolicy } from "@effect-dockerhub/core"
import { Faults, HubEmulator } from "@effect-dockerhub/core/testing"
import * as HttpClient from "@effect/platform/HttpClient"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { UnsecuredJWT } from "jose"
import {
  acmeToken,
  ada,
  enqueue,
  grace,
  graceToken,
  hub,
  operationNames,
  operations,
  PASSWORD,
  requests,
  timed
} from "./hub.ts"

/** The outcome of each operation when the server has this fault, without retries. */
const outcomes = (fault: Faults.Fault) =>
  Effect.forEach(operationNames, (name) =>
    Effect.zipRight(enqueue(fault), Effect.either(operations[name])).pipe(
      Effect.map(Either.match({ onLeft: (error) => error._tag, onRight: () => "AccessToken" as const })),
      Effect.provide(hub())
    )
  ).pipe(HubPolicy.with({ maxRetries: 0 }))

type Outcome = AuthError.AuthError["_tag"] | "AccessToken"

const everywhere = (outcome: Outcome): ReadonlyArray<Outcome> => [outcome, outcome, outcome]

const page = "<html><body><h1>503 Service Unavailable</h1></body></html>"

const table: ReadonlyArray<readonly [response: string, fault: Faults.Fault, outcome: ReadonlyArray<Outcome>]> = [
  ["a challenge page", Faults.challengePage(), everywhere("EdgeBlocked")],
  ["a challenge page with 200", Faults.challengePage({ status: 200 }), everywhere("EdgeBlocked")],
  ["a challenge page with 503", Faults.challengePage({ status: 503 }), everywhere("EdgeBlocked")],
  ["a challenge page with 429", Faults.challengePage({ status: 429 }), everywhere("EdgeBlocked")],
  [
    "a challenge page known by its text alone",
    Faults.respond({ status: 200, body: "<title>Just a moment...</title>" }),
    everywhere("EdgeBlocked")
  ],
  [
    "cf-mitigated on JSON",
    Faults.respond({ status: 401, body: {}, headers: { "cf-mitigated": "block" } }),
    everywhere("EdgeBlocked")
  ],
  ["error code: 1010", Faults.errorCode1010, everywhere("EdgeBlocked")],
  ["error code: 1020 with 429", Faults.respond({ status: 429, body: "error code: 1020\n" }), everywhere("EdgeBlocked")],
  [
    "text with the edge's words inside",
    Faults.respond({ status: 401, body: "the login is off after error code: 1010" }),
    ["InvalidCredentials", "InvalidTwoFactorCode", "InvalidCredentials"]
  ],
  [
    "text that begins with the edge's words",
    Faults.respond({ status: 401, body: "error code: 1010 was logged" }),
    ["InvalidCredentials", "InvalidTwoFactorCode", "InvalidCredentials"]
  ],
  [
    "JSON that says just a moment",
    Faults.respond({ status: 401, body: { detail: "Just a moment" } }),
    ["InvalidCredentials", "InvalidTwoFactorCode", "InvalidCredentials"]
  ],
  ["429 in JSON", Faults.rateLimited(), everywhere("RateLimited")],
  ["429 in text", Faults.hap429, everywhere("RateLimited")],
  ["429 with a page", Faults.respond({ status: 429, body: page }), everywhere("RateLimited")],
  ["429 without a body", Faults.respond({ status: 429 }), everywhere("RateLimited")],
  ["429 with a challenge", Faults.respond({ status: 429, body: { login_2fa_token: "x" } }), everywhere("RateLimited")],
  ["500", Faults.status(500), everywhere("ServiceUnavailable")],
  ["503 with a page", Faults.respond({ status: 503, body: page }), everywhere("ServiceUnavailable")],
  ["599", Faults.status(599), everywhere("ServiceUnavailable")],
  ["403 in text", Faults.respond({ status: 403, body: "Forbidden" }), everywhere("EdgeBlocked")],
  ["403 with a page", Faults.respond({ status: 403, body: page }), everywhere("EdgeBlocked")],
  ["403 without a body", Faults.respond({ status: 403 }), everywhere("EdgeBlocked")],
  ["401 with a page", Faults.respond({ status: 401, body: page }), everywhere("EdgeBlocked")],
  [
    "401 that calls itself a page",
    Faults.respond({ status: 401, body: "no", headers: { "content-type": "Text/HTML; charset=utf-8" } }),
    everywhere("EdgeBlocked")
  ],
  ["407", Faults.status(407), everywhere("TransportFailure")],
  [
    "401 with a challenge",
    Faults.respond({ status: 401, body: { detail: "", login_2fa_token: "x" } }),
    ["TwoFactorRequired", "UnexpectedResponse", "TwoFactorRequired"]
  ],
  [
    "200 with a challenge",
    Faults.respond({ status: 200, body: { login_2fa_token: "x" } }),
    ["TwoFactorRequired", "UnexpectedResponse", "TwoFactorRequired"]
  ],
  [
    "200 with a challenge and a token",
    Faults.respond({ status: 200, body: { login_2fa_token: "x", token: "t", access_token: "t" } }),
    ["TwoFactorRequired", "UnexpectedResponse", "TwoFactorRequired"]
  ],
  [
    "401 with an empty challenge",
    Faults.respond({ status: 401, body: { login_2fa_token: "" } }),
    ["InvalidCredentials", "InvalidTwoFactorCode", "InvalidCredentials"]
  ],
  [
    "401 with a challenge that is no text",
    Faults.respond({ status: 401, body: { login_2fa_token: { a: 1 } } }),
    ["InvalidCredentials", "InvalidTwoFactorCode", "InvalidCredentials"]
  ],
  [
    "400 with a challenge",
    Faults.respond({ status: 400, body: { login_2fa_token: "x" } }),
    everywhere("UnexpectedResponse")
  ],
  [
    "200 with both tokens",
    Faults.respond({ status: 200, body: { token: "abc", access_token: "abc" } }),
    everywhere("AccessToken")
  ],
  [
    "200 with login's token",
    Faults.respond({ status: 200, body: { token: "abc" } }),
    ["AccessToken", "AccessToken", "UnexpectedResponse"]
  ],
  [
    "200 with the other token",
    Faults.respond({ status: 200, body: { access_token: "abc" } }),
    ["UnexpectedResponse", "UnexpectedResponse", "AccessToken"]
  ],
  [
    "200 with an empty token",
    Faults.respond({ status: 200, body: { token: "", access_token: "" } }),
    everywhere("UnexpectedResponse")
  ],
  [
    "200 with a token that is no text",
    Faults.respond({ status: 200, body: { token: 1, access_token: null } }),
    everywhere("UnexpectedResponse")
  ],
  [
    "200 with a token no header can hold",
    Faults.respond({ status: 200, body: { token: "a\r\nb: c", access_token: "a b" } }),
    everywhere("UnexpectedResponse")
  ],
  ["200 with a page", Faults.respond({ status: 200, body: page }), everywhere("UnexpectedResponse")],
  ["200 with a list", Faults.respond({ status: 200, body: ["token"] }), everywhere("UnexpectedResponse")],
  ["200 without a body", Faults.respond({ status: 200 }), everywhere("UnexpectedResponse")],
  [
    "401 in Django's envelope",
    Faults.respond({ status: 401, body: { detail: "no" } }),
    ["InvalidCredentials", "InvalidTwoFactorCode", "InvalidCredentials"]
  ],
  [
    "401 in the gateway's envelope",
    Faults.respond({ status: 401, body: { message: "unauthorized", errinfo: { a: {} } } }),
    ["InvalidCredentials", "InvalidTwoFactorCode", "InvalidCredentials"]
  ],
  [
    "401 in text",
    Faults.respond({ status: 401, body: "Unauthorized" }),
    ["InvalidCredentials", "InvalidTwoFactorCode", "InvalidCredentials"]
  ],
  [
    "401 without a body",
    Faults.respond({ status: 401 }),
    ["InvalidCredentials", "InvalidTwoFactorCode", "InvalidCredentials"]
  ],
  ["403 in JSON", Faults.status(403), everywhere("AccessDenied")],
  ["403 in JSON that is no object", Faults.respond({ status: 403, body: '"forbidden"' }), everywhere("AccessDenied")],
  ["302", Faults.redirect("https://evil.example/"), everywhere("UnexpectedResponse")],
  ["307", Faults.redirect("https://evil.example/", 307), everywhere("UnexpectedResponse")],
  [
    "201 with a token",
    Faults.respond({ status: 201, body: { token: "abc", access_token: "abc" } }),
    everywhere("UnexpectedResponse")
  ],
  ["204", Faults.respond({ status: 204 }), everywhere("UnexpectedResponse")],
  ["400", Faults.status(400), everywhere("UnexpectedResponse")],
  ["404", Faults.status(404), everywhere("UnexpectedResponse")],
  ["422", Faults.status(422), everywhere("UnexpectedResponse")],
  ["a body that ends early", Faults.truncatedBody(), everywhere("TransportFailure")],
  ["a connection that breaks", Faults.resetAfterBody(), everywhere("TransportFailure")],
  ["a body over 1 MiB", Faults.oversizedBody(1024 * 1024 + 1), everywhere("UnexpectedResponse")]
]

describe("from response to outcome", () => {
  it.effect.each(table)("%s", ([, fault, expected]) =>
    Effect.map(outcomes(fault), (found) => assert.deepStrictEqual(found, expected))
  )

  it.effect("reads a body of exactly 1 MiB", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.respond({ status: 200, body: JSON.stringify({ token: "abc" }).padEnd(1024 * 1024) }))
      assert.strictEqual(Redacted.value((yield* HubAuth.login(ada)).value), "abc")
    }).pipe(Effect.provide(hub()))
  )

  it.effect("takes a body that ends early for a broken connection, after which the request may have been served", () =>
    Effect.gen(function* () {
      for (const fault of [Faults.truncatedBody(), Faults.resetAfterBody()]) {
        yield* enqueue(fault)
        const error = yield* Effect.flip(HubAuth.login(ada))
        assert.deepInclude(error, { _tag: "TransportFailure", reason: "Reset", sent: true })
      }
      yield* enqueue(Faults.status(407))
      assert.deepInclude(yield* Effect.flip(HubAuth.login(ada)), {
        _tag: "TransportFailure",
        reason: "Proxy",
        sent: true
      })
    }).pipe(HubPolicy.with({ maxRetries: 0 }), Effect.provide(hub()))
  )

  it.effect("tells the ray of a block, for the edge's support", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.challengePage())
      assert.deepInclude(yield* Effect.flip(HubAuth.login(ada)), {
        status: 403,
        rayId: Option.some("9a1b2c3d4e5f6a7b-FRA")
      })
      yield* enqueue(Faults.challengePage({ rayId: PASSWORD }))
      assert.deepInclude(yield* Effect.flip(HubAuth.login(ada)), { status: 403, rayId: Option.none() })
    }).pipe(Effect.provide(hub()))
  )

  it.effect("tells what the rate-limit headers said", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.rateLimited({ after: "45 seconds" }))
      const error = yield* Effect.flip(HubAuth.login(ada))
      assert.deepInclude(error, { _tag: "RateLimited", retryAfter: Option.some(Duration.seconds(45)) })
      assert.isTrue(error._tag === "RateLimited" && Option.isSome(error.rateLimit))
    }).pipe(Effect.provide(hub()))
  )

  it.effect("takes an answer for an answer although the layer below reports it as an error", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(HubAuth.login(ada))
      assert.strictEqual(error._tag, "InvalidCredentials")
    }).pipe(
      Effect.provide(
        HubAuth.layer.pipe(
          Layer.provide(
            Layer.effect(HttpClient.HttpClient, Effect.map(HttpClient.HttpClient, HttpClient.filterStatusOk))
          ),
          Layer.provide(HubEmulator.layer())
        )
      )
    )
  )
})

describe("the token", () => {
  const answered = (claims: Record<string, unknown>, config?: HubConfig.Options) =>
    Effect.gen(function* () {
      const token = new UnsecuredJWT(claims).encode()
      yield* enqueue(Faults.respond({ status: 200, body: { token } }))
      return yield* HubAuth.login(ada).pipe(
        Effect.match({ onFailure: (error) => error._tag, onSuccess: () => "AccessToken" })
      )
    }).pipe(Effect.provide(Layer.provide(hub(), HubConfig.layer(config ?? {}))))

  const ours = { iss: "https://api.docker.com/", aud: "https://hub.docker.com", exp: 600 }

  it.effect.each([
    ["Hub's own", ours, "AccessToken"],
    [
      "the other issuer, with a list of audiences",
      { ...ours, iss: "https://login.docker.com/", aud: ["x", "https://hub.docker.com"] },
      "AccessToken"
    ],
    ["one that says nothing", {}, "AccessToken"],
    ["a foreign issuer", { ...ours, iss: "https://evil.example/" }, "UnexpectedResponse"],
    ["an issuer that is no text", { ...ours, iss: 5 }, "UnexpectedResponse"],
    ["a foreign audience", { ...ours, aud: "https://registry.example" }, "UnexpectedResponse"],
    ["an audience that is no text", { ...ours, aud: { a: 1 } }, "UnexpectedResponse"]
  ] as const)("%s: %j is %s", ([, claims, outcome]) =>
    Effect.map(answered(claims), (found) => assert.strictEqual(found, outcome))
  )

  it.effect("of an issuer that HubConfig trusts is good", () =>
    Effect.map(answered({ iss: "https://mirror.example/" }, { trustedIssuers: ["https://mirror.example/"] }), (found) =>
      assert.strictEqual(found, "AccessToken")
    )
  )

  it.effect("needs iss, aud and exp under strict validation", () =>
    Effect.gen(function* () {
      const strict = { tokenValidation: "strict" } as const
      assert.strictEqual(yield* answered(ours, strict), "AccessToken")
      for (const missing of ["iss", "aud", "exp"]) {
        assert.strictEqual(yield* answered({ ...ours, [missing]: undefined }, strict), "UnexpectedResponse")
      }
      assert.strictEqual(yield* answered({}, strict), "UnexpectedResponse")
    })
  )

  it.effect.each([3_600_000, -3_600_000, 2000, 1999, 0])(
    "of a server whose clock is ours plus %i ms lives its ten minutes",
    (clockOffset) =>
      Effect.gen(function* () {
        const token = yield* HubAuth.login(ada)
        assert.strictEqual(token.clockSkew, Math.abs(clockOffset) < 2000 ? 0 : clockOffset)
        const left = Option.getOrThrow(yield* AccessToken.timeToLive(token))
        assert.closeTo(Duration.toSeconds(left), 600, 2)
      }).pipe(Effect.provide(hub({ clockOffset })), (program) =>
        Effect.map(timed(Effect.zipRight(Effect.sleep("10 hours"), program), "11 hours"), ({ result }) =>
          Either.getOrThrow(result)
        )
      )
  )
})

describe("what is sent", () => {
  it.effect("is one POST of JSON to its path that accepts JSON, with our user agent and no Authorization", () =>
    Effect.gen(function* () {
      yield* HubAuth.login(ada)
      yield* HubAuth.login(graceToken)
      yield* HubAuth.createAccessToken(acmeToken)
      yield* Effect.flip(operations.twoFactorLogin)
      const seen = yield* requests
      assert.deepStrictEqual(
        seen.map(({ method, path }) => `${method} ${path}`),
        ["POST /v2/users/login", "POST /v2/users/login", "POST /v2/auth/token", "POST /v2/users/2fa-login"]
      )
      assert.deepStrictEqual(
        seen.map(({ body }) => Object.keys(body as object)),
        [
          ["username", "password"],
          ["username", "password"],
          ["identifier", "secret"],
          ["login_2fa_token", "code"]
        ]
      )
      for (const { headers } of seen) {
        assert.match(headers["user-agent"] ?? "", /^effect-dockerhub\//)
        assert.strictEqual(headers["content-type"], "application/json")
        assert.strictEqual(headers["accept"], "application/json")
        for (const absent of ["authorization", "traceparent", "b3"]) assert.notProperty(headers, absent)
      }
    }).pipe(Effect.provide(hub()))
  )

  it.effect("is a code without the white space and the invisible characters it was typed with", () =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.HubEmulator
      const code = yield* emulator.code("grace")
      const required = yield* Effect.flip(HubAuth.login(grace))
      if (required._tag !== "TwoFactorRequired") return assert.fail(required._tag)
      const typed = ` ${code.slice(0, 3)} \t${code.slice(3, 4)}\u200b${code.slice(4)}\ufeff\n`
      const token = yield* HubAuth.twoFactorLogin({ challenge: required.challenge, code: typed })
      assert.isFalse(yield* AccessToken.isExpired(token))
    }).pipe(Effect.provide(hub()))
  )

  it.effect.each(["", " ", "\t\n ", "\u200b\u2060"])("is nothing for the code %j", (code) =>
    Effect.gen(function* () {
      const challenge = AuthError.TwoFactorChallenge.make("a-challenge")
      const error = yield* Effect.flip(HubAuth.twoFactorLogin({ challenge, code }))
      assert.strictEqual(error._tag, "InvalidTwoFactorCode")
      assert.deepStrictEqual(yield* requests, [])
    }).pipe(Effect.provide(hub()))
  )
})

describe("against the emulator as it is", () => {
  it.effect("a password, an access token of a person and one of an organization each log in", () =>
    Effect.gen(function* () {
      for (const login of [
        HubAuth.login(ada),
        HubAuth.login(graceToken),
        HubAuth.createAccessToken(ada),
        HubAuth.createAccessToken(graceToken),
        HubAuth.createAccessToken(acmeToken)
      ]) {
        const token = yield* login
        assert.deepStrictEqual(yield* AccessToken.timeToLive(token), Option.some(Duration.minutes(10)))
      }
    }).pipe(Effect.provide(hub()))
  )

  it.effect("a challenge knows its account and the server's clock", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(HubAuth.login(grace))
      if (error._tag !== "TwoFactorRequired") return assert.fail(error._tag)
      assert.deepStrictEqual(error.challenge.account, Option.some("https://hub.docker.com Password grace"))
      assert.deepStrictEqual(Option.map(error.challenge.serverTime, DateTime.toEpochMillis), Option.some(3_600_000))
    }).pipe(Effect.provide(hub({ clockOffset: "1 hour" })))
  )
})

// The names are the union's: a tag that no row above produces would be an error nobody has seen.
const seen = new Set<Outcome>(table.flatMap(([, , outcome]) => outcome))
const expected: ReadonlyArray<
  Exclude<AuthError.LoginError | AuthError.TwoFactorLoginError, AuthError.RequestTimedOut>["_tag"]
> = [
  "InvalidCredentials",
  "TwoFactorRequired",
  "InvalidTwoFactorCode",
  "RateLimited",
  "AccessDenied",
  "EdgeBlocked",
  "ServiceUnavailable",
  "TransportFailure",
  "UnexpectedResponse"
]

it.each(expected)("some response ends in %s", (tag) => {
  assert.isTrue(seen.has(tag))
})
