import { assert, describe, it } from "@effect/vitest"
import {
  AccessToken,
  AuthError,
  Credentials,
  HubAuth,
  HubConfig,
  HubPolicy,
  HubSession,
  SecondFactor,
  SessionStore
} from "@effect-dockerhub/core"
import { Faults, HubEmulator } from "@effect-dockerhub/core/testing"
import * as Chunk from "effect/Chunk"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { ada, grace, graceToken, hub, OAT, PASSWORD, PAT, requestCount, requests, SEED, timed } from "./hub.ts"
import { recordingTracer } from "./recordingTracer.ts"

const { token } = HubSession

/** A session of these credentials over an emulator of its own. */
const session = (
  credentials: Credentials.Credentials,
  emulator?: HubEmulator.Options,
  options?: Omit<HubSession.Options, "credentials">
) => HubSession.layer({ credentials, ...options }).pipe(Layer.provideMerge(hub({ rateLimit: false, ...emulator })))

const logins = Effect.map(requests, (seen) => seen.filter(({ route }) => route !== "twoFactorLogin").length)
const emulate = <A>(f: (emulator: HubEmulator.Service) => Effect.Effect<A>) =>
  Effect.flatMap(HubEmulator.HubEmulator, f)
const outage = emulate((emulator) => emulator.enqueue(Faults.status(503), { times: Number.POSITIVE_INFINITY }))
const recovery = emulate((emulator) => emulator.clearFaults)
const value = (held: AccessToken.AccessToken) => Redacted.value(held.value)

/** So many callers at once, and the outcome of each. */
const crowd = (size: number) => Effect.forEach(Array.from({ length: size }), () => Effect.fork(token))

describe("many callers", () => {
  it.effect("10,000 on an empty session cause one login, and on an expired one, one refresh", () =>
    Effect.gen(function* () {
      for (const count of [1, 2]) {
        const tokens = yield* Fiber.join(Fiber.all(yield* crowd(10_000)))
        assert.strictEqual(new Set(tokens.map(value)).size, 1)
        assert.strictEqual(yield* requestCount, count)
        yield* TestClock.adjust("10 minutes")
      }
    }).pipe(Effect.provide(session(ada)))
  )

  it.effect("1 % of 10,000 interrupted, the first included, harm nobody else, and it is still one login", () =>
    Effect.gen(function* () {
      yield* emulate((emulator) => emulator.enqueue(Faults.delay("1 seconds")))
      const fibers = yield* crowd(10_000)
      yield* TestClock.adjust("500 millis")
      const leaving = fibers.filter((_, index) => index % 100 === 0)
      yield* Fiber.interruptAll(leaving)
      yield* TestClock.adjust("500 millis")
      const staying = fibers.filter((_, index) => index % 100 !== 0)
      const tokens = yield* Fiber.join(Fiber.all(staying))
      assert.strictEqual(new Set(tokens.map(value)).size, 1)
      assert.strictEqual(yield* requestCount, 1)
    }).pipe(Effect.provide(session(ada)))
  )

  it.effect("when all have gone the login is aborted, and the next caller starts a fresh one", () =>
    Effect.gen(function* () {
      yield* emulate((emulator) => emulator.enqueue(Faults.delay("1 seconds")))
      const fibers = yield* crowd(10)
      yield* TestClock.adjust("500 millis")
      yield* Fiber.interruptAll(fibers)
      yield* TestClock.adjust("1 minutes")
      assert.deepStrictEqual(
        (yield* requests).map(({ status }) => status),
        [Option.none()]
      )
      yield* token
      assert.strictEqual(yield* requestCount, 2)
    }).pipe(Effect.provide(session(ada)))
  )

  it.effect("a caller who arrives while an abandoned login is still ending starts a fresh one", () =>
    Effect.gen(function* () {
      const store = yield* SessionStore.makeMemory
      let reads = 0
      const slow: SessionStore.Service = {
        ...store,
        read: (key) =>
          reads++ === 0 ? Effect.uninterruptible(Effect.delay(store.read(key), "5 seconds")) : store.read(key)
      }
      yield* Effect.gen(function* () {
        const first = yield* Effect.fork(token)
        yield* TestClock.adjust("1 seconds")
        yield* Fiber.interrupt(first)
        yield* emulate((emulator) => emulator.enqueue(Faults.delay("9 seconds")))
        const second = yield* Effect.fork(token)
        // Meanwhile the abandoned one ends, which is nobody's business any more.
        yield* TestClock.adjust("6 seconds")
        const third = yield* Effect.fork(token)
        yield* TestClock.adjust("3 seconds")
        assert.strictEqual(value(yield* Fiber.join(second)), value(yield* Fiber.join(third)))
        assert.strictEqual(yield* requestCount, 1)
      }).pipe(
        Effect.provide(Layer.provide(session(ada), Layer.succeed(SessionStore.SessionStore, slow))),
        Effect.provide(hub())
      )
    })
  )
})

describe("invalidate", () => {
  it.effect("five late 401s for one dead token cause one refresh", () =>
    Effect.gen(function* () {
      const dead = yield* token
      yield* HubSession.invalidate(dead)
      const fresh = yield* token
      for (let late = 0; late < 4; late++) yield* HubSession.invalidate(dead)
      assert.strictEqual(value(yield* token), value(fresh))
      assert.notStrictEqual(value(fresh), value(dead))
      assert.strictEqual(yield* requestCount, 2)
    }).pipe(Effect.provide(session(ada)))
  )

  it.effect("keeps a stored token from coming back", () =>
    Effect.gen(function* () {
      const dead = yield* token
      yield* HubSession.invalidate(dead)
      assert.notStrictEqual(value(yield* token), value(dead))
    }).pipe(Effect.provide(Layer.provide(session(ada), SessionStore.layerMemory)))
  )
})

describe("the end of a token's life", () => {
  it.effect.each(["60 seconds", "4 minutes", "10 minutes"] as const)(
    "a token of %s is refreshed once a lifetime, under constant traffic, and nobody waits",
    (lifetime) =>
      Effect.gen(function* () {
        yield* token
        const seconds = Duration.toSeconds(lifetime)
        for (let step = 0; step < 5 * 60; step++) {
          yield* TestClock.adjust(Duration.seconds(seconds / 60))
          const asking = yield* Effect.fork(token)
          yield* Effect.yieldNow()
          const held = yield* Option.getOrThrow(yield* Fiber.poll(asking))
          const left = Duration.toSeconds(Option.getOrThrow(yield* AccessToken.timeToLive(held)))
          assert.isAbove(left, Math.min(5, seconds / 10))
        }
        assert.isAtMost(yield* requestCount, 8)
        assert.isAtLeast(yield* requestCount, 5)
      }).pipe(Effect.provide(session(ada, { loginTokenLifetime: lifetime })))
  )

  it.effect("a token that does not say is taken to live for fallbackLifetime", () =>
    Effect.gen(function* () {
      yield* emulate((emulator) =>
        emulator.enqueue(Faults.respond({ status: 200, body: { token: "opaque" } }), {
          times: Number.POSITIVE_INFINITY
        })
      )
      for (let second = 0; second < 60 * 60; second += 5) {
        yield* token
        yield* TestClock.adjust("5 seconds")
      }
      assert.isAtMost(yield* requestCount, 16)
      assert.isAtLeast(yield* requestCount, 12)
    }).pipe(Effect.provide(session(ada)))
  )

  it.effect("is not waited for where nobody asks", () =>
    Effect.gen(function* () {
      yield* token
      yield* TestClock.adjust("1 days")
      assert.strictEqual(yield* requestCount, 1)
    }).pipe(Effect.provide(session(ada)))
  )

  it.effect("is not served within 5 s of it, or a tenth of the life of a short one", () =>
    Effect.gen(function* () {
      for (const [lifetime, margin] of [
        [600, 5],
        [20, 2]
      ] as const) {
        const served = yield* Effect.gen(function* () {
          const first = yield* token
          yield* TestClock.adjust(Duration.seconds(lifetime - margin - 0.1))
          assert.strictEqual(value(yield* token), value(first))
          yield* TestClock.adjust("200 millis")
          return value(yield* token) === value(first)
        }).pipe(Effect.provide(session(ada, { loginTokenLifetime: Duration.seconds(lifetime) }, { refreshAhead: 0 })))
        assert.isFalse(served)
      }
    })
  )

  it.effect.each([3_600_000, -3_600_000])("is known although the server's clock is ours plus %i ms", (clockOffset) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_769_818_788_000)
      for (let minute = 0; minute < 30; minute++) {
        const held = yield* token
        assert.isFalse(yield* AccessToken.isExpired(held))
        yield* TestClock.adjust("1 minutes")
      }
      assert.isAtLeast(yield* requestCount, 3)
      assert.isAtMost(yield* requestCount, 5)
    }).pipe(Effect.provide(session(ada, { clockOffset })))
  )

  it.effect("a token that has expired when it arrives is no token, and is not asked for again at once", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_769_818_788_000)
      const expired = Faults.respond({ status: 200, body: { token: "e30.eyJleHAiOjE3Njk4MTg3ODh9.e30" } })
      yield* emulate((emulator) => emulator.enqueue(expired, { times: 3 }))
      assert.strictEqual((yield* Effect.flip(token))._tag, "UnexpectedResponse")
      assert.strictEqual((yield* Effect.flip(token))._tag, "UnexpectedResponse")
      assert.strictEqual(yield* requestCount, 1)
    }).pipe(Effect.provide(session(ada)))
  )
})

describe("a refresh in the background", () => {
  it.effect("goes on although the only caller who came to wait for it has left", () =>
    Effect.gen(function* () {
      const first = yield* token
      yield* TestClock.adjust("594 seconds")
      yield* emulate((emulator) => emulator.enqueue(Faults.delay("5 seconds")))
      yield* token
      yield* TestClock.adjust("2 seconds")
      const waiting = yield* Effect.fork(token)
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.interrupt(waiting)
      yield* TestClock.adjust("2 seconds")
      assert.notStrictEqual(value(yield* token), value(first))
      assert.strictEqual(yield* requestCount, 2)
    }).pipe(Effect.provide(session(ada)))
  )

  it.effect("is nobody's span but its own", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recordingTracer()
      yield* token.pipe(
        Effect.withSpan("a caller's"),
        Effect.provide(session(ada)),
        Effect.withSpan("a builder's"),
        Effect.withTracer(tracer)
      )
      assert.deepStrictEqual(Object.fromEntries(spans.map(({ name, parent }) => [name, parent])), {
        "a builder's": undefined,
        "a caller's": "a builder's",
        "HubSession.refresh": undefined,
        "HubAuth.authenticate": "HubSession.refresh",
        "HubAuth.login": "HubAuth.authenticate"
      })
    })
  )
})

describe("a login endpoint that is down", () => {
  it.effect("for the last fifth of a token's life fails no caller before its end, and is not hammered", () =>
    Effect.gen(function* () {
      const first = yield* token
      yield* outage
      yield* emulate((emulator) => emulator.clearRequests)
      for (let second = 0; second < 594; second++) {
        yield* TestClock.adjust("1 seconds")
        assert.strictEqual(value(yield* token), value(first))
      }
      const count = yield* requestCount
      assert.isAtLeast(count, 6)
      // Each try is up to three requests.
      assert.isAtMost(count, 3 * 8)
      yield* TestClock.adjust("2 seconds")
      const { result } = yield* timed(token)
      assert.strictEqual((yield* Effect.flip(result))._tag, "ServiceUnavailable")
      yield* recovery
      assert.notStrictEqual(value(yield* token), value(first))
    }).pipe(Effect.provide(session(ada)))
  )

  it.effect("and then up again is noticed within the token's life", () =>
    Effect.gen(function* () {
      const first = yield* token
      yield* outage
      yield* TestClock.adjust("9 minutes")
      yield* token
      yield* TestClock.adjust("10 seconds")
      yield* recovery
      yield* TestClock.adjust("10 seconds")
      yield* token
      yield* TestClock.adjust("1 seconds")
      assert.notStrictEqual(value(yield* token), value(first))
    }).pipe(Effect.provide(session(ada)))
  )
})

describe("a refusal is remembered", () => {
  /** How many requests ten calls make, and the errors they fail with. */
  const ten = Effect.gen(function* () {
    const errors = yield* Effect.forEach(Array.from({ length: 10 }), () => Effect.flip(token))
    return { count: yield* requestCount, tags: new Set(errors.map(({ _tag }) => _tag)), errors }
  })

  it.effect("a wrong password is one request, then the same error at once, until reset", () =>
    Effect.gen(function* () {
      const { count, errors } = yield* ten
      assert.strictEqual(count, 1)
      assert.isTrue(errors.every((error) => error === errors[0]))
      yield* TestClock.adjust("1 days")
      assert.strictEqual((yield* ten).count, 1)
      yield* HubSession.reset
      assert.strictEqual((yield* ten).count, 2)
    }).pipe(Effect.provide(session(Credentials.password("ada", "wrong"))))
  )

  it.effect.each([
    ["AccessDenied", Faults.status(403)],
    ["TwoFactorRequired", Faults.respond({ status: 401, body: { login_2fa_token: "x" } })]
  ] as const)("%s until reset", ([tag, fault]) =>
    Effect.gen(function* () {
      yield* emulate((emulator) => emulator.enqueue(fault))
      assert.deepStrictEqual([...(yield* ten).tags], [tag])
      yield* TestClock.adjust("1 days")
      assert.strictEqual((yield* ten).count, 1)
      yield* HubSession.reset
      yield* token
    }).pipe(Effect.provide(session(ada)))
  )

  it.effect("a 429 of ten minutes is one request in those ten minutes", () =>
    Effect.gen(function* () {
      yield* emulate((emulator) => emulator.enqueue(Faults.rateLimited({ after: "10 minutes" })))
      assert.strictEqual((yield* ten).count, 1)
      yield* TestClock.adjust("9 minutes")
      const [error] = (yield* ten).errors
      assert.deepInclude(error, { _tag: "RateLimited", retryAfter: Option.some(Duration.minutes(1)) })
      assert.strictEqual(yield* requestCount, 1)
      yield* TestClock.adjust("1 minutes")
      yield* token
    }).pipe(Effect.provide(session(ada)))
  )

  it.effect.each([
    ["RateLimited", Faults.rateLimited({ retryAfter: "none" }), 60, 600],
    ["EdgeBlocked", Faults.challengePage(), 5, 300],
    ["UnexpectedResponse", Faults.status(418), 5, 300]
  ] as const)("%s for a while that doubles: %#", ([tag, fault, first, longest]) =>
    Effect.gen(function* () {
      yield* emulate((emulator) => emulator.enqueue(fault, { times: 20 }))
      let pause: number = first
      for (let count = 1; count <= 9; count++) {
        assert.deepStrictEqual([...(yield* ten).tags], [tag])
        assert.strictEqual(yield* requestCount, count)
        yield* TestClock.adjust(Duration.millis(pause * 1000 - 1))
        yield* Effect.flip(token)
        assert.strictEqual(yield* requestCount, count)
        yield* TestClock.adjust("1 millis")
        pause = Math.min(pause * 2, longest)
      }
      yield* recovery
      yield* token
      yield* emulate((emulator) => emulator.enqueue(fault))
      yield* HubSession.reset
      yield* Effect.flip(token)
      yield* TestClock.adjust(Duration.seconds(first))
      yield* token
    }).pipe(Effect.provide(session(ada)))
  )

  it.effect("for a while that begins anew after a success", () =>
    Effect.gen(function* () {
      const blocked = emulate((emulator) => emulator.enqueue(Faults.challengePage()))
      yield* blocked
      yield* Effect.flip(token)
      yield* TestClock.adjust("5 seconds")
      yield* HubSession.invalidate(yield* token)
      yield* blocked
      yield* Effect.flip(token)
      yield* TestClock.adjust("5 seconds")
      yield* token
    }).pipe(Effect.provide(session(ada)))
  )

  it.effect("a failure that may pass by itself is not", () =>
    Effect.gen(function* () {
      yield* emulate((emulator) => emulator.enqueue(Faults.status(500), { times: 2 }))
      yield* Effect.flip(token)
      yield* Effect.flip(token)
      yield* token
      assert.strictEqual(yield* requestCount, 3)
    }).pipe(Effect.provide(session(ada)))
  )

  it.effect("an account with a second factor and none to ask, or with a wrong seed, is never locked by us", () =>
    Effect.gen(function* () {
      const without = yield* Effect.provide(timed(ten, "1 hour"), session(grace))
      assert.strictEqual((yield* without.result).count, 1)
      const wrong = SecondFactor.layer(SecondFactor.totp("JBSWY3DPEHPK3PXP"))
      const withWrong = yield* Effect.provide(timed(ten, "1 hour"), Layer.provide(session(grace), wrong))
      const { count, tags } = yield* withWrong.result
      assert.deepStrictEqual([...tags], ["InvalidTwoFactorCode"])
      assert.strictEqual(count, 4)
    })
  )

  it.effect("in the background stops the background, and fails callers only when the token has ended", () =>
    Effect.gen(function* () {
      yield* token
      yield* emulate((emulator) => emulator.enqueue(Faults.status(401), { times: 5 }))
      yield* TestClock.adjust("9 minutes")
      for (let second = 0; second < 50; second++) {
        yield* token
        yield* TestClock.adjust("1 seconds")
      }
      assert.strictEqual(yield* requestCount, 2)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Effect.flip(token))._tag, "InvalidCredentials")
      assert.strictEqual(yield* requestCount, 2)
    }).pipe(Effect.provide(session(ada)))
  )
})

describe("a person who is asked", () => {
  /** A second factor that asks, and how often it did. */
  const person = Effect.map(HubEmulator.HubEmulator, (emulator) => {
    let asked = 0
    const secondFactor = SecondFactor.fromEffect(() => {
      asked++
      return Effect.map(emulator.code("grace"), (code) => Redacted.make(code))
    })
    return { asked: () => asked, secondFactor }
  })

  it.effect("is asked while a caller waits, never by a refresh in the background", () =>
    Effect.gen(function* () {
      const { asked, secondFactor } = yield* person
      const program = Effect.gen(function* () {
        const first = yield* token
        assert.strictEqual(asked(), 1)
        yield* TestClock.adjust("9 minutes")
        for (let second = 0; second < 54; second++) {
          assert.strictEqual(value(yield* token), value(first))
          yield* TestClock.adjust("1 seconds")
        }
        assert.strictEqual(asked(), 1)
        // Once in the background it was tried whether a code is needed at all.
        assert.strictEqual(yield* logins, 2)
        yield* TestClock.adjust("10 seconds")
        assert.notStrictEqual(value(yield* token), value(first))
        assert.strictEqual(asked(), 2)
      })
      yield* Effect.provide(
        program,
        Layer.provide(HubSession.layer({ credentials: grace }), SecondFactor.layer(secondFactor))
      )
    }).pipe(Effect.provide(hub({ rateLimit: false })))
  )

  it.effect("is known for one although only HubAuth was given the second factor", () =>
    Effect.gen(function* () {
      const { asked, secondFactor } = yield* person
      const auth = Layer.provide(HubAuth.layer, SecondFactor.layer(secondFactor))
      yield* Effect.gen(function* () {
        yield* token
        yield* TestClock.adjust("9 minutes")
        yield* token
        yield* TestClock.adjust("1 seconds")
        assert.strictEqual(asked(), 1)
      }).pipe(Effect.provide(Layer.provide(HubSession.layer({ credentials: grace }), auth)))
    }).pipe(Effect.provide(hub({ rateLimit: false })))
  )

  it.effect("of an account without a second factor is not missed: the background refresh goes through", () =>
    Effect.gen(function* () {
      const first = yield* token
      yield* TestClock.adjust("9 minutes")
      yield* token
      yield* TestClock.adjust("1 seconds")
      assert.notStrictEqual(value(yield* token), value(first))
    }).pipe(
      Effect.provide(
        Layer.provide(session(ada), SecondFactor.layer(SecondFactor.fromEffect(() => Effect.dieMessage("asked"))))
      )
    )
  )

  it.effect("who joins a refresh in the background is asked after all", () =>
    Effect.gen(function* () {
      const { asked, secondFactor } = yield* person
      yield* Effect.gen(function* () {
        const first = yield* token
        yield* TestClock.adjust("590 seconds")
        yield* emulate((emulator) => emulator.enqueue(Faults.delay("8 seconds")))
        yield* token
        yield* TestClock.adjust("6 seconds")
        const waiting = yield* Effect.fork(token)
        yield* TestClock.adjust("2 seconds")
        assert.notStrictEqual(value(yield* Fiber.join(waiting)), value(first))
        assert.strictEqual(asked(), 2)
      }).pipe(Effect.provide(Layer.provide(HubSession.layer({ credentials: grace }), SecondFactor.layer(secondFactor))))
    }).pipe(Effect.provide(hub({ rateLimit: false })))
  )

  it.effect("holds no lock of the store while looking for the code", () =>
    Effect.gen(function* () {
      const store = yield* SessionStore.SessionStore
      const looking = SecondFactor.fromEffect(() =>
        Effect.zipRight(Effect.sleep("50 seconds"), Effect.die("not to be reached"))
      )
      const fiber = yield* Effect.fork(
        Effect.provide(token, Layer.provide(HubSession.layer({ credentials: grace }), SecondFactor.layer(looking)))
      )
      yield* TestClock.adjust("1 seconds")
      const [entry] = keys
      const free = yield* Effect.fork(store.exclusively(entry ?? "")(Effect.succeed("free")))
      yield* TestClock.adjust("1 seconds")
      assert.deepStrictEqual(yield* Fiber.poll(free), Option.some(Exit.succeed("free")))
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(hub({ rateLimit: false })), Effect.provide(spyingStore))
  )

  const keys: Array<string> = []
  const spyingStore = Layer.effect(
    SessionStore.SessionStore,
    Effect.map(SessionStore.makeMemory, (store): SessionStore.Service => ({
      ...store,
      exclusively: (key) => {
        keys.push(key)
        return store.exclusively(key)
      }
    }))
  )
})

describe("what a session captured", () => {
  it.effect("is all its logins use: no caller's policy or second factor reaches them", () =>
    Effect.gen(function* () {
      yield* emulate((emulator) => emulator.enqueue(Faults.status(503), { times: 1 }))
      const { result } = yield* timed(token.pipe(HubPolicy.with({ maxRetries: 0 })))
      assert.isTrue(Either.isRight(result))
      yield* HubSession.reset
    }).pipe(Effect.provide(session(ada)))
  )

  it.effect("is a policy provided to it, which its logins follow", () =>
    Effect.gen(function* () {
      yield* outage
      yield* timed(Effect.either(token))
      assert.strictEqual(yield* requestCount, 5)
    }).pipe(Effect.provide(Layer.provide(session(ada), HubPolicy.layer({ maxRetries: 4 }))))
  )

  it.effect("is the second factor provided to it", () =>
    Effect.gen(function* () {
      yield* token
      assert.strictEqual(yield* logins, 1)
    }).pipe(Effect.provide(Layer.provide(session(grace), SecondFactor.layer(SecondFactor.totp(SEED)))))
  )
})

describe("reset and logout", () => {
  it.effect("reset forgets the token", () =>
    Effect.gen(function* () {
      const first = yield* token
      yield* HubSession.reset
      assert.notStrictEqual(value(yield* token), value(first))
    }).pipe(Effect.provide(Layer.provide(session(ada), SessionStore.layerMemory)))
  )

  it.effect("what arrives after logout is dropped, in memory and in the store", () =>
    Effect.gen(function* () {
      const store = yield* SessionStore.SessionStore
      yield* emulate((emulator) => emulator.enqueue(Faults.delay("1 seconds", { acted: true })))
      const waiting = yield* Effect.fork(token)
      yield* TestClock.adjust("500 millis")
      yield* HubSession.logout
      const again = yield* Fiber.join(waiting)
      assert.strictEqual(yield* requestCount, 2)
      yield* TestClock.adjust("1 minutes")
      assert.strictEqual(value(yield* token), value(again))
      yield* HubSession.logout
      assert.isTrue(Option.isNone(yield* store.read(yield* keyOf)))
    }).pipe(Effect.provide(Layer.provideMerge(session(ada), recordingStore)))
  )

  it.effect("who asks in the middle of a logout does not get the token back from the store", () =>
    Effect.gen(function* () {
      const first = yield* token
      const leaving = yield* Effect.fork(HubSession.logout)
      yield* TestClock.adjust("1 seconds")
      const asking = yield* Effect.fork(token)
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(leaving)
      assert.notStrictEqual(value(yield* Fiber.join(asking)), value(first))
    }).pipe(
      Effect.provide(
        Layer.provide(
          session(ada),
          Layer.effect(
            SessionStore.SessionStore,
            Effect.map(SessionStore.makeMemory, (store): SessionStore.Service => ({
              ...store,
              remove: (key) => Effect.delay(store.remove(key), "5 seconds")
            }))
          )
        )
      )
    )
  )

  it.effect("logout fails when the store could not forget, and the token is forgotten here all the same", () =>
    Effect.gen(function* () {
      const first = yield* token
      const error = yield* Effect.flip(HubSession.logout)
      assert.deepInclude(error, { _tag: "SessionStoreError", operation: "remove" })
      assert.notStrictEqual(value(yield* token), value(first))
      yield* HubSession.reset
    }).pipe(Effect.provide(Layer.provide(session(ada), failingStore)))
  )

  it.effect("a session whose scope is closed ends its login and serves nobody", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const held = yield* Scope.extend(HubSession.make({ credentials: ada }), scope)
      yield* emulate((emulator) => emulator.enqueue(Faults.never))
      const waiting = yield* Effect.fork(held.token)
      yield* TestClock.adjust("1 seconds")
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.await(waiting)))
      assert.isTrue(Exit.isInterrupted(yield* Effect.exit(held.token)))
      assert.strictEqual(yield* requestCount, 1)
    }).pipe(Effect.provide(hub()))
  )

  let lastKey = ""
  const keyOf = Effect.sync(() => lastKey)
  const recordingStore = Layer.effect(
    SessionStore.SessionStore,
    Effect.map(SessionStore.makeMemory, (store): SessionStore.Service => ({
      ...store,
      write: (key, entry) => {
        lastKey = key
        return store.write(key, entry)
      }
    }))
  )
})

const broken = (operation: AuthError.SessionStoreError["operation"]) =>
  Effect.fail(new AuthError.SessionStoreError({ operation, reason: "the disk is gone" }))

const failingStore = Layer.succeed(SessionStore.SessionStore, {
  read: () => broken("read"),
  write: () => broken("write"),
  remove: () => broken("remove"),
  exclusively: () => (effect) => effect
})

type Outcome = Either.Either<AccessToken.AccessToken, AuthError.AuthenticateError> | undefined

/** The token a start got, or the tag of its failure. */
const valueOf = (outcome: Outcome): string | undefined =>
  outcome === undefined ? undefined : Either.match(outcome, { onLeft: ({ _tag }) => _tag, onRight: value })

describe("the store", () => {
  /** Sessions that share a store and an emulator, one after another: as many starts of a process. */
  const starts = (...credentials: ReadonlyArray<Credentials.Credentials>) =>
    Effect.forEach(credentials, (each) =>
      Effect.provide(Effect.either(token), Layer.fresh(HubSession.layer({ credentials: each })))
    )

  const shared = Layer.merge(hub({ rateLimit: false }), SessionStore.layerMemory)

  it.effect("spares the second start its login", () =>
    Effect.gen(function* () {
      const [first, second] = yield* starts(ada, ada)
      assert.strictEqual(valueOf(second), valueOf(first))
      assert.strictEqual(yield* requestCount, 1)
    }).pipe(Effect.provide(shared))
  )

  it.effect("does not give a token of one Hub, kind or secret to another", () =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.HubEmulator
      yield* emulator.addAccount({
        username: "grace",
        password: PASSWORD,
        personalAccessTokens: [{ token: PAT }, { token: `${PAT.slice(0, -1)}x` }]
      })
      yield* starts(
        grace,
        graceToken,
        Credentials.personalAccessToken("grace", `${PAT.slice(0, -1)}x`),
        Credentials.organizationAccessToken("acme", OAT)
      )
      assert.strictEqual(yield* requestCount, 4)
      yield* starts(Credentials.password(" GRACE ", PASSWORD), graceToken)
      assert.strictEqual(yield* requestCount, 4)
      const staging = Layer.provide(HubAuth.layer, HubConfig.layer({ baseUrl: "https://hub-stage.docker.com" }))
      yield* Effect.provide(token, Layer.provide(HubSession.layer({ credentials: grace }), staging))
      assert.strictEqual(yield* requestCount, 5)
    }).pipe(Effect.provide(shared))
  )

  it.effect("that fails never fails the session", () =>
    Effect.gen(function* () {
      yield* token
      yield* TestClock.adjust("10 minutes")
      yield* token
      assert.strictEqual(yield* requestCount, 2)
    }).pipe(Effect.provide(Layer.provide(session(ada), failingStore)))
  )

  it.effect("that hangs delays a login, and no more", () =>
    Effect.gen(function* () {
      const { result } = yield* timed(token)
      assert.isTrue(Either.isRight(result))
    }).pipe(
      Effect.provide(
        Layer.provide(
          session(ada),
          Layer.succeed(SessionStore.SessionStore, {
            read: () => Effect.never,
            write: () => Effect.never,
            remove: () => Effect.never,
            exclusively: () => (effect) => effect
          })
        )
      )
    )
  )

  it.effect("keeps many who start at once to one login, right or wrong", () =>
    Effect.gen(function* () {
      const together = (credentials: Credentials.Credentials) =>
        Effect.all(
          Array.from({ length: 20 }, () => starts(credentials)),
          { concurrency: "unbounded" }
        )
      yield* together(ada)
      assert.strictEqual(yield* requestCount, 1)
      const outcomes = yield* together(Credentials.password("grace", "wrong"))
      assert.strictEqual(yield* requestCount, 2)
      for (const [outcome] of outcomes) {
        assert.strictEqual(valueOf(outcome), "InvalidCredentials")
      }
    }).pipe(Effect.provide(shared))
  )

  it.effect("makes the next process wait out a refusal for 15 s, not for ever: the password may be another", () =>
    Effect.gen(function* () {
      yield* starts(Credentials.password("ada", "wrong"))
      const [tooSoon] = yield* starts(ada)
      assert.strictEqual(valueOf(tooSoon), "InvalidCredentials")
      assert.strictEqual(yield* requestCount, 1)
      yield* TestClock.adjust("15 seconds")
      const [later] = yield* starts(ada)
      assert.isTrue(later !== undefined && Either.isRight(later))
    }).pipe(Effect.provide(shared))
  )

  it.effect("lets a session that met another's refusal try again by itself once that has passed", () =>
    Effect.gen(function* () {
      yield* starts(Credentials.password("ada", "wrong"))
      yield* Effect.gen(function* () {
        yield* Effect.flip(token)
        yield* TestClock.adjust("15 seconds")
        yield* token
      }).pipe(Effect.provide(Layer.fresh(HubSession.layer({ credentials: ada }))))
    }).pipe(Effect.provide(shared))
  )

  it.effect("is not spoilt by a refresh that is refused while the token still lives", () =>
    Effect.gen(function* () {
      yield* Effect.gen(function* () {
        yield* token
        yield* emulate((emulator) => emulator.enqueue(Faults.rateLimited({ after: "10 minutes" })))
        yield* TestClock.adjust("9 minutes")
        yield* token
        yield* TestClock.adjust("1 seconds")
        const [other] = yield* starts(ada)
        assert.isTrue(other !== undefined && Either.isRight(other))
      }).pipe(Effect.provide(Layer.fresh(HubSession.layer({ credentials: ada }))))
    }).pipe(Effect.provide(shared))
  )

  it.effect("gives a session the token another has refreshed meanwhile", () =>
    Effect.gen(function* () {
      const sessionOf = (refreshAhead: number) =>
        Effect.flatMap(Effect.scope, (scope) =>
          Scope.extend(HubSession.make({ credentials: ada, refreshAhead }), scope)
        )
      const [early, late] = [yield* sessionOf(0.5), yield* sessionOf(0.1)]
      yield* early.token
      yield* late.token
      yield* TestClock.adjust("350 seconds")
      yield* early.token
      yield* TestClock.adjust("230 seconds")
      yield* late.token
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(value(yield* late.token), value(yield* early.token))
      assert.strictEqual(yield* requestCount, 2)
    }).pipe(Effect.scoped, Effect.provide(shared))
  )
})

describe("events", () => {
  it.effect("tell what happens, and no secret", () =>
    Effect.gen(function* () {
      const collected = yield* Effect.fork(Stream.runCollect(Stream.take(HubSession.events, 5)))
      yield* TestClock.adjust("1 millis")
      yield* token
      yield* outage
      yield* TestClock.adjust("9 minutes")
      yield* token
      yield* TestClock.adjust("3 seconds")
      yield* recovery
      yield* TestClock.adjust("1 minutes")
      yield* token
      yield* emulate((emulator) => emulator.enqueue(Faults.rateLimited({ after: "1 minutes" })))
      yield* HubSession.reset
      yield* Effect.flip(token)
      yield* TestClock.adjust("1 minutes")
      yield* token
      const seen = Chunk.toReadonlyArray(yield* Fiber.join(collected))
      assert.deepStrictEqual(
        seen.map(({ _tag }) => _tag),
        ["Authenticated", "RefreshFailed", "Refreshed", "Refused", "Authenticated"]
      )
      assert.deepInclude(seen[1], { error: "ServiceUnavailable" })
      assert.deepInclude(seen[3], { error: "RateLimited" })
    }).pipe(Effect.provide(session(ada)))
  )
})

describe("layerConfig", () => {
  it.effect("takes the credentials from the environment", () =>
    Effect.gen(function* () {
      yield* Effect.provide(token, HubSession.layerConfig())
      assert.strictEqual(yield* requestCount, 1)
    }).pipe(
      Effect.provide(hub()),
      Effect.withConfigProvider(
        ConfigProvider.fromMap(
          new Map([
            ["DOCKERHUB_USERNAME", "ada"],
            ["DOCKERHUB_PASSWORD", PASSWORD]
          ])
        )
      )
    )
  )

  it.effect("fails with a ConfigError where there are none", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.provide(token, HubSession.layerConfig()))
      assert.include(String(error), "DOCKERHUB_USERNAME")
    }).pipe(Effect.provide(hub()), Effect.withConfigProvider(ConfigProvider.fromMap(new Map())))
  )
})

describe("layerToken", () => {
  const jwt = "e30.eyJleHAiOjYwMH0.e30"

  it.effect("serves the bearer until it expires", () =>
    Effect.gen(function* () {
      assert.strictEqual(value(yield* token), jwt)
      yield* TestClock.adjust("599 seconds")
      yield* token
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual((yield* Effect.flip(token))._tag, "InvalidCredentials")
    }).pipe(Effect.provide(HubSession.layerToken(jwt)))
  )

  it.effect("serves it until a server refused it", () =>
    Effect.gen(function* () {
      const held = yield* token
      yield* HubSession.invalidate(yield* AccessToken.fromString("another"))
      yield* token
      yield* HubSession.invalidate(held)
      assert.strictEqual((yield* Effect.flip(token))._tag, "InvalidCredentials")
      yield* HubSession.reset
      yield* token
      yield* HubSession.logout
      yield* HubSession.reset
      assert.strictEqual((yield* Effect.flip(token))._tag, "InvalidCredentials")
      assert.strictEqual(Chunk.size(yield* Stream.runCollect(HubSession.events)), 0)
    }).pipe(Effect.provide(HubSession.layerToken(Redacted.make("opaque"))))
  )

  it.effect("fails with MalformedToken for what no header can hold", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.provide(token, HubSession.layerToken("a\r\nb: c")))
      assert.strictEqual(error._tag, "MalformedToken")
    })
  )
})

describe("options", () => {
  it.each([
    [{ refreshAhead: -0.1 }, /refreshAhead/],
    [{ refreshAhead: 0.6 }, /refreshAhead/],
    [{ refreshAhead: Number.NaN }, /refreshAhead/],
    [{ fallbackLifetime: 0 }, /fallbackLifetime must be longer than zero/],
    [{ fallbackLifetime: Number.NaN }, /fallbackLifetime must be a duration/],
    [{ fallbackLifetime: Number.POSITIVE_INFINITY }, /fallbackLifetime must not be longer than a year/],
    [{ fallbackLifetime: "366 days" }, /fallbackLifetime must not be longer than a year/]
  ] as const)("throws for %o, with a sentence", (options, sentence) => {
    assert.throws(() => HubSession.layer({ credentials: ada, ...options }), TypeError, sentence)
  })
})
