import { assert, describe, it } from "@effect/vitest"
import { HubAuth, HubSession, SecondFactor, SessionStore } from "@effect-dockerhub/core"
import { Faults, HubEmulator } from "@effect-dockerhub/core/testing"
import * as PlatformError from "@effect/platform/Error"
import * as HttpClient from "@effect/platform/HttpClient"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { inspect } from "node:util"
import { vi } from "vitest"
import { grace, PASSWORD, SEED, timed, world } from "./hub.ts"
import { value } from "./HubSession.world.ts"
import { recordingTracer } from "./recordingTracer.ts"

/** Everything that printing a value could show. */
const printed = (thing: unknown): ReadonlyArray<string> => [
  inspect(thing, { depth: null, showHidden: true }),
  JSON.stringify(thing) ?? "",
  String(thing)
]

/** All loggers there are; the pretty one writes to the console. */
const collectingLoggers = Effect.gen(function* () {
  const lines: Array<string> = []
  const spies = (["log", "error", "group", "groupCollapsed", "debug", "info", "warn"] as const).map((method) =>
    vi.spyOn(console, method).mockImplementation((...texts: ReadonlyArray<unknown>) => {
      lines.push(texts.map((text) => (typeof text === "string" ? text : inspect(text, { depth: null }))).join(" "))
    })
  )
  yield* Effect.addFinalizer(() => Effect.sync(() => spies.forEach((spy) => spy.mockRestore())))
  const collect = (format: Logger.Logger<unknown, string>) => Logger.map(format, (line) => void lines.push(line))
  const all = [
    collect(Logger.logfmtLogger),
    collect(Logger.jsonLogger),
    Logger.prettyLogger({ mode: "tty", colors: false }),
    Logger.prettyLogger({ mode: "tty", colors: true })
  ].reduce((one, other) => Logger.map(Logger.zip(one, other), () => {}))
  return { lines, loggers: Logger.replace(Logger.defaultLogger, all) }
})

/** A KeyValueStore that tells all it was given, and that can be made to fail with what it was given. */
const spyingStore = () => {
  const entries = new Map<string, string>()
  const written: Array<readonly [key: string, text: string]> = []
  const mood = { current: "well" as "well" | "failing" | "dying" }
  const step = <A>(text: string, run: () => A) =>
    Effect.suspend(() => {
      const description = `${PASSWORD} ${SEED} ${text}`
      if (mood.current === "dying") return Effect.die(Object.assign(new Error(description), { description }))
      if (mood.current === "well") return Effect.sync(run)
      return Effect.fail(
        new PlatformError.SystemError({
          reason: "PermissionDenied",
          module: "KeyValueStore",
          method: "any",
          description,
          cause: new Error(description)
        })
      )
    })
  const store = KeyValueStore.makeStringOnly({
    get: (key) => step([...entries.values()].join(" "), () => Option.fromNullable(entries.get(key))),
    set: (key, text) =>
      step(text, () => {
        written.push([key, text])
        entries.set(key, text)
      }),
    remove: (key) => step([...entries.values()].join(" "), () => void entries.delete(key)),
    clear: Effect.void,
    size: Effect.sync(() => entries.size)
  })
  return { entries, written, mood, store }
}

describe("a session from its first login to its logout", () => {
  /** The whole life, over a store that at its worst is like this, and a look at all that was printed of it. */
  const wholeLife = (worst: "failing" | "dying") =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.make({ ...world, rateLimit: false, lockout: false })
      const secrets = new Set([PASSWORD, SEED])
      const bearers = new Set<string>()
      const { lines, loggers } = yield* collectingLoggers
      const { spans, tracer } = recordingTracer()
      const store = spyingStore()
      const seen: Array<unknown> = []

      // Codes and challenges as they go over the wire.
      const http = HttpClient.tapRequest(emulator.httpClient, ({ body }) =>
        Effect.sync(() => {
          if (body._tag !== "Uint8Array") return
          const sent = JSON.parse(new TextDecoder().decode(body.body)) as Record<string, string>
          for (const secret of [sent["login_2fa_token"], sent["code"]]) if (secret !== undefined) secrets.add(secret)
        })
      )
      const layer = HubSession.layer({ credentials: grace }).pipe(
        Layer.provide(HubAuth.layer),
        Layer.provide(Layer.succeed(HttpClient.HttpClient, http)),
        Layer.provide(SecondFactor.layer(SecondFactor.totp(SEED))),
        Layer.provide(SessionStore.layerKeyValueStore),
        Layer.provide(Layer.succeed(KeyValueStore.KeyValueStore, store.store))
      )
      const echo = (status: number) =>
        Effect.suspend(() => {
          const said = `you sent ${[...secrets, ...bearers].join(" ")}`
          return emulator.enqueue(
            Faults.respond({ status, body: { detail: said }, headers: { "set-cookie": [...bearers].join("") } })
          )
        })

      const use = Effect.gen(function* () {
        const { result } = yield* timed(
          Effect.exit(Effect.tapErrorCause(HubSession.token, (cause) => Effect.logError("no token", cause))),
          "40 seconds"
        )
        const exit = yield* Effect.orDie(result)
        seen.push(...printed(exit))
        if (Exit.isSuccess(exit)) bearers.add(value(exit.value))
        return exit
      })

      const life = Effect.gen(function* () {
        yield* Effect.forkScoped(
          Stream.runForEach(HubSession.events, (event) => Effect.sync(() => seen.push(...printed(event))))
        )
        yield* TestClock.adjust("1 millis")
        yield* use
        // A refresh in the background, then one that fails.
        for (const status of [0, 500, 401]) {
          yield* TestClock.adjust("490 seconds")
          if (status !== 0) yield* echo(status)
          yield* use
          yield* TestClock.adjust("10 seconds")
          yield* use
        }
        for (const status of [403, 418, 429, 503]) {
          yield* HubSession.reset
          yield* echo(status)
          assert.isTrue(Exit.isFailure(yield* use) || status === 503)
        }
        yield* HubSession.reset
        const exit = yield* use
        if (Exit.isSuccess(exit)) yield* HubSession.invalidate(exit.value)
        store.mood.current = worst
        yield* use
        yield* TestClock.adjust("20 minutes")
        store.mood.current = "failing"
        yield* use
        const logout = yield* Effect.exit(
          Effect.tapErrorCause(HubSession.logout, (cause) => Effect.logError("still there", cause))
        )
        assert.isTrue(Exit.isFailure(logout))
        seen.push(...printed(logout))
        store.mood.current = "well"
        yield* use
        yield* HubSession.logout
        seen.push(...printed(yield* HubSession.HubSession))
      })

      yield* life.pipe(
        Effect.scoped,
        Effect.provide(layer),
        Effect.withTracer(tracer),
        Effect.provide(loggers),
        Logger.withMinimumLogLevel(LogLevel.Trace)
      )

      assert.strictEqual(store.entries.size, 0)
      assert.isAtLeast(bearers.size, 5)
      // Password, seed, and for each login a challenge and a code.
      assert.isAtLeast(secrets.size, 10)
      assert.isAtLeast(spans.length, 20)
      const log = lines.join("\n")
      for (const logger of ["level=WARN", '"logLevel":"ERROR"', "] WARN ("]) assert.include(log, logger)
      for (const word of ["RefreshFailed", "Refused", "Authenticated", "Refreshed"])
        assert.include(seen.join("\n"), word)
      const metrics = (yield* Metric.snapshot).map(({ metricKey, metricState }) => [metricKey, metricState])
      assert.include(inspect(metrics, { depth: null }), "dockerhub_logins")

      const everything = [...lines, ...seen, inspect(spans, { depth: null }), ...printed(metrics)].join("\n")
      for (const secret of [...secrets, ...bearers]) assert.notInclude(everything, secret)

      // The one place a bearer rests in, under a key that says nothing.
      assert.strictEqual(new Set(store.written.map(([key]) => key)).size, 1)
      for (const [key, text] of store.written) {
        assert.match(key, /^[0-9a-f]{32}$/)
        for (const secret of secrets) assert.notInclude(text, secret)
        for (const bearer of bearers) assert.notInclude(key, bearer)
      }
    }).pipe(Effect.scoped)

  it.effect(
    "prints no password, seed, code, challenge or bearer: not in logs, spans, events, metrics or the store",
    () => wholeLife("failing")
  )

  // Effect logs at Debug what a disconnected fiber dies of: see `whatever` in storedLogin.ts.
  it.effect("prints none of them although the store dies of something that holds them all", () => wholeLife("dying"))
})
