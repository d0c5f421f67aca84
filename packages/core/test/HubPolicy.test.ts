import { assert, describe, it } from "@effect/vitest"
import { HubPolicy } from "@effect-dockerhub/core"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

describe("make", () => {
  it("waits by default as its documentation says", () => {
    assert.deepStrictEqual(HubPolicy.standard, {
      attemptTimeout: Duration.seconds(10),
      deadline: Duration.seconds(60),
      maxRetries: 2,
      backoff: { base: Duration.millis(200), factor: 2, cap: Duration.seconds(10) },
      maxRetryAfter: Duration.seconds(30),
      retryBudget: { capacity: 100, retryCost: 5, timeoutCost: 10 }
    })
  })

  it("is standard where nothing is said", () => {
    assert.deepStrictEqual(HubPolicy.make({}), HubPolicy.standard)
  })

  it("takes a part of a part", () => {
    const policy = HubPolicy.make({ backoff: { base: "1 seconds" }, retryBudget: { capacity: 0 } })
    assert.deepStrictEqual(policy.backoff, { ...HubPolicy.standard.backoff, base: Duration.seconds(1) })
    assert.deepStrictEqual(policy.retryBudget, { capacity: 0, retryCost: 5, timeoutCost: 10 })
  })

  it.each<readonly [HubPolicy.Options, RegExp]>([
    [{ attemptTimeout: Number.NaN }, /attemptTimeout must be a duration that is not negative/],
    [{ attemptTimeout: -1 }, /attemptTimeout must be a duration that is not negative/],
    [{ attemptTimeout: 0 }, /attemptTimeout must be longer than zero/],
    [{ deadline: "-1 seconds" }, /deadline must be a duration that is not negative/],
    [{ deadline: -5n }, /deadline must be a duration that is not negative/],
    [{ deadline: Duration.zero }, /deadline must be longer than zero/],
    [{ deadline: "5 seconds" }, /deadline \(5s\) must not be shorter than attemptTimeout \(10s\)/],
    [{ maxRetryAfter: [-1, 0] }, /maxRetryAfter must be a duration/],
    [{ maxRetries: -1 }, /maxRetries must be a number of at least 0/],
    [{ maxRetries: 1.5 }, /maxRetries must be a whole number/],
    [{ maxRetries: Number.POSITIVE_INFINITY }, /maxRetries must be a number/],
    [{ backoff: { factor: 0.5 } }, /backoff.factor must be a number of at least 1/],
    [{ backoff: { base: "20 seconds" } }, /backoff.cap must not be shorter than backoff.base/],
    [{ backoff: { cap: "86400001 millis" } }, /backoff.cap must not be longer than a day/],
    [{ retryBudget: { capacity: Number.NaN } }, /retryBudget.capacity must be a number/],
    [{ retryBudget: { retryCost: -1 } }, /retryBudget.retryCost must be a number/],
    [{ retryBudget: { timeoutCost: -1 } }, /retryBudget.timeoutCost must be a number/]
  ])("throws for %o, with a sentence that says which", (options, sentence) => {
    assert.throws(() => HubPolicy.make(options), TypeError, sentence)
    assert.throws(() => HubPolicy.layer(options), TypeError, sentence)
  })

  it("takes a back-off of up to a day", () => {
    assert.deepStrictEqual(HubPolicy.make({ backoff: { cap: "1 day" } }).backoff.cap, Duration.days(1))
  })

  it("takes a part that is undefined, as JavaScript may pass it, for one that is not there", () => {
    const retryBudget = { capacity: undefined, retryCost: undefined, timeoutCost: undefined }
    // @ts-expect-error the type refuses it
    assert.deepStrictEqual(HubPolicy.make({ retryBudget }), HubPolicy.standard)
    // @ts-expect-error the type refuses it
    assert.deepStrictEqual(HubPolicy.make({ deadline: undefined, maxRetries: undefined }), HubPolicy.standard)
  })

  it("throws for text that is no duration", () => {
    // @ts-expect-error the type refuses it as well
    assert.throws(() => HubPolicy.make({ deadline: "soon" }), TypeError, /deadline must be a duration/)
  })
})

describe("with", () => {
  it.effect("changes the policy around it, in part, in either style", () =>
    Effect.gen(function* () {
      const around = HubPolicy.make({ maxRetries: 7, maxRetryAfter: "1 seconds" })
      const [first, last] = yield* Effect.all([
        HubPolicy.with(HubPolicy.HubPolicy, { maxRetries: 1 }),
        HubPolicy.HubPolicy.pipe(HubPolicy.with({ maxRetries: 1 }))
      ]).pipe(Effect.provideService(HubPolicy.HubPolicy, around))
      assert.deepStrictEqual(first, { ...around, maxRetries: 1 })
      assert.deepStrictEqual(last, first)
    })
  )

  it.effect("adds up, the inner one last", () =>
    Effect.gen(function* () {
      const policy = yield* HubPolicy.HubPolicy.pipe(
        HubPolicy.with({ maxRetries: 1, backoff: { factor: 3 } }),
        HubPolicy.with({ maxRetries: 5, maxRetryAfter: "1 seconds", backoff: { base: "1 millis" } })
      )
      assert.deepStrictEqual(
        policy,
        HubPolicy.make({ maxRetries: 1, maxRetryAfter: "1 seconds", backoff: { factor: 3, base: "1 millis" } })
      )
    })
  )

  it.effect("takes a part that is undefined for one that is not there", () =>
    Effect.gen(function* () {
      // What JavaScript passes, and TypeScript without exactOptionalPropertyTypes.
      const nothing: object = { maxRetries: undefined, backoff: { factor: undefined } }
      const policy = yield* HubPolicy.HubPolicy.pipe(
        HubPolicy.with(nothing),
        HubPolicy.with({ maxRetries: 7, backoff: { factor: 3 } })
      )
      assert.deepStrictEqual(policy, HubPolicy.make({ maxRetries: 7, backoff: { factor: 3 } }))
    })
  )

  it("throws at once for a part that cannot be", () => {
    assert.throws(() => HubPolicy.with(Effect.void, { maxRetries: -1 }), TypeError, /maxRetries/)
  })
})
