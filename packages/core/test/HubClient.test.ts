import { assert, describe, it } from "@effect/vitest"
import { HubConfig } from "@effect-dockerhub/core"
import * as HubClient from "@effect-dockerhub/core/HubClient"
import { Faults } from "@effect-dockerhub/core/testing"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import {
  bearers,
  below,
  callCount,
  calls,
  clientOver,
  enqueue,
  execute,
  get,
  hubClient,
  logins,
  ok
} from "./hubClient.ts"

describe("a URL", () => {
  it.effect.each([
    ["/v2/user/", "https://hub.docker.com/v2/user/"],
    ["v2/user/", "https://hub.docker.com/v2/user/"],
    ["?page=2", "https://hub.docker.com/?page=2"],
    ["", "https://hub.docker.com/"],
    ["/v2/a/../b", "https://hub.docker.com/v2/b"],
    ["https://hub.docker.com/v2/user/", "https://hub.docker.com/v2/user/"],
    ["HTTPS://HUB.DOCKER.COM:443/v2", "https://hub.docker.com/v2"]
  ] as const)("%j is %s, and carries the token", ([url, expected]) =>
    Effect.gen(function* () {
      const { client: http, sent } = below(() => ok())
      const { client } = yield* clientOver(http, "a-token")
      yield* client.get(url)
      assert.deepStrictEqual(
        sent.map((one) => [one.url, one.request.headers["authorization"]]),
        [[expected, "Bearer a-token"]]
      )
    })
  )

  it.effect("keeps the request's own parameters and hash", () =>
    Effect.gen(function* () {
      const { client: http, sent } = below(() => ok())
      const { client } = yield* clientOver(http, "a-token")
      yield* client.get("/v2/x?a=1", { urlParams: { b: "2 3", a: "4" }, hash: "there" })
      assert.deepStrictEqual(
        sent.map(({ url }) => url),
        ["https://hub.docker.com/v2/x?a=1&b=2+3&a=4#there"]
      )
    })
  )

  it.effect.each([
    ["//evil.example/x", "https://evil.example/x"],
    ["\\\\evil.example\\x", "https://evil.example/x"],
    ["/\\evil.example/x", "https://evil.example/x"],
    ["https:evil.example/x", "https://hub.docker.com/evil.example/x"],
    ["https://hub.docker.com@evil.example/", "https://hub.docker.com@evil.example/"],
    ["https://hub.docker.com.evil.example/", "https://hub.docker.com.evil.example/"],
    ["https://docker.com/", "https://docker.com/"],
    ["https://hub.docker.com:444/", "https://hub.docker.com:444/"],
    ["http://hub.docker.com/", "http://hub.docker.com/"],
    ["http://hub.docker.com:443/", "http://hub.docker.com:443/"]
  ] as const)("%j is %s, where only Docker Hub's origin gets a token", ([url, expected]) =>
    Effect.gen(function* () {
      const { client: http, sent } = below(() => ok())
      const { client, logins } = yield* clientOver(http, "a-token")
      yield* client.get(url)
      const ours = expected.startsWith("https://hub.docker.com/")
      assert.deepStrictEqual(
        sent.map((one) => [one.url, one.request.headers["authorization"]]),
        [[expected, ours ? "Bearer a-token" : undefined]]
      )
      assert.strictEqual(yield* logins, ours ? 1 : 0)
    })
  )

  it.effect.each(["https://[", "http://", "//", "https://hub.docker.com:port/"])(
    "%j fails before anything is sent, with the caller's request",
    (url) =>
      Effect.gen(function* () {
        const { client: http, sent } = below(() => ok())
        const { client, logins } = yield* clientOver(http, "a-token")
        const request = HttpClientRequest.get(url)
        const error = yield* Effect.flip(client.execute(request))
        assert.deepInclude(error, { _tag: "RequestError", reason: "InvalidUrl" })
        assert.strictEqual("request" in error ? error.request : undefined, request)
        assert.strictEqual(sent.length, 0)
        assert.strictEqual(yield* logins, 0)
      })
  )

  it.effect("is relative to the Hub that the client was built for, whatever stands around a call", () =>
    Effect.gen(function* () {
      const { client: http, sent } = below(() => ok())
      const { client } = yield* Effect.provide(
        clientOver(http, "a-token"),
        HubConfig.layer({ baseUrl: "http://localhost:8080", userAgent: "mine/1" })
      )
      yield* client
        .get("/v2/user/")
        .pipe(Effect.provideService(HubConfig.HubConfig, HubConfig.make({ baseUrl: "https://evil.example" })))
      yield* client.get("https://hub.docker.com/v2/user/")
      assert.deepStrictEqual(
        sent.map((one) => [one.url, one.request.headers["authorization"], one.request.headers["user-agent"]]),
        [
          ["http://localhost:8080/v2/user/", "Bearer a-token", "mine/1"],
          ["https://hub.docker.com/v2/user/", undefined, "mine/1"]
        ]
      )
    })
  )
})

describe("headers", () => {
  it.effect("name us unless the caller names itself", () =>
    Effect.gen(function* () {
      yield* get("/v2/user/")
      yield* execute(HttpClientRequest.get("/v2/user/", { headers: { "User-Agent": "mine/1" } }))
      assert.deepStrictEqual(
        (yield* calls).map(({ headers }) => headers["user-agent"]),
        ["effect-dockerhub/0.1.0", "mine/1"]
      )
    }).pipe(Effect.provide(hubClient()))
  )

  it.effect("of the caller's own authorization win: no token is asked for, and a 401 is the answer", () =>
    Effect.gen(function* () {
      const response = yield* execute(HttpClientRequest.get("/v2/user/").pipe(HttpClientRequest.bearerToken("mine")))
      assert.strictEqual(response.status, 401)
      assert.strictEqual(yield* callCount, 1)
      assert.strictEqual(yield* logins, 0)
    }).pipe(Effect.provide(hubClient()))
  )

  it.effect("of a streamed body are the caller's, and its length is told", () =>
    Effect.gen(function* () {
      const { client: http, sent } = below(() => ok())
      const { client } = yield* clientOver(http, "a-token")
      const body = Stream.succeed(new TextEncoder().encode("{}"))
      const request = HttpClientRequest.put("/v2/x").pipe(
        HttpClientRequest.bodyStream(body, { contentType: "text/plain", contentLength: 2 }),
        HttpClientRequest.setHeader("content-type", "application/json")
      )
      yield* client.execute(request)
      assert.deepInclude({ ...sent[0]?.request.headers }, { "content-type": "application/json", "content-length": "2" })
      assert.strictEqual(sent[0]?.request.body.contentLength, 2)
    })
  )

  it.effect("and options of the fetch layer are kept, but redirects are never followed", () =>
    Effect.gen(function* () {
      const seen: Array<RequestInit | undefined> = []
      const fetch: typeof globalThis.fetch = (_, init) => {
        seen.push(init)
        return Promise.resolve(new Response())
      }
      const program = Effect.gen(function* () {
        const { client } = yield* Effect.provideService(
          clientOver(yield* HttpClient.HttpClient, "a-token"),
          FetchHttpClient.RequestInit,
          { credentials: "include", redirect: "follow" }
        )
        yield* Effect.provideService(client.get("/x"), FetchHttpClient.RequestInit, {
          cache: "no-store",
          redirect: "follow"
        })
      })
      yield* program.pipe(Effect.provide(FetchHttpClient.layer), Effect.provideService(FetchHttpClient.Fetch, fetch))
      assert.deepInclude(seen[0], { credentials: "include", cache: "no-store", redirect: "manual" })
    })
  )
})

const Tag = Schema.Struct({ name: Schema.String })
const tags = HttpApiEndpoint.get("tags", "/v2/namespaces/:namespace/repositories/:repository/tags")
  .setPath(Schema.Struct({ namespace: Schema.String, repository: Schema.String }))
  .setUrlParams(Schema.Struct({ page_size: Schema.NumberFromString }))
  .addSuccess(Schema.Struct({ results: Schema.Array(Tag) }))
const user = HttpApiEndpoint.get("user", "/v2/user/").addSuccess(Schema.Struct({ username: Schema.String }))
class Hub extends HttpApi.make("hub").add(HttpApiGroup.make("hub", { topLevel: true }).add(tags).add(user)) {}

const repository = { namespace: "ada", name: "engine", private: true, tags: ["1.0", "latest"] }

describe("what is made of HttpClient elsewhere", () => {
  it.effect("HttpApiClient is made of this one as well", () =>
    Effect.gen(function* () {
      const api = yield* HttpApiClient.makeWith(Hub, { httpClient: yield* HubClient.HubClient })
      const found = yield* api.tags({ path: { namespace: "ada", repository: "engine" }, urlParams: { page_size: 10 } })
      assert.deepStrictEqual(
        found.results.map(({ name }) => name),
        ["1.0", "latest"]
      )
      assert.deepStrictEqual(yield* api.user({}), { username: "ada" })
      assert.strictEqual(yield* logins, 1)
      const failure = yield* Effect.flip(
        api.tags({ path: { namespace: "ada", repository: "nothing" }, urlParams: { page_size: 10 } })
      )
      assert.strictEqual(failure._tag, "ResponseError")
    }).pipe(Effect.provide(hubClient({ repositories: [repository] })))
  )

  it.effect("a user's mapRequest is done before it is decided where a request goes", () =>
    Effect.gen(function* () {
      const { client: http, sent } = below(() => ok())
      const { client } = yield* clientOver(http, "a-token")
      yield* HttpClient.mapRequest(client, HttpClientRequest.prependUrl("/v2")).get("/user/")
      yield* HttpClient.mapRequest(client, HttpClientRequest.prependUrl("https://evil.example")).get("/user/")
      assert.deepStrictEqual(
        sent.map((one) => [one.url, one.request.headers["authorization"]]),
        [
          ["https://hub.docker.com/v2/user/", "Bearer a-token"],
          ["https://evil.example/user/", undefined]
        ]
      )
    })
  )

  it.effect("filterStatusOk and transform see responses as they are", () =>
    Effect.gen(function* () {
      const client = (yield* HubClient.HubClient).pipe(
        HttpClient.filterStatusOk,
        HttpClient.transformResponse(Effect.tap((response) => assert.strictEqual(response.status, 200)))
      )
      const found = yield* Effect.flatMap(client.get("/v2/user/"), (response) => response.json)
      assert.deepInclude(found, { username: "ada" })
      const error = yield* Effect.flip(client.get("/v2/nothing"))
      assert.deepInclude(error, { _tag: "ResponseError", reason: "StatusCode" })
    }).pipe(Effect.provide(hubClient()))
  )

  it.effect("a redirect is handed out, and followed by nobody but followRedirects", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.redirect("/v2/user/"), { route: "other", times: 2 })
      assert.strictEqual((yield* get("/v2/old")).status, 302)
      assert.strictEqual(yield* callCount, 1)
      const following = HttpClient.followRedirects(yield* HubClient.HubClient)
      assert.strictEqual((yield* following.get("/v2/old")).status, 200)
      assert.strictEqual(yield* callCount, 3)
      assert.strictEqual(new Set(yield* bearers).size, 1)
    }).pipe(Effect.provide(hubClient()))
  )

  it.effect.each([301, 302, 303, 307, 308])(
    "followRedirects after a %d carries the token to the same origin and to no other",
    (status) =>
      Effect.gen(function* () {
        const hops = ["next?a=1", "https://evil.example/x", "https://hub.docker.com/back", undefined]
        const { client: http, sent } = below(() => {
          const location = hops[sent.length - 1]
          return location === undefined ? ok() : ok(null, { status, headers: { location } })
        })
        const { client } = yield* clientOver(http, "a-token")
        yield* HttpClient.followRedirects(client).get("/v2/start", { urlParams: { b: "2" } })
        assert.deepStrictEqual(
          sent.map((one) => [one.url, one.request.headers["authorization"]]),
          [
            ["https://hub.docker.com/v2/start?b=2", "Bearer a-token"],
            ["https://hub.docker.com/v2/next?a=1", "Bearer a-token"],
            ["https://evil.example/x", undefined],
            ["https://hub.docker.com/back", "Bearer a-token"]
          ]
        )
      })
  )

  it.effect("a client below that takes a status for an error does not keep a 401 from its renewal", () =>
    Effect.gen(function* () {
      const { client: http, sent } = below(({ request }) =>
        ok(null, { status: request.headers["authorization"] === "Bearer new" ? 404 : 401 })
      )
      const { client } = yield* clientOver(HttpClient.filterStatusOk(http), "old", "new")
      assert.strictEqual((yield* client.get("/x")).status, 404)
      assert.strictEqual(sent.length, 2)
    })
  )
})

describe("a response", () => {
  it.effect("belongs to the caller's request, and says what the server said", () =>
    Effect.gen(function* () {
      const { client: http } = below(() =>
        ok("a=1&b=2", { status: 201, headers: { "x-there": "here", "set-cookie": "one=two" } })
      )
      const { client } = yield* clientOver(http, "a-token")
      const request = HttpClientRequest.get("/v2/user/")
      const response = yield* client.execute(request)
      assert.strictEqual(response.request, request)
      assert.strictEqual(response.status, 201)
      assert.strictEqual(response.headers["x-there"], "here")
      assert.strictEqual(response.cookies.cookies["one"]?.value, "two")
      assert.deepStrictEqual(response.remoteAddress, Option.none())
      assert.deepStrictEqual(yield* response.urlParamsBody, [
        ["a", "1"],
        ["b", "2"]
      ])
      assert.strictEqual(yield* response.text, "a=1&b=2")
    })
  )

  it.effect("that redirects belongs to it too, its relative URL made whole", () =>
    Effect.gen(function* () {
      const { client: http } = below(() => ok(null, { status: 302, headers: { location: "/there" } }))
      const { client } = yield* clientOver(http, "a-token")
      const relative = yield* client.get("/v2/x", { headers: { "x-mine": "1" }, urlParams: { a: "1" } })
      assert.strictEqual(relative.request.url, "https://hub.docker.com/v2/x")
      assert.deepStrictEqual(relative.request.urlParams, [["a", "1"]])
      assert.deepStrictEqual({ ...relative.request.headers }, { "x-mine": "1" })
      const whole = HttpClientRequest.get("https://hub.docker.com/v2/x")
      assert.strictEqual((yield* client.execute(whole)).request, whole)
    })
  )

  it.effect("can be read in every way", () =>
    Effect.gen(function* () {
      const { client: http } = below(({ url }) =>
        url.endsWith("/form") ? Effect.sync(() => new Response(new URLSearchParams({ a: "1" }))) : ok('{"a":1}')
      )
      const { client } = yield* clientOver(http, "a-token")
      assert.deepStrictEqual(yield* Effect.flatMap(client.get("/x"), (response) => response.json), { a: 1 })
      const bytes = yield* Effect.flatMap(client.get("/x"), (response) => response.arrayBuffer)
      assert.strictEqual(new TextDecoder().decode(bytes), '{"a":1}')
      const form = yield* Effect.flatMap(client.get("/form"), (response) => response.formData)
      assert.strictEqual(form.get("a"), "1")
      const chunks = yield* Stream.runCollect(HttpClientResponse.stream(client.get("/x")))
      assert.strictEqual(new TextDecoder().decode(Chunk.unsafeHead(chunks)), '{"a":1}')
      const decoded = yield* Effect.flatMap(
        client.get("/x"),
        HttpClientResponse.schemaBodyJson(Schema.Struct({ a: Schema.Number }))
      )
      assert.deepStrictEqual(decoded, { a: 1 })
    })
  )

  it.effect("that is a stream of many megabytes passes piece by piece", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.oversizedBody(20_000_000), { route: "other" })
      const size = yield* HttpClientResponse.stream(get("/v2/large")).pipe(
        Stream.runFold(0, (sum, bytes) => sum + bytes.byteLength)
      )
      assert.strictEqual(size, 20_000_000)
    }).pipe(Effect.provide(hubClient()))
  )

  it.effect("is cancelled when its reading is interrupted or stops early", () =>
    Effect.gen(function* () {
      let cancelled = 0
      const begun = yield* Deferred.make<void>()
      const { client: http } = below(() =>
        Effect.sync(() => {
          const body = new ReadableStream({
            start: (controller) => controller.enqueue(new Uint8Array(10)),
            cancel: () => void cancelled++
          })
          return new Response(body)
        })
      )
      const { client } = yield* clientOver(http, "a-token")
      const reading = yield* HttpClientResponse.stream(client.get("/x")).pipe(
        Stream.runForEach(() => Deferred.succeed(begun, undefined)),
        Effect.fork
      )
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(reading)
      assert.strictEqual(cancelled, 1)
      yield* HttpClientResponse.stream(client.get("/x")).pipe(Stream.take(1), Stream.runDrain)
      assert.strictEqual(cancelled, 2)
    })
  )
})
