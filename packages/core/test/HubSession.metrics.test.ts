import { assert, describe, it } from "@effect/vitest"
import { HubSession, SecondFactor } from "@effect-dockerhub/core"
import { Faults, HubEmulator } from "@effect-dockerhub/core/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as MetricState from "effect/MetricState"
import * as TestClock from "effect/TestClock"
import { inspect } from "node:util"
import { ada, grace, graceToken, hub, PASSWORD, PAT, SEED, timed } from "./hub.ts"
import { enqueue, session, value } from "./HubSession.world.ts"

const { token } = HubSession

/** Ours among the metrics, by name and labels; of a histogram how many values there were, and their sum. */
const counts = Effect.map(Metric.snapshot, (pairs) => {
  const found = new Map<string, number>()
  for (const { metricKey, metricState } of pairs) {
    if (!metricKey.name.startsWith("dockerhub_")) continue
    const labels = metricKey.tags.map((label) => ` ${label.key}=${label.value}`).toSorted()
    const name = `${metricKey.name.slice("dockerhub_".length)}${labels.join("")}`
    if (MetricState.isCounterState(metricState)) found.set(name, Number(metricState.count))
    if (MetricState.isHistogramState(metricState)) {
      found.set(`${name} count`, metricState.count)
      found.set(`${name} sum`, metricState.sum)
    }
  }
  return found
})

/** What an effect added to the metrics, which are those of the whole process. */
const counted = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = yield* counts
    const outcome = yield* effect
    const added: Record<string, number> = {}
    for (const [name, count] of yield* counts) {
      const more = count - (before.get(name) ?? 0)
      if (more !== 0) added[name] = more
    }
    return { added, outcome }
  })

const added = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.map(counted(effect), ({ added }) => added)

describe("the metrics of a session", () => {
  it.effect("count logins and refreshes by outcome, and tell how old tokens grew", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* added(token), {
        "logins operation=login outcome=AccessToken": 1,
        "refreshes outcome=AccessToken": 1
      })
      assert.deepStrictEqual(yield* added(token), {})
      yield* TestClock.adjust("9 minutes")
      const refresh = Effect.zipRight(token, TestClock.adjust("1 seconds"))
      assert.deepStrictEqual(yield* added(refresh), {
        "logins operation=login outcome=AccessToken": 1,
        "refreshes outcome=AccessToken": 1,
        "token_age_seconds count": 1,
        "token_age_seconds sum": 540
      })
      yield* TestClock.adjust("99 seconds")
      const held = yield* token
      const invalidate = Effect.zipRight(HubSession.invalidate(held), HubSession.invalidate(held))
      assert.deepStrictEqual(yield* added(invalidate), { "token_age_seconds count": 1, "token_age_seconds sum": 100 })
      // The age of the invalidated one was told, and what comes after it took no living one's place.
      yield* enqueue(Faults.status(403))
      assert.deepStrictEqual(yield* added(Effect.flip(token)), {
        "logins operation=login outcome=AccessDenied": 1,
        "refreshes outcome=AccessDenied": 1
      })
      assert.deepStrictEqual(yield* added(Effect.flip(token)), {})
      assert.deepStrictEqual(yield* added(HubSession.reset), {})
      assert.deepStrictEqual(yield* added(token), {
        "logins operation=login outcome=AccessToken": 1,
        "refreshes outcome=AccessToken": 1
      })
    }).pipe(Effect.provide(session(ada)))
  )

  it.effect("count repeats, and the seconds waited for them", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.status(503), 2)
      const once = yield* counted(timed(token))
      const { wait_seconds: waited, ...rest } = once.added
      assert.deepStrictEqual(rest, {
        "logins operation=login outcome=AccessToken": 1,
        "refreshes outcome=AccessToken": 1,
        retries: 2
      })
      assert.isAbove(once.outcome.millis, 0)
      assert.closeTo(waited ?? 0, once.outcome.millis / 1000, 1e-6)
      yield* HubSession.reset
      yield* enqueue(Faults.rateLimited({ after: "20 seconds" }))
      const limited = yield* counted(timed(token))
      assert.closeTo(limited.added["wait_seconds"] ?? 0, 20, 1)
      assert.strictEqual(limited.added["retries"], 1)
    }).pipe(Effect.provide(session(ada)))
  )

  it.effect("tell the operations of a second factor and of an access token apart", () =>
    Effect.gen(function* () {
      const seed = SecondFactor.layer(SecondFactor.totp(SEED))
      assert.deepStrictEqual(yield* added(Effect.provide(token, Layer.provide(session(grace), seed))), {
        "logins operation=login outcome=TwoFactorRequired": 1,
        "logins operation=twoFactorLogin outcome=AccessToken": 1,
        "refreshes outcome=AccessToken": 1
      })
      assert.deepStrictEqual(yield* added(Effect.provide(token, session(graceToken))), {
        "logins operation=createAccessToken outcome=AccessToken": 1,
        "refreshes outcome=AccessToken": 1
      })
    })
  )

  it.effect("count a refresh in the background that would have had to ask a person", () =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.HubEmulator
      const person = SecondFactor.fromEffect(() => emulator.code("grace"))
      const layer = Layer.provide(HubSession.layer({ credentials: grace }), SecondFactor.layer(person))
      yield* Effect.gen(function* () {
        yield* token
        yield* TestClock.adjust("9 minutes")
        assert.deepStrictEqual(yield* added(Effect.zipRight(token, TestClock.adjust("1 seconds"))), {
          "logins operation=login outcome=TwoFactorRequired": 1,
          "refreshes outcome=TwoFactorRequired": 1
        })
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.provide(hub({ rateLimit: false })))
  )

  it.effect("hold no account and no secret", () =>
    Effect.gen(function* () {
      const held = yield* token
      yield* HubSession.invalidate(held)
      yield* enqueue(Faults.respond({ status: 401, body: { detail: `no ${PASSWORD} of ada` } }))
      yield* Effect.flip(token)
      const pairs = (yield* Metric.snapshot).filter(({ metricKey }) => metricKey.name.startsWith("dockerhub_"))
      const labels = pairs.flatMap(({ metricKey }) => metricKey.tags.map(({ key, value }) => [key, value]))
      assert.deepStrictEqual([...new Set(labels.map(([key]) => key))].toSorted(), ["operation", "outcome"])
      for (const [, text] of labels) assert.match(text ?? "", /^[A-Za-z]+$/)
      const all = inspect(pairs, { depth: null })
      for (const secret of ["ada", "grace", PASSWORD, SEED, PAT, value(held)]) assert.notInclude(all, secret)
    }).pipe(Effect.provide(session(ada)))
  )
})
