// One session for everyone: a loop that outlives three short-lived tokens without noticing.
import { Credentials, HubAuth, HubSession } from "@effect-dockerhub/core"
import { HubEmulator } from "@effect-dockerhub/core/testing"
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Stream } from "effect"

const program = Effect.gen(function* () {
  const emulator = yield* HubEmulator.HubEmulator

  // What happens behind the scenes, for those who want to know.
  yield* HubSession.events.pipe(
    Stream.runForEach((event) => Console.log(`            … ${event._tag}`)),
    Effect.fork
  )
  yield* Effect.yieldNow()

  // Ten workers that each ask for a token whenever they need one, and never think about its end.
  for (let second = 0; second < 9; second++) {
    const tokens = yield* Effect.all(
      Array.from({ length: 10 }, () => HubSession.token),
      { concurrency: "unbounded" }
    )
    const logins = (yield* emulator.requests).length
    yield* Console.log(`second ${second}: ${tokens.length} workers served, ${logins} logins so far`)
    yield* Effect.sleep("1 second")
  }

  // A server may refuse a token before its time. The five workers that notice late cause one login.
  const dead = yield* HubSession.token
  yield* Effect.all(Array.from({ length: 5 }, () => HubSession.invalidate(dead)))
  yield* HubSession.token
  yield* Console.log(`after five 401s: ${(yield* emulator.requests).length} logins`)
})

const emulator = HubEmulator.layer({
  accounts: [{ username: "ada", password: "correct horse battery staple" }],
  loginTokenLifetime: "3 seconds"
})

const session = HubSession.layer({ credentials: Credentials.password("ada", "correct horse battery staple") })

program.pipe(
  Effect.provide(session.pipe(Layer.provide(HubAuth.layer), Layer.provideMerge(emulator))),
  NodeRuntime.runMain
)
