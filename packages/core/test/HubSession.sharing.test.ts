import { assert, describe, it } from "@effect/vitest"
import { AccessToken, Credentials, HubAuth, HubSession, SecondFactor, SessionStore } from "@effect-dockerhub/core"
import { Faults, HubEmulator } from "@effect-dockerhub/core/testing"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { ada, grace, graceToken, hub, PAT, requestCount } from "./hub.ts"
import { emulate, enqueue, refreshed, shared, storeWith, value } from "./HubSession.world.ts"

const wrong = Credentials.password("ada", "wrong")

/** One start of a process: a session and a HubAuth of its own over the store that all share. */
const start = (credentials: Credentials.Credentials) =>
  Effect.provide(
    Effect.either(HubSession.token),
    Layer.provide(Layer.fresh(HubSession.layer({ credentials })), Layer.fresh(HubAuth.layer))
  )

/** A session of its own, for as long as the test. */
const sessionOf = (credentials: Credentials.Credentials, options?: Omit<HubSession.Options, "credentials">) =>
  HubSession.make({ credentials, ...options })

/** How many requests an effect makes. */
const requestsOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = yield* requestCount
    yield* effect
    return (yield* requestCount) - before
  })

describe("a refusal in the store", () => {
  it.effect.each<
    readonly [string, Credentials.Credentials, Effect.Effect<void, never, HubEmulator.HubEmulator>, number]
  >([
    ["a 429 of ten minutes", ada, enqueue(Faults.rateLimited({ after: "10 minutes" })), 600],
    ["a 429 that tells no time", ada, enqueue(Faults.rateLimited({ retryAfter: "none" })), 60],
    ["a refused access token", graceToken, enqueue(Faults.status(401)), 600],
    ["a refused password", ada, enqueue(Faults.status(401)), 15]
  ])("keeps the next process from asking: %s", ([, credentials, refuse, seconds]) =>
    Effect.gen(function* () {
      yield* refuse
      const first = yield* Effect.flip(yield* start(credentials))
      yield* TestClock.adjust(Duration.seconds(seconds - 1))
      const second = yield* Effect.flip(yield* start(credentials))
      assert.strictEqual(second._tag, first._tag)
      assert.include(second.message, "nothing was sent")
      assert.strictEqual(yield* requestCount, 1)
      yield* TestClock.adjust("1 seconds")
      assert.isTrue(Either.isRight(yield* start(credentials)))
      assert.strictEqual(yield* requestCount, 2)
    }).pipe(Effect.provide(shared))
  )

  it.effect("once it has passed, leaves no trace in how a refusal of one's own is remembered: until reset", () =>
    Effect.gen(function* () {
      yield* start(wrong)
      const session = yield* sessionOf(wrong)
      assert.strictEqual(yield* requestsOf(Effect.flip(session.token)), 0)
      yield* TestClock.adjust("15 seconds")
      assert.strictEqual(yield* requestsOf(Effect.flip(session.token)), 1)
      yield* TestClock.adjust("1 days")
      assert.strictEqual(yield* requestsOf(Effect.flip(session.token)), 0)
      yield* session.reset
      assert.strictEqual(yield* requestsOf(Effect.flip(session.token)), 1)
    }).pipe(Effect.scoped, Effect.provide(shared))
  )
})

describe("a code that was refused", () => {
  const written: Array<SessionStore.StoredToken> = []
  const refusal = new SessionStore.Refusal({
    error: "InvalidTwoFactorCode",
    until: DateTime.unsafeMake(3_600_000)
  })

  it.effect("is a person's own affair, and not told to others", () =>
    Effect.gen(function* () {
      const session = yield* sessionOf(grace)
      assert.strictEqual((yield* Effect.flip(session.token))._tag, "InvalidTwoFactorCode")
      assert.deepStrictEqual(written, [])
    }).pipe(
      Effect.scoped,
      Effect.provideServiceEffect(
        SecondFactor.SecondFactor,
        Effect.sync(() => {
          let typed = 0
          return SecondFactor.fromEffect(() => Effect.sync(() => `00000${typed++}`))
        })
      ),
      Effect.provide(hub({ rateLimit: false, lockout: false })),
      Effect.provide(storeWith(() => ({ write: (_, entry) => Effect.sync(() => void written.push(entry)) })))
    )
  )

  it.effect("by another is no reason not to ask a person, and one not to compute the next", () =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.HubEmulator
      const code = () => emulator.code("grace")
      const computing = yield* Effect.provideService(
        sessionOf(grace),
        SecondFactor.SecondFactor,
        SecondFactor.fromEffect(code, { interactive: false })
      )
      assert.strictEqual((yield* Effect.flip(computing.token))._tag, "InvalidTwoFactorCode")
      assert.strictEqual(yield* requestCount, 0)
      const asking = yield* Effect.provideService(
        sessionOf(grace),
        SecondFactor.SecondFactor,
        SecondFactor.fromEffect(code)
      )
      yield* asking.token
      assert.strictEqual(yield* requestCount, 2)
    }).pipe(
      Effect.scoped,
      Effect.provide(hub({ rateLimit: false })),
      Effect.provide(storeWith(() => ({ read: () => Effect.succeedSome(refusal) })))
    )
  )
})

describe("a token in the store", () => {
  const opaque = (name: string) => Faults.respond({ status: 200, body: { token: name } })

  it.effect.each([3_600_000, -3_600_000])(
    "that does not say when it ends lives on as it would have, although the server's clock is ours plus %i ms",
    (clockOffset) =>
      Effect.gen(function* () {
        yield* TestClock.setTime(1_769_818_788_000)
        yield* enqueue(opaque("first"))
        yield* start(ada)
        yield* TestClock.adjust("2 minutes")
        const young = yield* sessionOf(ada)
        const restored = yield* young.token
        const left = Option.getOrThrow(yield* AccessToken.timeToLive(restored))
        assert.strictEqual(Duration.toSeconds(left), 180)
        assert.strictEqual(value(yield* refreshed(young)), "first")
        yield* TestClock.adjust("155 seconds")
        const old = yield* sessionOf(ada, { refreshAhead: 0 })
        assert.strictEqual(value(yield* old.token), "first")
        yield* TestClock.adjust("18.9 seconds")
        assert.strictEqual(value(yield* old.token), "first")
        assert.strictEqual(yield* requestCount, 1)
        yield* TestClock.adjust("200 millis")
        assert.notStrictEqual(value(yield* old.token), "first")
      }).pipe(
        Effect.scoped,
        Effect.provide(hub({ rateLimit: false, clockOffset })),
        Effect.provide(SessionStore.layerMemory)
      )
  )

  const ages = [
    ["of ten minutes", undefined, 600],
    ["that does not say how long it lives", opaque("first"), 300]
  ] as const

  it.effect.each(ages)("%s, late in its life, is served, and at once replaced in the background", ([, fault, life]) =>
    Effect.gen(function* () {
      if (fault !== undefined) yield* enqueue(fault)
      const first = yield* yield* start(ada)
      yield* TestClock.adjust(Duration.seconds(life * 0.92))
      const session = yield* sessionOf(ada)
      assert.strictEqual(value(yield* session.token), value(first))
      assert.notStrictEqual(value(yield* refreshed(session)), value(first))
      assert.strictEqual(yield* requestCount, 2)
    }).pipe(Effect.scoped, Effect.provide(shared))
  )

  it.effect.each(ages)("%s, within 5 s of its end, is not served", ([, fault, life]) =>
    Effect.gen(function* () {
      if (fault !== undefined) yield* enqueue(fault)
      const first = yield* yield* start(ada)
      yield* TestClock.adjust(Duration.seconds(life - 4.9))
      assert.notStrictEqual(value(yield* yield* start(ada)), value(first))
      assert.strictEqual(yield* requestCount, 2)
    }).pipe(Effect.provide(shared))
  )

  it.effect("that was issued in what is now the future is not used: our clock was set back", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_769_818_788_000)
      const first = yield* yield* start(ada)
      yield* TestClock.setTime(1_769_818_788_000 - 300_000)
      assert.notStrictEqual(value(yield* yield* start(ada)), value(first))
      assert.strictEqual(yield* requestCount, 2)
    }).pipe(Effect.provide(shared))
  )
})

describe("logout", () => {
  it.effect("waits for a login of another session, and removes what that has stored", () =>
    Effect.gen(function* () {
      const [leaving, other] = [yield* sessionOf(ada), yield* sessionOf(ada)]
      yield* enqueue(Faults.delay("5 seconds"))
      const asking = yield* Effect.fork(other.token)
      yield* TestClock.adjust("1 seconds")
      const logout = yield* Effect.fork(leaving.logout)
      yield* TestClock.adjust("4 seconds")
      const token = yield* Fiber.join(asking)
      yield* Fiber.join(logout)
      assert.strictEqual(value(yield* other.token), value(token))
      assert.notStrictEqual(value(yield* yield* start(ada)), value(token))
      assert.strictEqual(yield* requestCount, 2)
    }).pipe(Effect.scoped, Effect.provide(shared))
  )
})

describe("an access token that was renewed", () => {
  it.effect("is not held up by the refusal of the old one", () =>
    Effect.gen(function* () {
      yield* emulate((emulator) => emulator.revoke(PAT))
      assert.isTrue(Either.isLeft(yield* start(graceToken)))
      const next = `${PAT.slice(0, -1)}x`
      yield* emulate((emulator) =>
        emulator.addAccount({ username: "grace", password: "x", personalAccessTokens: [{ token: next }] })
      )
      assert.isTrue(Either.isRight(yield* start(Credentials.personalAccessToken("grace", next))))
    }).pipe(Effect.provide(shared))
  )
})
