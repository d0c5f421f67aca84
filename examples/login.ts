// Log in with a password, over real HTTP, and use the bearer on another of Docker Hub's APIs.
import { AccessToken, Credentials, HubAuth, HubConfig } from "@effect-dockerhub/core"
import { HubEmulatorServer, NodeHubHttp } from "@effect-dockerhub/node"
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { NodeRuntime } from "@effect/platform-node"
import { Console, Duration, Effect, Layer, Option } from "effect"

// The whole login. Whom it talks to and over which HTTP layer is said further down, in layers.
const program = Effect.gen(function* () {
  const token = yield* HubAuth.login(Credentials.password("ada", "correct horse battery staple"))
  yield* Console.log(`logged in: ${token.value}`)

  const username = token.claims.pipe(
    Option.flatMapNullable((claims) => claims["https://hub.docker.com"]?.username),
    Option.getOrElse(() => "(an opaque token)")
  )
  const left = Option.map(yield* AccessToken.timeToLive(token), Duration.format)
  yield* Console.log(`the bearer is ${username}'s and lives ${Option.getOrElse(left, () => "for an unknown time")}`)

  // The bearer stays redacted until it is in the header.
  const { baseUrl } = yield* HubConfig.HubConfig
  const whoami = HttpClientRequest.get(new URL("/v2/user/", baseUrl)).pipe(HttpClientRequest.bearerToken(token.value))
  const { status } = yield* HttpClient.execute(whoami)
  yield* Console.log(`GET /v2/user/ with it: ${status}`)
}).pipe(Effect.scoped)

// A Docker Hub of our own, on a free port. Without this layer the program talks to https://hub.docker.com.
const emulator = HubEmulatorServer.layer({
  accounts: [{ username: "ada", password: "correct horse battery staple" }]
})
const config = Layer.unwrapEffect(
  Effect.map(HubEmulatorServer.HubEmulatorServer, ({ url }) => HubConfig.layer({ baseUrl: url }))
).pipe(Layer.provide(emulator))

program.pipe(Effect.provide(HubAuth.layer), Effect.provide(Layer.merge(config, NodeHubHttp.layer)), NodeRuntime.runMain)
