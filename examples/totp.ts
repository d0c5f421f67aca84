// Log in with a password and a second factor, unattended: the codes are computed from the authenticator's seed.
import { AccessToken, Credentials, HubAuth, SecondFactor } from "@effect-dockerhub/core"
import { HubEmulator } from "@effect-dockerhub/core/testing"
import { NodeRuntime } from "@effect/platform-node"
import { ConfigProvider, Console, Duration, Effect, Layer, Option } from "effect"

// Credentials and seed come from the environment, as in a CI: DOCKERHUB_USERNAME, DOCKERHUB_PASSWORD,
// DOCKERHUB_TOTP_SECRET. Here the environment is written out, so that the example runs anywhere.
const environment = ConfigProvider.fromMap(
  new Map([
    ["DOCKERHUB_USERNAME", "grace"],
    ["DOCKERHUB_PASSWORD", "correct horse battery staple"],
    ["DOCKERHUB_TOTP_SECRET", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"]
  ])
)

const program = Effect.gen(function* () {
  const credentials = yield* Credentials.config
  // `authenticate` answers the challenge itself: one request for the password, one for the code.
  const token = yield* HubAuth.authenticate(credentials)
  const left = Option.map(yield* AccessToken.timeToLive(token), Duration.format)
  yield* Console.log(`logged in, for ${Option.getOrElse(left, () => "an unknown time")}`)

  const emulator = yield* HubEmulator.HubEmulator
  for (const { body, path, status } of yield* emulator.requests) {
    yield* Console.log(`the server saw POST ${path} ${JSON.stringify(body)}, and answered ${Option.getOrNull(status)}`)
  }
})

const emulator = HubEmulator.layer({
  accounts: [
    { username: "grace", password: "correct horse battery staple", totpSecret: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" }
  ]
})

program.pipe(
  Effect.provide(Layer.provideMerge(HubAuth.layer, emulator)),
  Effect.provide(SecondFactor.layerConfig),
  Effect.withConfigProvider(environment),
  NodeRuntime.runMain
)
