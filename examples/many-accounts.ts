// Sessions for many accounts: one login for each however many ask, idle ones let go, never more than a hundred.
import { Credentials, HubAuth, HubSession } from "@effect-dockerhub/core"
import { HubEmulator } from "@effect-dockerhub/core/testing"
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, RcMap } from "effect"

const ada = Credentials.password("ada", "the password of ada")
const grace = Credentials.password("grace", "the password of grace")
const barbara = Credentials.password("barbara", "the password of barbara")

class Sessions extends Effect.Service<Sessions>()("Sessions", {
  scoped: Effect.gen(function* () {
    const sessions = yield* RcMap.make({
      // Credentials are compared by their content: equal ones share a session.
      lookup: (credentials: Credentials.Credentials) =>
        Effect.tap(HubSession.make({ credentials }), () => Console.log(`  (a session for ${name(credentials)})`)),
      idleTimeToLive: "200 millis",
      capacity: 100
    })
    const token = (credentials: Credentials.Credentials) =>
      Effect.scoped(Effect.flatMap(RcMap.get(sessions, credentials), (session) => session.token))
    return { token, names: Effect.map(RcMap.keys(sessions), (keys) => keys.map(name)) }
  })
}) {}

const name = (credentials: Credentials.Credentials): string =>
  credentials._tag === "OrganizationAccessToken" ? credentials.organization : credentials.username

const program = Effect.gen(function* () {
  const emulator = yield* HubEmulator.HubEmulator
  const sessions = yield* Sessions

  yield* Console.log("300 requests for three accounts at once:")
  yield* Effect.forEach(
    Array.from({ length: 100 }, () => [ada, grace, barbara]).flat(),
    (credentials) => sessions.token(credentials),
    { concurrency: "unbounded", discard: true }
  )
  yield* Console.log(`  ${(yield* emulator.requests).length} logins; open: ${(yield* sessions.names).join(", ")}`)

  yield* Console.log("ada goes on, the others are idle for a while:")
  yield* Effect.repeatN(Effect.zipRight(sessions.token(ada), Effect.sleep("100 millis")), 4)
  yield* Console.log(`  open: ${(yield* sessions.names).join(", ")}`)
})

const emulator = HubEmulator.layer({
  accounts: ["ada", "grace", "barbara"].map((username) => ({ username, password: `the password of ${username}` }))
})

program.pipe(
  Effect.provide(Sessions.Default.pipe(Layer.provide(HubAuth.layer), Layer.provideMerge(emulator))),
  NodeRuntime.runMain
)
