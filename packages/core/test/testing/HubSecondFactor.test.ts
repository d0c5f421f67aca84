import { assert, describe, it } from "@effect/vitest"
import { HubEmulator } from "@effect-dockerhub/core/testing"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { exchange, field, get, login, secondFactor } from "./ask.ts"
import { make, today } from "./residents.ts"

describe("the second factor", () => {
  it.effect("a password of a 2FA account gets a challenge, and challenge and code a token", () =>
    Effect.gen(function* () {
      yield* today
      const hub = yield* make()
      const challenged = yield* login(hub, "grace", "battery staple")
      assert.strictEqual(challenged.status, 401)
      assert.strictEqual(field(challenged, "detail"), "Require secondary authentication on MFA enabled account")
      const answer = yield* secondFactor(hub, field(challenged, "login_2fa_token"), yield* hub.code("grace"))
      assert.strictEqual(answer.status, 200)
      assert.strictEqual((yield* get(hub, "/v2/user/", field(answer, "token"))).json["username"], "grace")
    })
  )

  it.effect("codes are those of RFC 6238", () =>
    Effect.gen(function* () {
      // Appendix B: the seed is ASCII, longer for the longer hashes.
      const seeds = {
        SHA1: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
        SHA256: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA",
        SHA512:
          "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNA"
      }
      const vectors = [
        [59, "94287082", "46119246", "90693936"],
        [1_111_111_109, "07081804", "68084774", "25091201"],
        [1_111_111_111, "14050471", "67062674", "99943326"],
        [1_234_567_890, "89005924", "91819424", "93441116"],
        [2_000_000_000, "69279037", "90698825", "38618901"],
        [20_000_000_000, "65353130", "77737706", "47863826"]
      ] as const
      const account = (algorithm: keyof typeof seeds) => ({
        username: algorithm,
        password: "password",
        totpSecret: seeds[algorithm],
        totp: { digits: 8, algorithm } as const
      })
      const hub = yield* HubEmulator.make({ accounts: [account("SHA1"), account("SHA256"), account("SHA512")] })
      for (const [second, ...expected] of vectors) {
        yield* TestClock.setTime(second * 1000)
        const codes = yield* Effect.forEach(["SHA1", "SHA256", "SHA512"], (name) => hub.code(name))
        assert.deepStrictEqual(codes, [...expected])
        for (const [index, name] of ["SHA1", "SHA256", "SHA512"].entries()) {
          const challenge = field(yield* login(hub, name, "password"), "login_2fa_token")
          assert.strictEqual((yield* secondFactor(hub, challenge, expected[index] ?? "")).status, 200)
        }
      }
    })
  )

  it.effect("a code is good one step early or late, and no more", () =>
    Effect.gen(function* () {
      yield* today
      const hub = yield* make()
      const code = yield* hub.code("grace")
      const attempt = Effect.flatMap(login(hub, "grace", "battery staple"), (challenged) =>
        secondFactor(hub, field(challenged, "login_2fa_token"), code)
      )
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual((yield* attempt).status, 401)
      yield* TestClock.setTime(1_770_000_000_000 + 30_000)
      assert.strictEqual((yield* attempt).status, 200)
    })
  )

  it.effect("a code is refused the second time, unless the emulator is told to be as lax as Hub once was", () =>
    Effect.gen(function* () {
      const twice = (hub: HubEmulator.Service) =>
        Effect.replicateEffect(
          Effect.gen(function* () {
            const challenged = yield* login(hub, "grace", "battery staple")
            return (yield* secondFactor(hub, field(challenged, "login_2fa_token"), yield* hub.code("grace"))).status
          }),
          2
        )
      assert.deepStrictEqual(yield* twice(yield* make()), [200, 401])
      assert.deepStrictEqual(yield* twice(yield* make({ codes: { reuse: "accepted" } })), [200, 200])
    })
  )

  it.effect("a challenge dies of a wrong code, of use and of age", () =>
    Effect.gen(function* () {
      const hub = yield* make()
      const challenge = Effect.map(login(hub, "grace", "battery staple"), (answer) => field(answer, "login_2fa_token"))
      const first = yield* challenge
      assert.strictEqual((yield* secondFactor(hub, first, "000000")).status, 401)
      assert.strictEqual((yield* secondFactor(hub, first, yield* hub.code("grace"))).status, 401)
      const second = yield* challenge
      assert.strictEqual((yield* secondFactor(hub, second, yield* hub.code("grace"))).status, 200)
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* secondFactor(hub, second, yield* hub.code("grace"))).status, 401)
      const third = yield* challenge
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual((yield* secondFactor(hub, third, yield* hub.code("grace"))).status, 401)
    })
  )

  it.effect("a challenge that survives wrong codes does so only a number of times", () =>
    Effect.gen(function* () {
      const hub = yield* make({ challenge: { status: 200, survivesWrongCode: true, attemptLimit: 2 } })
      const challenged = yield* login(hub, "grace", "battery staple")
      assert.strictEqual(challenged.status, 200)
      const challenge = field(challenged, "login_2fa_token")
      assert.strictEqual((yield* secondFactor(hub, challenge, "000000")).status, 401)
      assert.strictEqual((yield* secondFactor(hub, challenge, yield* hub.code("grace"))).status, 200)
      const other = field(yield* login(hub, "grace", "battery staple"), "login_2fa_token")
      yield* secondFactor(hub, other, "000000")
      yield* secondFactor(hub, other, "000001")
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* secondFactor(hub, other, yield* hub.code("grace"))).status, 401)
    })
  )

  it.effect("what /v2/auth/token says to the password of a 2FA account can be chosen", () =>
    Effect.gen(function* () {
      const ask = (answer?: "challenge" | "unauthorized" | "token") =>
        Effect.flatMap(make({ passwordWithTwoFactor: answer }), (hub) => exchange(hub, "grace", "battery staple"))
      assert.property((yield* ask()).json, "login_2fa_token")
      assert.deepStrictEqual((yield* ask("unauthorized")).json, { message: "unauthorized", errinfo: {} })
      assert.property((yield* ask("token")).json, "access_token")
    })
  )
})
