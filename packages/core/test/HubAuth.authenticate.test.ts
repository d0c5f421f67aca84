import { assert, describe, it } from "@effect/vitest"
import { AccessToken, AuthError, Credentials, HubAuth, SecondFactor } from "@effect-dockerhub/core"
import { Faults, HubEmulator } from "@effect-dockerhub/core/testing"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { acmeToken, ada, grace, graceToken, hub, over, PASSWORD, requests, SEED, timed } from "./hub.ts"

const routes = Effect.map(requests, (seen) => seen.map(({ route }) => route))

const codesSent = Effect.map(requests, (seen) =>
  seen
    .filter(({ route }) => route === "twoFactorLogin")
    .map(({ body }) => JSON.stringify((body as { code: unknown }).code))
)

/** A person who types these answers, one after another, and what they were told each time. */
const person = (...answers: ReadonlyArray<Effect.Effect<string, never, HubEmulator.HubEmulator>>) =>
  Effect.map(Effect.context<HubEmulator.HubEmulator>(), (context) => {
    const asked: Array<SecondFactor.SecondFactorRequest> = []
    const secondFactor = SecondFactor.fromEffect((request) => {
      asked.push(request)
      const answer = answers[asked.length - 1] ?? Effect.dieMessage("asked once too often")
      return Effect.map(Effect.provide(answer, context), (code) => Redacted.make(code))
    })
    return { asked, secondFactor }
  })

const rightCode = Effect.flatMap(HubEmulator.HubEmulator, (emulator) => emulator.code("grace"))
const after = (duration: Duration.DurationInput, answer: typeof rightCode) => Effect.delay(answer, duration)

const withFactor = <A, E, R>(effect: Effect.Effect<A, E, R>, secondFactor: SecondFactor.Service) =>
  Effect.provideService(effect, SecondFactor.SecondFactor, secondFactor)

describe("the endpoint that fits the credentials", () => {
  it.effect("is /v2/auth/token for access tokens, /v2/users/login for a password", () =>
    Effect.gen(function* () {
      yield* HubAuth.authenticate(graceToken)
      yield* HubAuth.authenticate(acmeToken)
      yield* HubAuth.authenticate(ada)
      assert.deepStrictEqual(yield* routes, ["createAccessToken", "createAccessToken", "login"])
    }).pipe(Effect.provide(hub()))
  )
})

describe("without a second factor", () => {
  it.effect("the caller gets TwoFactorRequired, and can answer it", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(HubAuth.authenticate(grace))
      if (error._tag !== "TwoFactorRequired") return assert.fail(error._tag)
      const token = yield* HubAuth.twoFactorLogin({ challenge: error.challenge, code: yield* rightCode })
      assert.isFalse(yield* AccessToken.isExpired(token))
      assert.deepStrictEqual(yield* routes, ["login", "twoFactorLogin"])
    }).pipe(Effect.provide(hub()))
  )
})

describe("with a person who types codes", () => {
  it.effect("asks once when the code is right, however long it takes, deadline or not", () =>
    Effect.gen(function* () {
      const { asked, secondFactor } = yield* person(after("59 seconds", rightCode))
      const { result } = yield* timed(withFactor(HubAuth.authenticate(grace), secondFactor))
      assert.isTrue(Either.isRight(result))
      assert.strictEqual(asked[0]?.attempt, 1)
      assert.strictEqual(asked[0]?.detail, "Require secondary authentication on MFA enabled account")
      assert.deepStrictEqual(asked[0]?.rejected, Option.none())
      assert.deepStrictEqual(yield* routes, ["login", "twoFactorLogin"])
    }).pipe(Effect.provide(hub()))
  )

  it.effect("sends a code that comes exactly a minute after its challenge with that challenge", () =>
    Effect.gen(function* () {
      const { secondFactor } = yield* person(after("60 seconds", rightCode))
      const { result } = yield* timed(withFactor(HubAuth.authenticate(grace), secondFactor))
      assert.isTrue(Either.isRight(result))
      assert.deepStrictEqual(yield* routes, ["login", "twoFactorLogin"])
    }).pipe(Effect.provide(hub()))
  )

  it.effect("logs in afresh for a code that comes more than a minute after its challenge", () =>
    Effect.gen(function* () {
      const { asked, secondFactor } = yield* person(after("61 seconds", rightCode))
      const { result } = yield* timed(withFactor(HubAuth.authenticate(grace), secondFactor))
      assert.isTrue(Either.isRight(result))
      assert.strictEqual(asked.length, 1)
      assert.deepStrictEqual(yield* routes, ["login", "login", "twoFactorLogin"])
    }).pipe(Effect.provide(hub({ challenge: { lifetime: "1 minutes" } })))
  )

  it.effect("asks up to three times, tells what was refused, and begins each time with a login", () =>
    Effect.gen(function* () {
      const { asked, secondFactor } = yield* person(Effect.succeed("000 000"), Effect.succeed(""), rightCode)
      yield* withFactor(HubAuth.authenticate(grace), secondFactor)
      assert.deepStrictEqual(
        asked.map(({ attempt, rejected }) => [attempt, Option.getOrNull(Option.map(rejected, Redacted.value))]),
        [
          [1, null],
          [2, "000 000"],
          [3, ""]
        ]
      )
      assert.strictEqual(asked[1]?.detail, "Incorrect authentication credentials")
      assert.include(asked[2]?.detail, "blank")
      assert.deepStrictEqual(yield* routes, ["login", "twoFactorLogin", "login", "login", "twoFactorLogin"])
    }).pipe(Effect.provide(hub()))
  )

  it.effect("gives up with InvalidTwoFactorCode after the third", () =>
    Effect.gen(function* () {
      const { asked, secondFactor } = yield* person(
        ...["000000", "000001", "000002"].map((code) => Effect.succeed(code))
      )
      const error = yield* Effect.flip(withFactor(HubAuth.authenticate(grace), secondFactor))
      assert.strictEqual(error._tag, "InvalidTwoFactorCode")
      assert.strictEqual(asked.length, 3)
      assert.strictEqual((yield* codesSent).length, 3)
    }).pipe(Effect.provide(hub()))
  )

  it.effect("sends no code twice, though it is typed twice", () =>
    Effect.gen(function* () {
      const { asked, secondFactor } = yield* person(Effect.succeed("000000"), Effect.succeed("000 000"), rightCode)
      yield* withFactor(HubAuth.authenticate(grace), secondFactor)
      assert.strictEqual(asked.length, 3)
      assert.include(asked[2]?.detail, "not sent again")
      assert.strictEqual((yield* codesSent).length, 2)
    }).pipe(Effect.provide(hub()))
  )

  it.effect("does not start over by itself when an answer was lost: the person would wonder", () =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.HubEmulator
      const { asked, secondFactor } = yield* person(rightCode)
      yield* emulator.enqueue(Faults.resetAfterBody({ acted: true }), { route: "twoFactorLogin" })
      const error = yield* Effect.flip(withFactor(HubAuth.authenticate(grace), secondFactor))
      assert.strictEqual(error._tag, "TransportFailure")
      assert.strictEqual(asked.length, 1)
    }).pipe(Effect.provide(hub()))
  )

  it.effect("passes on that no code could be had", () =>
    Effect.gen(function* () {
      const unavailable = SecondFactor.fromEffect(() =>
        Effect.fail(new AuthError.SecondFactorUnavailable({ reason: "there is no terminal" }))
      )
      const error = yield* Effect.flip(withFactor(HubAuth.authenticate(grace), unavailable))
      assert.strictEqual(error._tag, "SecondFactorUnavailable")
    }).pipe(Effect.provide(hub()))
  )

  it.effect("ends at once when interrupted while it asks", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(
        withFactor(
          HubAuth.authenticate(grace),
          SecondFactor.fromEffect(() => Effect.never)
        )
      )
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* routes, ["login"])
    }).pipe(Effect.provide(hub()))
  )

  it.effect("takes a fresh login that needs no code any more for the answer", () =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.HubEmulator
      const answered = Faults.respond({ status: 200, body: { token: "abc" } })
      const { secondFactor } = yield* person(
        Effect.zipRight(emulator.enqueue(answered, { route: "login" }), Effect.succeed("000000")),
        after("2 minutes", Effect.zipRight(emulator.enqueue(answered, { route: "login" }), Effect.succeed("000001")))
      )
      const token = yield* withFactor(HubAuth.authenticate(grace), secondFactor)
      assert.strictEqual(Redacted.value(token.value), "abc")
      const { result } = yield* timed(withFactor(HubAuth.authenticate(grace), secondFactor))
      assert.isTrue(Either.isRight(result))
      assert.strictEqual((yield* codesSent).length, 1)
    }).pipe(Effect.provide(hub()))
  )
})

describe("with a TOTP seed, or whatever else needs no person", () => {
  const totp = SecondFactor.totp

  it.effect("logs in unattended", () =>
    Effect.gen(function* () {
      const token = yield* withFactor(HubAuth.authenticate(grace), totp(SEED))
      assert.isFalse(yield* AccessToken.isExpired(token))
      assert.deepStrictEqual(yield* routes, ["login", "twoFactorLogin"])
    }).pipe(Effect.provide(hub()))
  )

  it.effect.each([3_600_000, -3_600_000])("goes by the server's clock, which is ours plus %i ms", (clockOffset) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_769_818_788_000)
      yield* withFactor(HubAuth.authenticate(grace), totp(SEED))
      assert.strictEqual((yield* codesSent).length, 1)
    }).pipe(Effect.provide(hub({ clockOffset })))
  )

  it.effect("does not repeat a refused code: it waits for the next period, once", () =>
    Effect.gen(function* () {
      const wrong = totp("JBSWY3DPEHPK3PXP")
      const { millis, result } = yield* timed(withFactor(HubAuth.authenticate(grace), wrong))
      assert.strictEqual((yield* Effect.flip(result))._tag, "InvalidTwoFactorCode")
      assert.strictEqual(millis, 30_000)
      const codes = yield* codesSent
      assert.strictEqual(codes.length, 2)
      assert.strictEqual(new Set(codes).size, 2)
    }).pipe(Effect.provide(hub()))
  )

  it.effect.each([
    ["broken", Faults.resetAfterBody({ acted: true })],
    ["late", Faults.delay("1 hour", { acted: true })],
    ["cut off", Faults.truncatedBody()]
  ] as const)("starts over once, with the next code, when the answer is %s", ([, fault]) =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.HubEmulator
      yield* emulator.enqueue(fault, { route: "twoFactorLogin" })
      const { result } = yield* timed(withFactor(HubAuth.authenticate(grace), totp(SEED)))
      assert.isTrue(Either.isRight(result))
      assert.strictEqual(new Set(yield* codesSent).size, 2)
      yield* emulator.clearRequests
      yield* emulator.enqueue(fault, { route: "twoFactorLogin", times: 2 })
      const again = yield* timed(withFactor(HubAuth.authenticate(grace), totp(SEED)))
      assert.isTrue(Either.isLeft(again.result))
      assert.strictEqual((yield* codesSent).length, 2)
    }).pipe(Effect.provide(hub()))
  )

  it.effect("does not start over when nothing was sent: the code is as good as before", () =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.HubEmulator
      let refused = 0
      const client = HttpClient.make((request, url) => {
        if (!url.pathname.endsWith("2fa-login")) return emulator.httpClient.execute(request)
        refused++
        const cause = Object.assign(new Error("refused"), { code: "ECONNREFUSED", syscall: "connect" })
        return Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause }))
      })
      const { result } = yield* timed(
        withFactor(HubAuth.authenticate(grace), totp(SEED)).pipe(Effect.provide(over(client)))
      )
      assert.deepInclude(yield* Effect.flip(result), { _tag: "TransportFailure", reason: "Connect", sent: false })
      assert.strictEqual(refused, 3)
      assert.deepStrictEqual(yield* routes, ["login"])
    }).pipe(Effect.provide(hub()))
  )

  it.effect("does not count the start after a lost answer as one of its two attempts", () =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.HubEmulator
      yield* emulator.enqueue(Faults.resetAfterBody({ acted: true }), { route: "twoFactorLogin" })
      yield* emulator.enqueue(Faults.status(401), { route: "twoFactorLogin" })
      const { result } = yield* timed(withFactor(HubAuth.authenticate(grace), totp(SEED)))
      assert.isTrue(Either.isRight(result))
      assert.strictEqual(new Set(yield* codesSent).size, 3)
    }).pipe(Effect.provide(hub()))
  )

  it.effect("does not start over when the server answered that it is down", () =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.HubEmulator
      yield* emulator.enqueue(Faults.status(503), { route: "twoFactorLogin" })
      const { result } = yield* timed(withFactor(HubAuth.authenticate(grace), totp(SEED)))
      assert.strictEqual((yield* Effect.flip(result))._tag, "ServiceUnavailable")
    }).pipe(Effect.provide(hub()))
  )

  it.effect("tells of the lost answer, not of a wrong code, when all it has is the code that was lost", () =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.HubEmulator
      let asked = 0
      const unattended = SecondFactor.fromEffect(() => Effect.sync(() => (asked++, "123456")), { interactive: false })
      yield* emulator.enqueue(Faults.resetAfterBody({ acted: true }), { route: "twoFactorLogin" })
      const error = yield* Effect.flip(withFactor(HubAuth.authenticate(grace), unattended))
      assert.deepInclude(error, { _tag: "TransportFailure", reason: "Reset", sent: true })
      assert.strictEqual(asked, 2)
      assert.strictEqual((yield* codesSent).length, 1)
    }).pipe(Effect.provide(hub()))
  )

  it.effect("sends a code of its own for each of several logins at once, and never one twice", () =>
    Effect.gen(function* () {
      const secondFactor = totp(SEED)
      const { result } = yield* timed(
        Effect.all(
          [1, 2, 3, 4].map(() => withFactor(HubAuth.authenticate(grace), secondFactor)),
          { concurrency: "unbounded" }
        )
      )
      assert.isTrue(Either.isRight(result))
      const codes = yield* codesSent
      assert.strictEqual(codes.length, 4)
      assert.strictEqual(new Set(codes).size, 4)
    }).pipe(Effect.provide(hub()))
  )

  it.effect("fails like the login when the password is wrong", () =>
    Effect.gen(function* () {
      const wrong = Credentials.password("grace", `${PASSWORD}!`)
      const error = yield* Effect.flip(withFactor(HubAuth.authenticate(wrong), totp(SEED)))
      assert.strictEqual(error._tag, "InvalidCredentials")
      assert.deepStrictEqual(yield* routes, ["login"])
    }).pipe(Effect.provide(hub()))
  )
})
