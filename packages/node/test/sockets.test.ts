import { assert, describe, it } from "@effect/vitest"
import { Credentials, HubAuth, HubConfig, HubPolicy } from "@effect-dockerhub/core"
import { NodeHubHttp } from "@effect-dockerhub/node"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { createServer } from "node:net"
import type { AddressInfo, Socket } from "node:net"

/** A server that does this with each connection; it tells of the first request and of the first close. */
const server = (onRequest: (socket: Socket) => void) =>
  Effect.gen(function* () {
    const asked = yield* Deferred.make<void>()
    const closed = yield* Deferred.make<void>()
    let connections = 0
    const sockets = new Set<Socket>()
    const listening = createServer((socket) => {
      connections++
      sockets.add(socket)
      socket.on("error", () => {})
      socket.on("data", (data) => {
        Deferred.unsafeDone(asked, Effect.void)
        // Only the end of a login's body ends in a brace.
        if (data.toString().endsWith("}")) onRequest(socket)
      })
      socket.on("close", () => Deferred.unsafeDone(closed, Effect.void))
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => void listening.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.async<void>((resume) => {
          for (const socket of sockets) socket.destroy()
          listening.close(() => resume(Effect.void))
        })
    )
    // A TCP server that listens has an address of this shape.
    const { port } = listening.address() as AddressInfo
    return {
      asked,
      closed,
      connections: Effect.sync(() => connections),
      config: HubConfig.layer({ baseUrl: `http://127.0.0.1:${port}` })
    }
  })

const login = HubAuth.login(Credentials.password("ada", "correct horse battery staple"))

describe.each([
  ["undici", NodeHubHttp.layer],
  ["node:http", NodeHttpClient.layer],
  ["fetch", FetchHttpClient.layer]
] as const)("%s", (_, http) => {
  it.scopedLive("closes the socket at once when interrupted before the headers", () =>
    Effect.gen(function* () {
      const { asked, closed, config } = yield* server(() => {})
      const fiber = yield* Effect.fork(Effect.provide(login, Layer.provide(HubAuth.layer, [http, config])))
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(fiber)
      yield* Effect.timeout(Deferred.await(closed), "10 seconds")
    })
  )

  it.scopedLive("closes the socket at once when interrupted in the body", () =>
    Effect.gen(function* () {
      const { asked, closed, config } = yield* server((socket) => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"token":')
      })
      const fiber = yield* Effect.fork(Effect.provide(login, Layer.provide(HubAuth.layer, [http, config])))
      yield* Deferred.await(asked)
      yield* Effect.sleep("50 millis")
      yield* Fiber.interrupt(fiber)
      yield* Effect.timeout(Deferred.await(closed), "10 seconds")
    })
  )

  it.scopedLive("closes the socket when a body never ends and time is up", () =>
    Effect.gen(function* () {
      const { closed, config } = yield* server((socket) => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"token":')
      })
      const error = yield* Effect.flip(Effect.provide(login, Layer.provide(HubAuth.layer, [http, config])))
      assert.deepInclude(error, { _tag: "RequestTimedOut", scope: "attempt" })
      yield* Effect.timeout(Deferred.await(closed), "10 seconds")
    }).pipe(HubPolicy.with({ attemptTimeout: "100 millis", maxRetries: 0 }))
  )

  it.scopedLive("lets go of a connection whose body is over 1 MiB", () =>
    Effect.gen(function* () {
      const flood = Buffer.alloc(65_536, "x")
      const { closed, config } = yield* server((socket) => {
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
        const pour = () => {
          while (!socket.destroyed && socket.write(flood)) continue
        }
        socket.on("drain", pour)
        pour()
      })
      const error = yield* Effect.flip(Effect.provide(login, Layer.provide(HubAuth.layer, [http, config])))
      assert.strictEqual(error._tag, "UnexpectedResponse")
      yield* Effect.timeout(Deferred.await(closed), "10 seconds")
    })
  )

  it.scopedLive("tells an answer that is not HTTP from a broken connection", () =>
    Effect.gen(function* () {
      const { config } = yield* server((socket) => void socket.end("SSH-2.0-OpenSSH_9.7\r\n\r\n"))
      const error = yield* Effect.flip(Effect.provide(login, Layer.provide(HubAuth.layer, [http, config])))
      assert.strictEqual(error.message, "Decode: the answer was not HTTP; it may have reached the server.")
    })
  )
})

describe("NodeHubHttp", () => {
  it.scopedLive("keeps its connections for the next logins", () =>
    Effect.gen(function* () {
      const body = '{"token":"abc"}'
      const { config, connections } = yield* server((socket) => {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
      })
      yield* Effect.provide(Effect.repeatN(login, 9), Layer.provide(HubAuth.layer, [NodeHubHttp.layer, config]))
      // undici opens a second one where it has not yet noticed that the first is free.
      assert.isAtMost(yield* connections, 2)
    })
  )
})
