import { assert, describe, it } from "@effect/vitest"
import { Faults, HubEmulator } from "@effect-dockerhub/core/testing"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as Net from "node:net"
import { HubEmulatorServer, layer } from "../src/HubEmulatorServer.ts"
import type { Options } from "../src/HubEmulatorServer.ts"

const residents: Options = {
  accounts: [
    { username: "ada", password: "correct horse" },
    { username: "grace", password: "battery staple", totpSecret: "JBSWY3DPEHPK3PXP" }
  ]
}

const world = (options?: Options) => Layer.merge(layer({ ...residents, ...options }), NodeHttpClient.layerUndici)

const request = (path: string, body: unknown) =>
  Effect.map(HubEmulatorServer, ({ url }) =>
    HttpClientRequest.post(new URL(path, url)).pipe(HttpClientRequest.bodyUnsafeJson(body))
  )

const login = Effect.gen(function* () {
  const client = yield* HttpClient.HttpClient
  const response = yield* client.execute(
    yield* request("/v2/users/login", { username: "ada", password: "correct horse" })
  )
  return { status: response.status, headers: response.headers, text: yield* response.text }
})

/** The statuses of the recorded requests once there are `count` of them: the server may be a moment behind the client. */
const recorded = (count: number) =>
  Effect.flatMap(HubEmulator.HubEmulator, (hub) => hub.requests).pipe(
    Effect.filterOrFail((requests) => requests.length >= count),
    Effect.retry(Schedule.spaced("5 millis")),
    Effect.map((requests) => requests.slice(0, count)),
    Effect.timeout("5 seconds")
  )

/** What a bare socket receives, and how it ends. */
const overSocket = (text: string) =>
  Effect.flatMap(HubEmulatorServer, ({ port }) =>
    Effect.async<{ readonly received: string; readonly error: Option.Option<string> }>((resume) => {
      let received = ""
      let error: Option.Option<string> = Option.none()
      const socket = Net.connect(port, "127.0.0.1", () => socket.write(text))
      socket.on("data", (data) => (received += data.toString()))
      socket.on("error", (cause: NodeJS.ErrnoException) => (error = Option.fromNullable(cause.code)))
      socket.on("close", () => resume(Effect.succeed({ received, error })))
      return Effect.sync(() => socket.destroy())
    })
  )

const body = JSON.stringify({ username: "ada", password: "correct horse" })
const head = `POST /v2/users/login HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`

describe("HubEmulatorServer", () => {
  it.live("answers on a free port of this machine, and shares its emulator", () =>
    Effect.gen(function* () {
      const { port, url } = yield* HubEmulatorServer
      assert.strictEqual(url.href, `http://127.0.0.1:${port}/`)
      const answer = yield* login
      assert.strictEqual(answer.status, 200)
      assert.include(answer.text, '{"token":"')
      const [seen] = yield* recorded(1)
      assert.deepStrictEqual(seen?.body, { username: "ada", password: "<redacted #1>" })
      assert.strictEqual(seen?.headers["host"], `127.0.0.1:${port}`)
    }).pipe(Effect.provide(world()))
  )

  it.live("two-factor login and paging work over the wire", () =>
    Effect.gen(function* () {
      const client = yield* HttpClient.HttpClient
      const hub = yield* HubEmulator.HubEmulator
      const { url } = yield* HubEmulatorServer
      const challenged = yield* client.execute(
        yield* request("/v2/users/login", { username: "grace", password: "battery staple" })
      )
      const challenge: unknown = yield* challenged.json
      assert.property(challenge, "login_2fa_token")
      const answer = yield* client.execute(
        yield* request("/v2/users/2fa-login", { ...Object(challenge), code: yield* hub.code("grace") })
      )
      assert.strictEqual(answer.status, 200)
      const page: unknown = yield* (yield* client.get(new URL("/v2/namespaces/ada/repositories?page_size=1", url))).json
      assert.nestedPropertyVal(page, "next", `${url.origin}/v2/namespaces/ada/repositories?page=2&page_size=1`)
    }).pipe(
      Effect.provide(
        world({
          repositories: [
            { namespace: "ada", name: "one" },
            { namespace: "ada", name: "two" }
          ]
        })
      )
    )
  )

  it.effect("time is the layer's clock, not the system's", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_770_000_000_000)
      assert.strictEqual((yield* login).headers["date"], "Mon, 02 Feb 2026 02:40:00 GMT")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* login).headers["date"], "Mon, 02 Feb 2026 02:41:00 GMT")
    }).pipe(Effect.provide(world()))
  )

  it.live("a reset before the body comes without the body having been read, one after it with it", () =>
    Effect.gen(function* () {
      const hub = yield* HubEmulator.HubEmulator
      yield* hub.enqueue(Faults.resetBeforeBody)
      // The head alone is enough: the body is never sent.
      const before = yield* overSocket(head)
      assert.deepStrictEqual(before, { received: "", error: Option.some("ECONNRESET") })
      yield* hub.enqueue(Faults.resetAfterBody())
      const after = yield* overSocket(head + body)
      assert.deepStrictEqual(after, { received: "", error: Option.some("ECONNRESET") })
      yield* hub.enqueue(Faults.resetAfterBody())
      const error = yield* Effect.flip(login)
      assert.deepInclude(error, { _tag: "RequestError", reason: "Transport" })
      const seen = yield* recorded(3)
      assert.deepStrictEqual(
        seen.map((each) => [each.body === undefined, each.status]),
        [
          [true, Option.none()],
          [false, Option.none()],
          [false, Option.none()]
        ]
      )
      assert.strictEqual((yield* login).status, 200)
    }).pipe(Effect.provide(world()))
  )

  it.live("a truncated body ends early on the socket", () =>
    Effect.gen(function* () {
      const hub = yield* HubEmulator.HubEmulator
      yield* hub.enqueue(Faults.truncatedBody({ bytes: 9 }))
      const { error, received } = yield* overSocket(head + body)
      assert.deepStrictEqual(error, Option.none())
      assert.match(received, /^HTTP\/1\.1 200 OK\r\n/)
      assert.isAbove(Number(/content-length: (\d+)/i.exec(received)?.[1]), 9)
      assert.strictEqual(received.split("\r\n\r\n")[1], '{"token":')
      yield* hub.enqueue(Faults.truncatedBody())
      const failure = yield* Effect.flip(login)
      assert.deepInclude(failure, { _tag: "ResponseError", reason: "Decode" })
    }).pipe(Effect.provide(world()))
  )

  it.live("an oversized body can be left in the middle", () =>
    Effect.gen(function* () {
      const hub = yield* HubEmulator.HubEmulator
      const client = yield* HttpClient.HttpClient
      const { url } = yield* HubEmulatorServer
      yield* hub.enqueue(Faults.oversizedBody(5_000_000))
      const whole = yield* (yield* client.get(new URL("/v2/user/", url))).text
      assert.strictEqual(whole.length, 5_000_000)
      yield* hub.enqueue(Faults.oversizedBody(1e12))
      const response = yield* client.get(new URL("/v2/user/", url)).pipe(Effect.timeout("10 seconds"))
      assert.strictEqual(response.status, 200)
    }).pipe(Effect.provide(world()))
  )

  it.live("a client that hangs up during a delay interrupts the server", () =>
    Effect.gen(function* () {
      const hub = yield* HubEmulator.HubEmulator
      yield* hub.enqueue(Faults.delay("1 seconds"))
      const asking = yield* Effect.fork(login)
      yield* recorded(1)
      yield* Fiber.interrupt(asking)
      yield* Effect.sleep("1200 millis")
      assert.deepStrictEqual((yield* recorded(1))[0]?.status, Option.none())
    }).pipe(Effect.provide(world()))
  )

  it.live("closing is prompt, with idle, waiting and half-sent requests open", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(world(), scope)
      yield* Effect.gen(function* () {
        const hub = yield* HubEmulator.HubEmulator
        yield* login
        yield* hub.enqueue(Faults.never)
        const waiting = yield* Effect.fork(Effect.exit(login))
        const halfSent = yield* Effect.fork(overSocket(head))
        yield* recorded(3)
        const [duration] = yield* Effect.timed(Scope.close(scope, Exit.void))
        assert.isBelow(Duration.toMillis(duration), 5000)
        assert.isTrue(Exit.isFailure(yield* Fiber.join(waiting)))
        assert.strictEqual((yield* Fiber.join(halfSent)).received, "")
      }).pipe(Effect.provide(context), Effect.timeout("10 seconds"))
    })
  )

  it.live("a port that is taken is a ServeError; one that cannot be throws", () =>
    Effect.gen(function* () {
      const { port } = yield* HubEmulatorServer
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer({ port }))))
      assert.strictEqual(error._tag, "ServeError")
      assert.throws(() => layer({ port: 65536 }), /port/)
      assert.throws(() => layer({ port: Number.NaN }), /port/)
      assert.throws(() => layer({ tokenLifetime: -1 }), /tokenLifetime/)
    }).pipe(Effect.provide(world()))
  )

  it.live("it logs nothing, whatever happens", () =>
    Effect.gen(function* () {
      const logged: Array<unknown> = []
      const logger = Logger.replace(
        Logger.defaultLogger,
        Logger.make(({ cause, message }) => void logged.push(message, cause))
      )
      yield* Effect.gen(function* () {
        const hub = yield* HubEmulator.HubEmulator
        yield* login
        const faults = [Faults.resetBeforeBody, Faults.resetAfterBody(), Faults.truncatedBody(), Faults.never]
        for (const [index, fault] of faults.entries()) {
          yield* hub.enqueue(fault)
          const asking = yield* Effect.fork(Effect.exit(login))
          yield* recorded(index + 2)
          yield* Effect.sleep("20 millis")
          yield* Fiber.interrupt(asking)
        }
        yield* Effect.sleep("20 millis")
      }).pipe(Effect.provide(Layer.provideMerge(world(), Layer.merge(logger, Logger.minimumLogLevel(LogLevel.All)))))
      assert.deepStrictEqual(logged, [])
    })
  )
})
