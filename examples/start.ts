// The main job: log in to Docker Hub in three ways over real HTTP, and with each bearer list the tags of a private
// repository. By default the Hub is an emulator on a free port of this machine; DOCKERHUB_URL points it at a real one.
import { AccessToken, Credentials, HubAuth, HubConfig, SecondFactor } from "@effect-dockerhub/core"
import { HubEmulatorServer, NodeHubHttp } from "@effect-dockerhub/node"
import { HttpClient, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { NodeRuntime } from "@effect/platform-node"
import { Config, Console, Duration, Effect, Layer, Option, Schema } from "effect"

const Names = Schema.Struct({ results: Schema.Array(Schema.Struct({ name: Schema.String })) })

const secret = {
  password: "correct horse battery staple",
  seed: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
  token: "dckr_pat_an-example-of-27-characters"
}

const emulator = HubEmulatorServer.layer({
  accounts: [
    { username: "ada", password: secret.password },
    {
      username: "grace",
      password: secret.password,
      totpSecret: secret.seed,
      personalAccessTokens: [{ token: secret.token, scopes: ["repo:read"] }]
    }
  ],
  repositories: [
    { namespace: "ada", name: "engine", private: true, tags: ["1.0.0", "1.1.0", "latest"] },
    { namespace: "grace", name: "compiler", private: true, tags: ["0.9.0", "latest"] }
  ]
})

/** One GET of the Hub's API, as the names in its results. */
const list = (token: AccessToken.AccessToken, path: string) =>
  Effect.gen(function* () {
    const { baseUrl } = yield* HubConfig.HubConfig
    const request = HttpClientRequest.get(new URL(path, baseUrl)).pipe(HttpClientRequest.bearerToken(token.value))
    const response = yield* Effect.flatMap(HttpClient.execute(request), HttpClientResponse.filterStatusOk)
    const { results } = yield* HttpClientResponse.schemaBodyJson(Names)(response)
    return results.map(({ name }) => name)
  }).pipe(
    // The platform's errors hold the request, and so the bearer: only what happened goes on.
    Effect.mapError((error) => new Error(`GET ${path} failed: ${error._tag}`)),
    Effect.scoped
  )

/** Log in, say for how long, and list the tags of a private repository of the namespace. */
const step = (number: number, how: string, credentials: Credentials.Credentials) =>
  Effect.gen(function* () {
    yield* Console.log(`\n${number}. ${how}`)
    const [took, token] = yield* Effect.timed(HubAuth.authenticate(credentials))
    const lifetime = Option.match(yield* AccessToken.timeToLive(token), {
      onNone: () => "does not say for how long",
      onSome: (left) => `lives ${Duration.format(Duration.seconds(Math.round(Duration.toSeconds(left))))}`
    })
    yield* Console.log(`   logged in: a bearer that ${lifetime} (in ${Math.round(Duration.toMillis(took))} ms)`)
    const namespace = credentials._tag === "OrganizationAccessToken" ? credentials.organization : credentials.username
    const repositories = `/v2/namespaces/${encodeURIComponent(namespace)}/repositories`
    const [repository] = yield* list(token, `${repositories}?page_size=1`)
    if (repository === undefined) return yield* Console.log(`   ${namespace} has no repository to list the tags of`)
    const tags = yield* list(token, `${repositories}/${encodeURIComponent(repository)}/tags`)
    yield* Console.log(`   tags of ${namespace}/${repository}: ${tags.join(", ")}`)
  })

const onEmulator = Effect.gen(function* () {
  if (Option.isSome(yield* Effect.option(Credentials.config))) {
    yield* Console.log("Your credentials are not used: set DOCKERHUB_URL=https://hub.docker.com to log in with them.\n")
  }
  const { url } = yield* HubEmulatorServer.HubEmulatorServer
  yield* Console.log(`A Docker Hub, emulated, at ${url.origin}`)
  yield* Effect.gen(function* () {
    yield* step(1, "ada, with a password", Credentials.password("ada", secret.password))
    yield* step(2, "grace, with a password and a TOTP second factor", Credentials.password("grace", secret.password))
    yield* step(3, "grace, with a personal access token", Credentials.personalAccessToken("grace", secret.token))
  }).pipe(
    Effect.provide(HubAuth.layer),
    Effect.provide(Layer.merge(HubConfig.layer({ baseUrl: url }), SecondFactor.layer(SecondFactor.totp(secret.seed))))
  )
  yield* Console.log(`
Everything worked. Try next:
  npx -y pnpm@12.21.0 example                list the examples, one short file per lesson
  npx -y pnpm@12.21.0 example two-factor     type the code yourself
  DOCKERHUB_URL=https://hub.docker.com DOCKERHUB_USERNAME=… DOCKERHUB_TOKEN=… npx -y pnpm@12.21.0 start`)
}).pipe(Effect.provide(emulator))

const onHub = Effect.gen(function* () {
  const { baseUrl } = yield* HubConfig.HubConfig
  const credentials = yield* Credentials.config
  yield* Console.log(`Docker Hub at ${baseUrl.origin}`)
  yield* step(1, `with the environment's ${credentials._tag}`, credentials)
}).pipe(Effect.provide(HubAuth.layer), Effect.provide(Layer.merge(HubConfig.layerConfig, SecondFactor.layerConfig)))

const program = Config.string("DOCKERHUB_URL").pipe(
  Config.withDefault(""),
  Effect.flatMap((url) => (url === "" ? onEmulator : onHub)),
  Effect.provide(NodeHubHttp.layer)
)

NodeRuntime.runMain(
  Effect.catchAll(program, (error) =>
    Effect.zipRight(
      Console.error(`\n${error.message}`),
      Effect.sync(() => void (process.exitCode = 1))
    )
  )
)
