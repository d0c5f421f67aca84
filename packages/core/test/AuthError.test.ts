import { assert, describe, it } from "@effect/vitest"
import { AuthError, RateLimit } from "@effect-dockerhub/core"
import * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"

const CHALLENGE = "challenge-nobody-may-see"
const challenge = AuthError.TwoFactorChallenge.make(CHALLENGE)
const rateLimit = new RateLimit.RateLimit({ limit: 180, remaining: 0, resetAt: DateTime.unsafeMake(60_000) })

const errors = [
  new AuthError.InvalidCredentials({ detail: "Incorrect authentication credentials" }),
  new AuthError.TwoFactorRequired({ challenge, detail: "Require secondary authentication" }),
  new AuthError.InvalidTwoFactorCode({ detail: "" }),
  new AuthError.RateLimited({
    retryAfter: Option.some(Duration.seconds(45)),
    rateLimit: Option.some(rateLimit),
    detail: ""
  }),
  new AuthError.RateLimited({ retryAfter: Option.none(), rateLimit: Option.none(), detail: "Too many" }),
  new AuthError.AccessDenied({ detail: "no" }),
  new AuthError.EdgeBlocked({ status: 403, rayId: Option.some("8f1e2d3c4b5a6978-FRA") }),
  new AuthError.EdgeBlocked({ status: 503, rayId: Option.none() }),
  new AuthError.ServiceUnavailable({ status: 503, detail: "" }),
  new AuthError.TransportFailure({ reason: "Reset", sent: true }),
  new AuthError.TransportFailure({ reason: "Tls", sent: false }),
  new AuthError.RequestTimedOut({ scope: "attempt", after: Duration.seconds(10) }),
  new AuthError.UnexpectedResponse({ status: 200, reason: "a success without a token" }),
  new AuthError.SecondFactorUnavailable({ reason: "there is no terminal" }),
  new AuthError.MalformedToken({ reason: "it is empty" }),
  new AuthError.SessionStoreError({ operation: "write", reason: "the disk is full" })
]

const schemas: { readonly [Tag in AuthError.AuthError["_tag"]]: Schema.Schema<AuthError.AuthError, unknown> } =
  // Each class is the schema of the one error its tag names.
  AuthError as never

describe("every error", () => {
  it.each(errors)("$_tag says in a sentence what happened", (error) => {
    assert.match(error.message, /^[A-Z].{20,}/)
    assert.strictEqual(error.name, error._tag)
    assert.isTrue(error instanceof Error)
  })

  it.each(errors)("$_tag crosses a border and comes back", (error) => {
    const encoded = JSON.stringify(Schema.encodeSync(schemas[error._tag])(error))
    const decoded = Schema.decodeUnknownSync(schemas[error._tag])(JSON.parse(encoded))
    assert.deepStrictEqual({ ...decoded }, { ...error })
    assert.strictEqual(decoded.message, error.message)
  })

  it.each(errors)("$_tag prints no challenge", (error) => {
    const printed = [
      inspect(error, { depth: null }),
      JSON.stringify(error),
      String(error),
      error.message,
      error.stack ?? "",
      Cause.pretty(Cause.fail(error)),
      JSON.stringify(Cause.fail(error))
    ]
    for (const text of printed) assert.notInclude(text, CHALLENGE)
  })

  it.effect("is yielded as a failure of its own tag", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(new AuthError.AccessDenied({ detail: "" }))
      assert.strictEqual(error._tag, "AccessDenied")
    })
  )
})

describe("RateLimited", () => {
  it("says how long to wait", () => {
    assert.deepStrictEqual(
      errors.filter((error) => error._tag === "RateLimited").map((error) => error.message),
      [
        "Docker Hub limits this account's requests; try again in 45s.",
        "Docker Hub limits this account's requests (Too many); wait before trying again (a locked account opens after about ten minutes)."
      ]
    )
  })
})

describe("isTransient", () => {
  it("is true for what may pass by itself, and not for a certificate", () => {
    assert.deepStrictEqual(
      errors.filter(AuthError.isTransient).map((error) => error._tag),
      ["RateLimited", "RateLimited", "ServiceUnavailable", "TransportFailure", "RequestTimedOut"]
    )
  })
})

describe("TwoFactorChallenge", () => {
  it("keeps a challenge that was stored", () => {
    assert.strictEqual(Redacted.value(challenge.value), CHALLENGE)
    assert.strictEqual(Redacted.value(AuthError.TwoFactorChallenge.make(Redacted.make(CHALLENGE)).value), CHALLENGE)
  })

  it("is refused when empty", () => {
    assert.throws(() => AuthError.TwoFactorChallenge.make(""), TypeError, "challenge must not be empty")
  })
})
