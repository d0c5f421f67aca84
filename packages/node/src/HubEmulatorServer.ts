// HubEmulatorServer: the emulated Docker Hub on a real port of this machine.

import * as HubEmulator from "@effect-dockerhub/core/testing/HubEmulator"
import type { ConnectionReset } from "@effect-dockerhub/core/testing/Faults"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import type { ServeError } from "@effect/platform/HttpServerError"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Http from "node:http"
import type { Socket } from "node:net"

/**
 * Where the emulator listens.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** The base URL for a client, e.g. `http://127.0.0.1:49152/`. */
  readonly url: URL
  readonly port: number
}

/**
 * What the emulator can be told, and where it should listen.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends HubEmulator.Options {
  /** Default 0: a free port, so that tests can run beside each other. */
  readonly port?: number | undefined
}

/**
 * The address of the running server.
 *
 * @since 0.1.0
 * @category services
 */
export class HubEmulatorServer extends Context.Tag("@effect-dockerhub/node/HubEmulatorServer")<
  HubEmulatorServer,
  Service
>() {}

/**
 * The emulator on a port of 127.0.0.1, reachable by any program of this machine and by no other.
 *
 * **Details**
 *
 * Time is the layer's `Clock`. When the scope closes, every connection is cut at once, idle or not. Nothing is logged
 * or traced by the server.
 *
 * @example
 * ```ts
 * import { HubEmulatorServer } from "@effect-dockerhub/node"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const { url } = yield* HubEmulatorServer.HubEmulatorServer
 *   yield* Effect.log(`DOCKERHUB_URL=${url.origin}`)
 *   yield* Effect.never
 * }).pipe(Effect.provide(HubEmulatorServer.layer({ accounts: [{ username: "ada", password: "correct horse" }] })))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<HubEmulator.HubEmulator | HubEmulatorServer, ServeError> => {
  const { port = 0, ...emulator } = options
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new RangeError(`port must be a whole number from 0 to 65535, not ${port}.`)
  }
  const make = HubEmulator.make(emulator)
  return Layer.scopedContext(
    Effect.gen(function* () {
      const hub = yield* make
      const address = yield* serve(hub, port)
      return Context.make(HubEmulator.HubEmulator, hub).pipe(Context.add(HubEmulatorServer, address))
    })
  )
}

const serve = (hub: HubEmulator.Service, port: number): Effect.Effect<Service, ServeError, Scope.Scope> =>
  Effect.gen(function* () {
    const node = Http.createServer()
    const sockets = new Set<Socket>()
    node.on("connection", (socket: Socket) => {
      sockets.add(socket)
      socket.on("close", () => sockets.delete(socket))
    })
    const server = yield* NodeHttpServer.make(() => node, { port, host: "127.0.0.1" })
    // Runs before the platform's own finalizer, which would wait for keep-alive connections and hanging requests.
    yield* Effect.addFinalizer(() => close(node, sockets))
    yield* server.serve(onSocket(hub.httpApp)).pipe(
      // The platform's server span would carry the query and unknown headers into a user's traces.
      HttpMiddleware.withTracerDisabledWhenEffect(() => true),
      Effect.withUnhandledErrorLogLevel(Option.none<LogLevel.LogLevel>())
    )
    const bound = server.address._tag === "TcpAddress" ? server.address.port : port
    return { url: new URL(`http://127.0.0.1:${bound}/`), port: bound }
  })

const close = (node: Http.Server, sockets: ReadonlySet<Socket>): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    node.close(() => resume(Effect.void))
    for (const socket of sockets) socket.destroy()
  })

/** The app with its connection faults carried out on the request's socket. */
const onSocket = (app: HttpApp.Default<ConnectionReset>): HttpApp.Default =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const { socket } = NodeHttpServerRequest.toIncomingMessage(request)
    const response = yield* app.pipe(
      Effect.catchTag("ConnectionReset", () => Effect.zipRight(reset(socket), Effect.interrupt))
    )
    return response.body._tag === "Stream"
      ? HttpServerResponse.stream(
          Stream.catchAll(response.body.stream, () => Stream.drain(Stream.fromEffect(endEarly(socket)))),
          { status: response.status, headers: response.headers }
        )
      : response
    // The platform runs handlers uninterruptibly; a client that hangs up must end a delay.
  }).pipe(Effect.interruptible)

/** A true RST, so that the client sees ECONNRESET and not an orderly end. */
const reset = (socket: Socket): Effect.Effect<void> => Effect.sync(() => void socket.resetAndDestroy())

/** Sends what was written, then ends: the client gets every byte of the torso and no more. */
const endEarly = (socket: Socket): Effect.Effect<never> =>
  Effect.zipRight(
    Effect.sync(() => void socket.end(() => socket.destroy())),
    // The closing socket interrupts this; an end of the stream would make the platform finish the message.
    Effect.never
  )
