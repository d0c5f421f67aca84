// A scripted outage: what is tried again, how long each wait is, and when it is better to fail at once.
import { Credentials, HubAuth, HubPolicy } from "@effect-dockerhub/core"
import { Faults, HubEmulator } from "@effect-dockerhub/core/testing"
import { NodeRuntime } from "@effect/platform-node"
import { Console, Duration, Effect, Layer, Logger, LogLevel } from "effect"

const login = HubAuth.login(Credentials.password("ada", "correct horse battery staple"))

/** Let the next answers have these faults, log in, and tell what came of it and when. */
const under = (title: string, faults: ReadonlyArray<Faults.Fault>, attempt = login) =>
  Effect.gen(function* () {
    const emulator = yield* HubEmulator.HubEmulator
    yield* emulator.clearFaults
    for (const fault of faults) yield* emulator.enqueue(fault)
    yield* Console.log(`\n${title}`)
    const [took, outcome] = yield* attempt.pipe(
      Effect.match({ onFailure: (error) => `${error._tag}: ${error.message}`, onSuccess: () => "logged in" }),
      Effect.timed
    )
    yield* Console.log(`  after ${Math.round(Duration.toMillis(took))} ms: ${outcome}`)
  })

const program = Effect.gen(function* () {
  yield* under("Two 503s: a random wait of up to 200 ms, then up to 400 ms", [Faults.status(503), Faults.status(503)])
  yield* under("429 with Retry-After: 1: exactly that wait", [Faults.rateLimited({ after: "1 seconds" })])
  yield* under("A connection that breaks: the login may be repeated", [Faults.resetAfterBody()])
  yield* under("A wrong password is never repeated: it would lock the account", [Faults.status(401)])
  yield* under("A server that stays down ends with its last answer", [502, 503, 504].map(Faults.status))
  yield* under(
    "A server that never answers ends at the deadline, here 1 s",
    [Faults.never, Faults.never],
    HubPolicy.with(login, { attemptTimeout: "800 millis", deadline: "1 seconds", backoff: { base: 0 } })
  )
  yield* under("429 with Retry-After: 45: too long to wait here, so it fails at once", [
    Faults.rateLimited({ after: "45 seconds" })
  ])
  yield* under("The account stays held for those 45 s: no request is made at all", [])
})

// Each wait is a log line of level Debug; here without time stamps.
const waits = Logger.replace(
  Logger.defaultLogger,
  Logger.make(({ message }) => console.log(`  … ${String(message)}`))
)

program.pipe(
  Effect.provide(HubAuth.layer),
  Effect.provide(HubEmulator.layer({ accounts: [{ username: "ada", password: "correct horse battery staple" }] })),
  Effect.provide(Layer.merge(waits, Logger.minimumLogLevel(LogLevel.Debug))),
  NodeRuntime.runMain({ disablePrettyLogger: true })
)
