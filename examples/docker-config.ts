// Log in with what `docker login` left: config.json, credential helpers, DOCKER_AUTH_CONFIG, in Docker's own order.
import { HubAuth } from "@effect-dockerhub/core"
import { HubEmulator } from "@effect-dockerhub/core/testing"
import { DockerConfig } from "@effect-dockerhub/node"
import { FileSystem, Path } from "@effect/platform"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { ConfigProvider, Console, Effect, Layer } from "effect"

const KEY = "https://index.docker.io/v1/" // what Docker calls the Hub
const PASSWORD = "correct horse battery staple"
const PAT = "dckr_pat_an-example-of-27-characters"

// The lesson. On your machine these two lines need nothing more.
const login = Effect.gen(function* () {
  const credentials = yield* DockerConfig.credentials
  const token = yield* HubAuth.authenticate(credentials)
  yield* Console.log(
    `  ${credentials._tag} of ${"username" in credentials ? credentials.username : "?"}: ${token.value}`
  )
}).pipe(Effect.catchTag("DockerConfigError", (error) => Console.log(`  ${error.reason}: ${error.message}`)))

const program = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const directory = yield* fs.makeTempDirectoryScoped()
  const write = (config: unknown) => fs.writeFileString(path.join(directory, "config.json"), JSON.stringify(config))
  const variables = new Map([
    ["DOCKER_CONFIG", directory],
    ["PATH", `${directory}:${process.env["PATH"]}`]
  ])
  const here = <A, E, R>(self: Effect.Effect<A, E, R>) =>
    Effect.withConfigProvider(self, ConfigProvider.fromMap(variables))

  yield* Console.log("auths: a password, in base64")
  yield* write({ auths: { [KEY]: { auth: btoa(`ada:${PASSWORD}`) } } })
  yield* here(login)

  yield* Console.log("credsStore: a helper program, which comes before auths")
  const helper = `#!/bin/sh\necho '{"ServerURL":"${KEY}","Username":"ada","Secret":"${PAT}"}'\n`
  yield* fs.writeFileString(path.join(directory, "docker-credential-toy"), helper, { mode: 0o755 })
  yield* write({ credsStore: "toy", auths: { [KEY]: {} } })
  yield* here(login)

  yield* Console.log("credHelpers: a helper for Docker Hub alone, which is not installed")
  yield* write({ credsStore: "toy", credHelpers: { "docker.io": "lost" } })
  yield* here(login)

  yield* Console.log("DOCKER_AUTH_CONFIG: comes before everything")
  variables.set("DOCKER_AUTH_CONFIG", JSON.stringify({ auths: { "docker.io": { auth: btoa(`ada:${PAT}`) } } }))
  yield* here(login)
}).pipe(Effect.scoped)

const emulator = HubEmulator.layer({
  accounts: [{ username: "ada", password: PASSWORD, personalAccessTokens: [{ token: PAT }] }]
})

program.pipe(
  Effect.provide(HubAuth.layer.pipe(Layer.provideMerge(emulator), Layer.merge(NodeContext.layer))),
  NodeRuntime.runMain
)
