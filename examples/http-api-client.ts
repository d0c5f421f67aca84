// Docker Hub's API as a typed client: an HttpApi over HubClient, paging through the repositories of a private namespace.
import { Credentials, HubAuth, HubClient, HubSession } from "@effect-dockerhub/core"
import { HubEmulator } from "@effect-dockerhub/core/testing"
import { HttpApi, HttpApiClient, HttpApiEndpoint, HttpApiGroup } from "@effect/platform"
import { NodeRuntime } from "@effect/platform-node"
import { Chunk, Console, Effect, Layer, Option, Schema, Stream } from "effect"

const Repositories = Schema.Struct({
  count: Schema.Number,
  next: Schema.NullOr(Schema.String),
  results: Schema.Array(Schema.Struct({ name: Schema.String, is_private: Schema.Boolean }))
})

class Hub extends HttpApi.make("hub").add(
  HttpApiGroup.make("repositories").add(
    HttpApiEndpoint.get("list", "/v2/namespaces/:namespace/repositories")
      .setPath(Schema.Struct({ namespace: Schema.String }))
      .setUrlParams(Schema.Struct({ page: Schema.NumberFromString, page_size: Schema.NumberFromString }))
      .addSuccess(Repositories)
  )
) {}

const program = Effect.gen(function* () {
  // The bearer, its renewal and the retries are HubClient's: the API knows nothing of them.
  const api = yield* HttpApiClient.makeWith(Hub, { httpClient: yield* HubClient.HubClient })

  const repositories = Stream.paginateChunkEffect(1, (page) =>
    Effect.gen(function* () {
      const request = { path: { namespace: "ada" }, urlParams: { page, page_size: 3 } }
      const { next, results } = yield* api.repositories.list(request)
      yield* Console.log(`page ${page}: ${results.map(({ name }) => name).join(", ")}`)
      return [Chunk.fromIterable(results), next === null ? Option.none() : Option.some(page + 1)]
    })
  )
  const hidden = yield* repositories.pipe(
    Stream.filter((repository) => repository.is_private),
    Stream.runCount
  )
  yield* Console.log(`${hidden} of ada's repositories are private`)
})

const emulator = HubEmulator.layer({
  accounts: [{ username: "ada", password: "correct horse battery staple" }],
  repositories: ["engine", "notes", "loom", "cards", "mill", "store", "printer"].map((name, index) => ({
    namespace: "ada",
    name,
    private: index % 2 === 0
  }))
})

const session = HubSession.layer({ credentials: Credentials.password("ada", "correct horse battery staple") })

program.pipe(
  Effect.provide(HubClient.layer.pipe(Layer.provide(session), Layer.provide(HubAuth.layer), Layer.provide(emulator))),
  NodeRuntime.runMain
)
