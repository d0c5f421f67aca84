import { assert, describe, it } from "@effect/vitest"
import type { Faults } from "@effect-dockerhub/core/testing"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as Jose from "jose"
import { exchange, field, get, login, secondFactor } from "./ask.ts"
import { make, pat, today } from "./residents.ts"

describe("time", () => {
  it.effect("the server's clock can be ahead or behind, in Date, tokens and codes alike", () =>
    Effect.gen(function* () {
      yield* today
      const ahead = yield* make({ clockOffset: "1 hour" })
      const answer = yield* login(ahead, "ada", "correct horse")
      assert.strictEqual(Date.parse(answer.headers["date"] ?? ""), 1_770_003_600_000)
      assert.strictEqual(Jose.decodeJwt(field(answer, "token")).exp, 1_770_004_200)
      const behind = yield* make({ clockOffset: -3_600_000 })
      assert.strictEqual(Date.parse((yield* get(behind, "/v2/user/")).headers["date"] ?? ""), 1_769_996_400_000)
      const challenge = field(yield* login(behind, "grace", "battery staple"), "login_2fa_token")
      assert.strictEqual((yield* secondFactor(behind, challenge, yield* ahead.code("grace"))).status, 401)
    })
  )

  it.effect("a token ends when its time has come, or when the emulator is told", () =>
    Effect.gen(function* () {
      const hub = yield* make()
      const token = field(yield* exchange(hub, "ada", pat), "access_token")
      yield* TestClock.adjust("599 seconds")
      assert.strictEqual((yield* get(hub, "/v2/user", token)).status, 200)
      yield* TestClock.adjust("1 second")
      const expired = yield* get(hub, "/v2/user", token)
      assert.deepStrictEqual([expired.status, expired.json], [401, { message: "Token is expired", errinfo: {} }])
      const another = field(yield* exchange(hub, "ada", pat), "access_token")
      yield* hub.expireTokens("Ada")
      assert.strictEqual((yield* get(hub, "/v2/user", another)).status, 401)
    })
  )

  it.effect("five failures lock the account for ten minutes, for the right password as well", () =>
    Effect.gen(function* () {
      const hub = yield* make()
      yield* Effect.replicateEffect(login(hub, "ada", "wrong"), 5)
      const locked = yield* login(hub, "ADA", "correct horse")
      assert.strictEqual(locked.status, 429)
      assert.notProperty(locked.headers, "retry-after")
      assert.strictEqual((yield* exchange(hub, "ada", pat)).status, 429)
      assert.strictEqual((yield* login(hub, "grace", "battery staple")).status, 401)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* login(hub, "ada", "correct horse")).status, 200)
      yield* Effect.replicateEffect(exchange(hub, "ada", "wrong"), 5)
      yield* hub.unlock("ada")
      assert.strictEqual((yield* login(hub, "ada", "correct horse")).status, 200)
    })
  )

  it.effect("wrong codes count towards the lock, which may tell its end, or be switched off", () =>
    Effect.gen(function* () {
      yield* today
      const hub = yield* make({ lockout: { failures: 2, retryAfter: "epoch" } })
      const wrong = Effect.flatMap(login(hub, "grace", "battery staple"), (challenged) =>
        secondFactor(hub, field(challenged, "login_2fa_token"), "000000")
      )
      const open = field(yield* login(hub, "grace", "battery staple"), "login_2fa_token")
      yield* wrong
      yield* wrong
      assert.strictEqual((yield* login(hub, "grace", "battery staple")).headers["retry-after"], "1770000600")
      assert.strictEqual((yield* secondFactor(hub, open, yield* hub.code("grace"))).status, 429)
      const lax = yield* make({ lockout: false })
      yield* Effect.replicateEffect(login(lax, "ada", "wrong"), 20)
      assert.strictEqual((yield* login(lax, "ada", "correct horse")).status, 200)
    })
  )

  it.effect("more than 180 requests a minute get 429 and the time to come back", () =>
    Effect.gen(function* () {
      yield* today
      const hub = yield* make()
      const first = yield* get(hub, "/v2/namespaces/ada/repositories")
      assert.include(first.headers, {
        "x-ratelimit-limit": "180",
        "x-ratelimit-remaining": "179",
        "x-ratelimit-reset": "1770000060"
      })
      yield* Effect.replicateEffect(get(hub, "/v2/user"), 179)
      yield* TestClock.adjust("10 seconds")
      const refused = yield* login(hub, "ada", "correct horse")
      assert.strictEqual(refused.status, 429)
      assert.include(refused.headers, { "retry-after": "50", "x-ratelimit-remaining": "0" })
      yield* TestClock.adjust("50 seconds")
      assert.strictEqual((yield* login(hub, "ada", "correct horse")).status, 200)
    })
  )

  it.effect("the limit, its Retry-After, its headers and a quota of logins are options", () =>
    Effect.gen(function* () {
      yield* today
      const second = (retryAfter: Faults.RetryAfterFormat) =>
        Effect.flatMap(make({ rateLimit: { limit: 1, retryAfter, headersOnLogin: false } }), (hub) =>
          Effect.zipRight(login(hub, "ada", "correct horse"), login(hub, "ada", "correct horse"))
        )
      assert.strictEqual((yield* second("epoch")).headers["retry-after"], "1770000060")
      assert.strictEqual((yield* second("http-date")).headers["retry-after"], "Mon, 02 Feb 2026 02:41:00 GMT")
      assert.notProperty((yield* second("none")).headers, "retry-after")
      const quiet = yield* make({ rateLimit: { headersOnLogin: false } })
      assert.notProperty((yield* login(quiet, "ada", "correct horse")).headers, "x-ratelimit-limit")
      assert.property((yield* get(quiet, "/v2/user")).headers, "x-ratelimit-limit")
      const unlimited = yield* make({ rateLimit: false, loginQuota: { limit: 1, window: "1 hour" } })
      assert.notProperty((yield* login(unlimited, "ada", "correct horse")).headers, "x-ratelimit-limit")
      const refused = yield* login(unlimited, "ada", "correct horse")
      assert.deepStrictEqual([refused.status, refused.headers["retry-after"]], [429, "3600"])
      assert.strictEqual((yield* get(unlimited, "/v2/namespaces/ada/repositories")).status, 200)
    })
  )
})
