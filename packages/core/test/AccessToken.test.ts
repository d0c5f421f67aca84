import { assert, describe, it } from "@effect/vitest"
import { AccessToken } from "@effect-dockerhub/core"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { UnsecuredJWT } from "jose"
import { inspect } from "node:util"

const jwt = (claims: Record<string, unknown>): string => new UnsecuredJWT(claims).encode()

describe("fromString", () => {
  it.effect("reads the claims of Hub's token", () =>
    Effect.gen(function* () {
      const token = yield* AccessToken.fromString(
        jwt({
          iss: "https://api.docker.com/",
          aud: "https://hub.docker.com",
          iat: 1_769_818_788,
          exp: 1_769_819_388,
          jti: "32ec6585",
          scope: "repo:public_read",
          source: { id: "x" },
          "https://hub.docker.com": { username: "ada", roles: [], uuid: "u", session_id: "32ec6585" }
        })
      )
      const claims = Option.getOrThrow(token.claims)
      assert.strictEqual(claims.iss, "https://api.docker.com/")
      assert.deepStrictEqual(claims.aud, ["https://hub.docker.com"])
      assert.strictEqual(claims["https://hub.docker.com"]?.username, "ada")
      assert.deepStrictEqual(Option.map(token.issuedAt, DateTime.toEpochMillis), Option.some(1_769_818_788_000))
      assert.deepStrictEqual(Option.map(token.expiresAt, DateTime.toEpochMillis), Option.some(1_769_819_388_000))
      assert.strictEqual(token.clockSkew, 0)
    })
  )

  it.effect("reads an audience that is a list", () =>
    Effect.gen(function* () {
      const token = yield* AccessToken.fromString(jwt({ aud: ["a", "b"] }))
      assert.deepStrictEqual(Option.getOrThrow(token.claims).aud, ["a", "b"])
    })
  )

  it.effect("takes an opaque token for a token that says nothing", () =>
    Effect.gen(function* () {
      const token = yield* AccessToken.fromString(Redacted.make("0123456789abcdef"))
      assert.isTrue(Option.isNone(token.claims) && Option.isNone(token.expiresAt) && Option.isNone(token.issuedAt))
      assert.isFalse(yield* AccessToken.isExpired(token))
      assert.isTrue(Option.isNone(yield* AccessToken.timeToLive(token)))
    })
  )

  it.effect.each(["abc=", "abc==", "a-b._~+/c="])("takes %j, in any form RFC 6750 allows, for a token", (text) =>
    Effect.gen(function* () {
      assert.strictEqual(Redacted.value((yield* AccessToken.fromString(text)).value), text)
    })
  )

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("throws for the clock skew %d, a bug of its caller", (clockSkew) => {
    assert.throws(() => AccessToken.fromString("abc", { clockSkew }), TypeError, /^clockSkew must be a number/)
  })

  it.effect.each([
    "",
    " ",
    "hunter2 hunter2",
    "hunter2\r\nX-Evil: 1",
    "hunter2\n",
    "hunter2=hunter2",
    "=",
    "hunter2ö",
    "\u0000",
    '"hunter2"',
    "a,b"
  ])("fails with MalformedToken for %j, without repeating it", (text) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(AccessToken.fromString(text))
      assert.strictEqual(error._tag, "MalformedToken")
      assert.notInclude(error.message, "hunter2")
    })
  )

  it.effect.each([{ exp: "1" }, { exp: -1 }, { exp: 1e300 }, { exp: null }, { exp: {} }, { exp: [] }])(
    "takes the unreadable expiry %j for none",
    (claims) =>
      Effect.gen(function* () {
        const token = yield* AccessToken.fromString(jwt({ ...claims, iss: "https://api.docker.com/" }))
        assert.isTrue(Option.isNone(token.expiresAt))
        assert.strictEqual(Option.getOrThrow(token.claims).iss, "https://api.docker.com/")
      })
  )

  it.effect.prop("reads any claims as a token, never as a defect", { claims: FastCheck.object() }, ({ claims }) =>
    Effect.gen(function* () {
      const payload = Buffer.from(JSON.stringify(claims)).toString("base64url")
      const token = yield* AccessToken.fromString(`e30.${payload}.c2ln`)
      assert.isTrue(Option.isSome(token.claims))
    })
  )

  it.effect("prints neither the token nor whose it is, but when it ends", () =>
    Effect.gen(function* () {
      const text = jwt({ exp: 5, "https://hub.docker.com": { email: "ada@example.com" } })
      const token = yield* AccessToken.fromString(text)
      for (const printed of [inspect(token, { depth: null }), JSON.stringify(token), String(token)]) {
        assert.notInclude(printed, text)
        assert.notInclude(printed, "ada@example.com")
        assert.include(printed, "1970-01-01T00:00:05.000Z")
      }
    })
  )
})

describe("timeToLive", () => {
  it.effect("counts down to zero", () =>
    Effect.gen(function* () {
      const token = yield* AccessToken.fromString(jwt({ exp: 600 }))
      assert.deepStrictEqual(yield* AccessToken.timeToLive(token), Option.some(Duration.minutes(10)))
      yield* TestClock.adjust("9 minutes")
      assert.deepStrictEqual(yield* AccessToken.timeToLive(token), Option.some(Duration.minutes(1)))
      assert.isFalse(yield* AccessToken.isExpired(token))
      yield* TestClock.adjust("1 minutes")
      assert.deepStrictEqual(yield* AccessToken.timeToLive(token), Option.some(Duration.zero))
      assert.isTrue(yield* AccessToken.isExpired(token))
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* AccessToken.timeToLive(token), Option.some(Duration.zero))
    })
  )

  it.effect.each([3_600_000, -3_600_000])("goes by the server's clock, which is ours plus %i ms", (clockSkew) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(7_200_000)
      const token = yield* AccessToken.fromString(jwt({ exp: (7_200_000 + clockSkew) / 1000 + 60 }), { clockSkew })
      assert.deepStrictEqual(yield* AccessToken.timeToLive(token), Option.some(Duration.minutes(1)))
      yield* TestClock.adjust("1 minutes")
      assert.isTrue(yield* AccessToken.isExpired(token))
    })
  )
})
