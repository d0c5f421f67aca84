import { assert, describe, it } from "@effect/vitest"
import { AccessToken, Credentials, HubAuth, HubConfig, HubPolicy } from "@effect-dockerhub/core"
import * as HubClient from "@effect-dockerhub/core/HubClient"
import * as HubSession from "@effect-dockerhub/core/HubSession"
import { Faults, HubEmulator } from "@effect-dockerhub/core/testing"
import { HubEmulatorServer, NodeHubHttp } from "@effect-dockerhub/node"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import type { ServeError } from "@effect/platform/HttpServerError"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { createServer as createHttpServer } from "node:http"
import { createServer } from "node:net"
import type { AddressInfo, Server, Socket } from "node:net"
import { inspect } from "node:util"

const ada = Credentials.password("ada", "correct horse battery staple")
const world: HubEmulator.Options = { accounts: [{ username: "ada", password: "correct horse battery staple" }] }

/** A session with one token at a time. */
const session = Layer.effect(
  HubSession.HubSession,
  Effect.map(HubAuth.HubAuth, (auth) => {
    let current = Option.none<AccessToken.AccessToken>()
    const forget = Effect.sync(() => void (current = Option.none()))
    return {
      token: Effect.suspend(() =>
        Option.match(current, {
          onSome: Effect.succeed,
          onNone: () =>
            Effect.tap(auth.createAccessToken(ada), (token) => Effect.sync(() => void (current = Option.some(token))))
        })
      ),
      invalidate: () => forget,
      reset: forget,
      logout: forget,
      events: Stream.empty
    }
  })
)

/** Another server than Docker Hub, and the authorization of each request it got. */
class Elsewhere extends Context.Tag("test/Elsewhere")<
  Elsewhere,
  { readonly url: string; readonly seen: Effect.Effect<ReadonlyArray<string | undefined>> }
>() {}

const listening = <S extends Server>(server: S, sockets: ReadonlySet<Socket>) =>
  Effect.acquireRelease(
    Effect.async<number>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        // A TCP server that listens has an address of this shape.
        const { port } = server.address() as AddressInfo
        resume(Effect.succeed(port))
      })
    }),
    () =>
      Effect.async<void>((resume) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resume(Effect.void))
      })
  )

const elsewhereOnSocket = Layer.scoped(
  Elsewhere,
  Effect.gen(function* () {
    const seen: Array<string | undefined> = []
    const sockets = new Set<Socket>()
    const server = createHttpServer((request, response) => {
      seen.push(request.headers.authorization)
      request.resume().on("end", () => response.end("{}"))
    }).on("connection", (socket: Socket) => void sockets.add(socket))
    const port = yield* listening(server, sockets)
    return { url: `http://127.0.0.1:${port}/elsewhere`, seen: Effect.sync(() => [...seen]) }
  })
)

/** In memory every host is the emulator. */
const elsewhereInMemory = Layer.effect(
  Elsewhere,
  Effect.map(HubEmulator.HubEmulator, (emulator) => ({
    url: "https://elsewhere.example/elsewhere",
    seen: Effect.map(emulator.requests, (requests) =>
      requests.filter(({ path }) => path === "/elsewhere").map(({ headers }) => headers["authorization"])
    )
  }))
)

type Hub = Layer.Layer<HubClient.HubClient | HubAuth.HubAuth | HubEmulator.HubEmulator | Elsewhere, ServeError>

const onSocket = (http: Layer.Layer<HttpClient.HttpClient>): Hub => {
  const config = Layer.unwrapEffect(
    Effect.map(HubEmulatorServer.HubEmulatorServer, ({ url }) => HubConfig.layer({ baseUrl: url }))
  )
  return HubClient.layer.pipe(
    Layer.provide(session),
    Layer.provideMerge(HubAuth.layer),
    Layer.provide([config, http]),
    Layer.provideMerge(HubEmulatorServer.layer(world)),
    Layer.merge(elsewhereOnSocket)
  )
}

const inMemory: Hub = HubClient.layer.pipe(
  Layer.provide(session),
  Layer.provideMerge(HubAuth.layer),
  Layer.provideMerge(elsewhereInMemory),
  Layer.provideMerge(HubEmulator.layer(world))
)

const onSockets = [
  ["undici", NodeHubHttp.layer],
  ["node:http", NodeHttpClient.layer],
  ["fetch", FetchHttpClient.layer]
] as const

const layers: ReadonlyArray<readonly [string, Hub]> = [
  ["in memory", inMemory],
  ...onSockets.map(([name, http]) => [name, onSocket(http)] as const)
]

const get = (url: string) => Effect.flatMap(HubClient.HubClient, (client) => client.get(url))
const calls = Effect.flatMap(HubEmulator.HubEmulator, (emulator) =>
  Effect.map(emulator.requests, (seen) =>
    seen.filter(({ path, route }) => route !== "createAccessToken" && path !== "/elsewhere")
  )
)
const enqueue = (fault: Faults.Fault, times = 1) =>
  Effect.flatMap(HubEmulator.HubEmulator, (emulator) => emulator.enqueue(fault, { route: "user", times }))
const quickly = HubPolicy.with({ backoff: { base: "1 millis" } })

// What a program may rely on, whatever carries its requests: one suite, four layers, the real clock.
describe.each(layers)("%s", (_, hub) => {
  it.live("carries the token to Docker Hub, and to no other origin by an absolute URL", () =>
    Effect.gen(function* () {
      const elsewhere = yield* Elsewhere
      const response = yield* get("/v2/user/")
      assert.deepInclude(yield* response.json, { username: "ada" })
      assert.match((yield* calls)[0]?.headers["authorization"] ?? "", /^Bearer /)
      assert.match((yield* calls)[0]?.headers["user-agent"] ?? "", /^effect-dockerhub\//)
      yield* Effect.flatMap(get(elsewhere.url), (response) => response.text)
      assert.deepStrictEqual(yield* elsewhere.seen, [undefined])
    }).pipe(Effect.provide(hub))
  )

  it.live("does not follow a redirect by itself", () =>
    Effect.gen(function* () {
      const elsewhere = yield* Elsewhere
      yield* enqueue(Faults.redirect(elsewhere.url, 307))
      assert.strictEqual((yield* get("/v2/user/")).status, 307)
      assert.deepStrictEqual(yield* elsewhere.seen, [])
    }).pipe(Effect.provide(hub))
  )

  it.live("follows one, where it is asked to, with the token to Docker Hub and without it elsewhere", () =>
    Effect.gen(function* () {
      const elsewhere = yield* Elsewhere
      const following = HttpClient.followRedirects(yield* HubClient.HubClient)
      yield* enqueue(Faults.redirect("/v2/user/", 307))
      yield* enqueue(Faults.redirect(elsewhere.url, 307))
      const request = HttpClientRequest.post("/v2/user/").pipe(HttpClientRequest.bodyText("hello"))
      assert.strictEqual((yield* following.execute(request)).request.url, elsewhere.url)
      assert.deepStrictEqual(yield* elsewhere.seen, [undefined])
      const bearers = (yield* calls).map(({ headers }) => headers["authorization"])
      assert.strictEqual(bearers.length, 2)
      assert.match(bearers[0] ?? "", /^Bearer /)
      assert.strictEqual(bearers[1], bearers[0])
    }).pipe(Effect.provide(hub))
  )

  it.live("gets another token after a 401, and sends a body again", () =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.HubEmulator
      yield* get("/v2/user/")
      yield* emulator.expireTokens("ada")
      const client = yield* HubClient.HubClient
      const response = yield* client.execute(
        HttpClientRequest.post("/v2/logout/").pipe(HttpClientRequest.bodyText("hello"))
      )
      assert.strictEqual(response.status, 200)
      const bodies = (yield* calls).map(({ body }) => body)
      assert.deepStrictEqual(bodies.slice(1), ["<5 bytes, not JSON>", "<5 bytes, not JSON>"])
    }).pipe(Effect.provide(hub))
  )

  it.live("sends a stream whole, once", () =>
    Effect.gen(function* () {
      const client = yield* HubClient.HubClient
      const body = Stream.repeatValue(new TextEncoder().encode("x".repeat(10_000))).pipe(Stream.take(100))
      yield* client.execute(HttpClientRequest.post("/v2/logout/").pipe(HttpClientRequest.bodyStream(body)))
      assert.deepStrictEqual(
        (yield* calls).map(({ body }) => body),
        ["<1000000 bytes, not JSON>"]
      )
    }).pipe(Effect.provide(hub))
  )

  it.live("repeats what an outage or a broken connection ate", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.status(503))
      yield* enqueue(Faults.resetAfterBody())
      assert.strictEqual((yield* get("/v2/user/")).status, 200)
      assert.strictEqual((yield* calls).length, 3)
    }).pipe(quickly, Effect.provide(hub))
  )

  it.live("lets large bodies through that it repeats, and hands out the last", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.oversizedBody(5_000_000, { status: 503 }), 3)
      const response = yield* get("/v2/user/")
      assert.strictEqual(response.status, 503)
      assert.strictEqual((yield* response.arrayBuffer).byteLength, 5_000_000)
    }).pipe(quickly, Effect.provide(hub))
  )

  it.live("streams a large body", () =>
    Effect.gen(function* () {
      yield* enqueue(Faults.oversizedBody(30_000_000))
      const size = yield* HttpClientResponse.stream(get("/v2/user/")).pipe(
        Stream.runFold(0, (sum, bytes) => sum + bytes.byteLength)
      )
      assert.strictEqual(size, 30_000_000)
    }).pipe(Effect.provide(hub))
  )

  it.live("tells of a body that ends early by an error of the caller's request, without the bearer", () =>
    Effect.gen(function* () {
      const auth = yield* HubAuth.HubAuth
      yield* enqueue(Faults.truncatedBody({ bytes: 5 }), 2)
      const client = yield* HubClient.HubClient
      const request = HttpClientRequest.get("/v2/user/")
      for (const read of [
        (response: HttpClientResponse.HttpClientResponse) => Effect.asVoid(response.json),
        (response: HttpClientResponse.HttpClientResponse) => Stream.runDrain(response.stream)
      ]) {
        const response = yield* client.execute(request)
        const error = yield* Effect.flip(read(response))
        assert.strictEqual(error.request, request)
        assert.strictEqual(error.response, response)
        assert.deepInclude(error.cause, { _tag: "TransportFailure", reason: "Reset" })
        assert.notInclude(inspect(error, { depth: null, showHidden: true }), "eyJ")
        assert.notInclude(JSON.stringify(error), "eyJ")
      }
      // So that the absence above means something.
      assert.match(Redacted.value((yield* auth.createAccessToken(ada)).value), /^eyJ/)
    }).pipe(Effect.provide(hub))
  )
})

const fixed = Layer.effect(
  HubSession.HubSession,
  Effect.map(AccessToken.fromString("bearer-nobody-may-see"), (token) => ({
    token: Effect.succeed(token),
    invalidate: () => Effect.void,
    reset: Effect.void,
    logout: Effect.void,
    events: Stream.empty
  }))
)

/** A server that answers each request by this text, and tells of the first request and of the first close. */
const raw = (answer: string) =>
  Effect.gen(function* () {
    const asked = yield* Deferred.make<string>()
    const closed = yield* Deferred.make<void>()
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on("error", () => {})
      socket.on("data", (data) => {
        Deferred.unsafeDone(asked, Effect.succeed(data.toString()))
        socket.write(answer)
      })
      socket.on("close", () => Deferred.unsafeDone(closed, Effect.void))
    })
    const port = yield* listening(server, sockets)
    return { asked, closed, config: HubConfig.layer({ baseUrl: `http://127.0.0.1:${port}` }) }
  })

describe.each(onSockets)("%s, on a socket", (_, http) => {
  const client = (config: Layer.Layer<HubConfig.HubConfig>) => Layer.provide(HubClient.layer, [fixed, http, config])
  const HALF = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n[1,2"

  it.scopedLive("closes it at once when interrupted before the headers", () =>
    Effect.gen(function* () {
      const { asked, closed, config } = yield* raw("")
      const fiber = yield* Effect.fork(Effect.provide(get("/x"), client(config)))
      assert.include(yield* Deferred.await(asked), "Bearer bearer-nobody-may-see")
      yield* Fiber.interrupt(fiber)
      yield* Effect.timeout(Deferred.await(closed), "10 seconds")
    })
  )

  it.scopedLive.each([
    ["stream", (response: HttpClientResponse.HttpClientResponse) => Stream.runDrain(response.stream)],
    ["text", (response: HttpClientResponse.HttpClientResponse) => response.text],
    ["json", (response: HttpClientResponse.HttpClientResponse) => response.json],
    ["arrayBuffer", (response: HttpClientResponse.HttpClientResponse) => response.arrayBuffer]
  ] as const)("closes it at once when interrupted in the middle of a body that is read as %s", ([, read]) =>
    Effect.gen(function* () {
      const { closed, config } = yield* raw(HALF)
      yield* Effect.gen(function* () {
        const response = yield* get("/x")
        const reading = yield* Effect.fork(read(response))
        yield* Effect.sleep("50 millis")
        assert.isFalse(yield* Deferred.isDone(closed))
        yield* Fiber.interrupt(reading)
        yield* Effect.timeout(Deferred.await(closed), "10 seconds")
      }).pipe(Effect.provide(client(config)))
    })
  )

  it.scopedLive("gives the headers when they come, and the body its time", () =>
    Effect.gen(function* () {
      const { closed, config } = yield* raw(HALF)
      yield* Effect.gen(function* () {
        const response = yield* get("/x")
        yield* Effect.sleep("150 millis")
        assert.isFalse(yield* Deferred.isDone(closed))
        assert.strictEqual(response.status, 200)
      }).pipe(Effect.provide(client(config)))
    }).pipe(HubPolicy.with({ attemptTimeout: "100 millis" }))
  )

  it.scopedLive("closes it when the headers do not come in time", () =>
    Effect.gen(function* () {
      const { closed, config } = yield* raw("")
      const error = yield* Effect.flip(Effect.provide(get("/x"), client(config)))
      assert.deepInclude(error, { _tag: "RequestTimedOut", scope: "attempt" })
      yield* Effect.timeout(Deferred.await(closed), "10 seconds")
    }).pipe(HubPolicy.with({ attemptTimeout: "100 millis", maxRetries: 0 }))
  )

  it.scopedLive("closes that of a refusal whose body never ends, and goes on", () =>
    Effect.gen(function* () {
      const { closed, config } = yield* raw("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 100\r\n\r\nno")
      const response = yield* Effect.provide(get("/x"), client(config))
      assert.strictEqual(response.status, 503)
      yield* Effect.timeout(Deferred.await(closed), "10 seconds")
    }).pipe(HubPolicy.with({ maxRetries: 1, backoff: { base: 0 } }))
  )

  it.live("fails without a server, having sent nothing, even a stream", () =>
    Effect.gen(function* () {
      // A port that was free a moment ago.
      const { url } = yield* Effect.provide(HubEmulatorServer.HubEmulatorServer, HubEmulatorServer.layer())
      const request = HttpClientRequest.post("/x").pipe(
        HttpClientRequest.bodyStream(Stream.succeed(new Uint8Array(10)))
      )
      const program = Effect.flatMap(HubClient.HubClient, (made) => made.execute(request))
      const error = yield* Effect.flip(Effect.provide(program, client(HubConfig.layer({ baseUrl: url }))))
      if (error._tag !== "RequestError") return assert.fail(error._tag)
      assert.strictEqual(error.request, request)
      assert.deepInclude(error.cause, { _tag: "TransportFailure", reason: "Connect", sent: false })
      assert.notInclude(inspect(error, { depth: null, showHidden: true }), "nobody-may-see")
    }).pipe(quickly)
  )
})
