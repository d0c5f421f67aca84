// One program on four HTTP layers: undici, node:http, fetch, and an emulator in memory without any socket.
import { Credentials, HubAuth, HubConfig, SecondFactor } from "@effect-dockerhub/core"
import { HubEmulator } from "@effect-dockerhub/core/testing"
import { HubEmulatorServer, NodeHubHttp } from "@effect-dockerhub/node"
import type { HttpClient } from "@effect/platform"
import { FetchHttpClient } from "@effect/platform"
import { NodeHttpClient, NodeRuntime } from "@effect/platform-node"
import { Console, Duration, Effect, Layer } from "effect"

const seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
const options = {
  accounts: [{ username: "grace", password: "correct horse battery staple", totpSecret: seed }],
  // The same code logs in four times within its 30 seconds here: Docker Hub itself was seen to allow it.
  codes: { reuse: "accepted" }
} as const

// The program knows nothing of sockets: it needs HubAuth, and HubAuth needs any HttpClient.
const program = HubAuth.authenticate(Credentials.password("grace", "correct horse battery staple"))

const run = (name: string, http: Layer.Layer<HttpClient.HttpClient>, config: Layer.Layer<HubConfig.HubConfig>) =>
  program.pipe(
    Effect.provide(Layer.provide(HubAuth.layer, [http, config, SecondFactor.layer(SecondFactor.totp(seed))])),
    Effect.timed,
    Effect.flatMap(([took]) =>
      Console.log(`${name.padEnd(10)} logged in within ${Math.ceil(Duration.toMillis(took))} ms`)
    )
  )

Effect.gen(function* () {
  const { url } = yield* HubEmulatorServer.HubEmulatorServer
  const server = HubConfig.layer({ baseUrl: url })
  yield* run("undici", NodeHubHttp.layer, server)
  yield* run("node:http", NodeHttpClient.layer, server)
  yield* run("fetch", FetchHttpClient.layer, server)
  yield* run("in memory", HubEmulator.layer(options), HubConfig.layer({}))
}).pipe(Effect.provide(HubEmulatorServer.layer(options)), NodeRuntime.runMain)
