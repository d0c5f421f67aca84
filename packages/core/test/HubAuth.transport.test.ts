import { assert, describe, it } from "@effect/vitest"
import { HubAuth, HubPolicy } from "@effect-dockerhub/core"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import { ada, operationNames, operations, over, timed } from "./hub.ts"

/** An HTTP layer on which every request fails like this, and how often it was asked. */
const failing = (cause: unknown) => {
  let count = 0
  const client = HttpClient.make((request) => {
    count++
    return Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause }))
  })
  return { layer: over(client), count: Effect.sync(() => count) }
}

/** An HTTP layer on which every request is answered like this. */
const answering = (answer: Effect.Effect<Response>) =>
  over(HttpClient.make((request) => Effect.map(answer, (response) => HttpClientResponse.fromWeb(request, response))))

const bytes = (text: string) => new TextEncoder().encode(text)

const nodeError = (fields: Record<string, unknown>) => Object.assign(new Error("failed"), fields)

/** What Node gives when each address of a host failed; its own code is that of the first. */
const nodeErrors = (code: string, ...parts: ReadonlyArray<Record<string, unknown>>) =>
  Object.assign(new AggregateError(parts.map(nodeError)), { code })

const refused = { code: "ECONNREFUSED", syscall: "connect" }
const unreachable = { code: "ENETUNREACH", syscall: "connect" }
const broken = { code: "ECONNRESET", syscall: "read" }

describe("what the layer below failed of, and how often each operation is tried", () => {
  it.effect.each([
    ["a refused connection", nodeError({ code: "ECONNREFUSED", syscall: "connect" }), "Connect", false, [3, 3, 3]],
    [
      "a refused connection, as fetch says it",
      nodeError({ cause: nodeError({ code: "ECONNREFUSED" }) }),
      "Connect",
      false,
      [3, 3, 3]
    ],
    [
      "a connection that timed out while it was made",
      nodeError({ code: "ETIMEDOUT", syscall: "connect" }),
      "Connect",
      false,
      [3, 3, 3]
    ],
    ["undici's connect timeout", nodeError({ code: "UND_ERR_CONNECT_TIMEOUT" }), "Connect", false, [3, 3, 3]],
    [
      "a name that cannot be resolved",
      nodeError({ code: "EAI_AGAIN", syscall: "getaddrinfo" }),
      "Connect",
      false,
      [3, 3, 3]
    ],
    ["a reset", nodeError({ code: "ECONNRESET" }), "Reset", true, [3, 1, 3]],
    ["a timeout of the socket", nodeError({ code: "ETIMEDOUT", syscall: "read" }), "Reset", true, [3, 1, 3]],
    ["undici's closed socket", nodeError({ code: "UND_ERR_SOCKET" }), "Reset", true, [3, 1, 3]],
    ["an expired certificate", nodeError({ cause: nodeError({ code: "CERT_HAS_EXPIRED" }) }), "Tls", false, [1, 1, 1]],
    ["a certificate of another host", nodeError({ code: "ERR_TLS_CERT_ALTNAME_INVALID" }), "Tls", false, [1, 1, 1]],
    ["a TLS alert", nodeError({ code: "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR" }), "Tls", true, [1, 1, 1]],
    ["an answer that is not HTTP", nodeError({ code: "HPE_INVALID_CONSTANT" }), "Decode", true, [1, 1, 1]],
    ["an answer undici has no code for", nodeError({ name: "HTTPParserError" }), "Decode", true, [1, 1, 1]],
    [
      "a proxy that refuses the tunnel",
      nodeError({ message: "Proxy response (407) !== 200 when HTTP Tunneling" }),
      "Proxy",
      false,
      [1, 1, 1]
    ],
    ["an error nobody knows", nodeError({ code: 5 }), "Unknown", true, [3, 1, 3]],
    ["something that is no error", "hunter2!", "Unknown", true, [3, 1, 3]],
    ["a name nobody has", nodeError({ code: "ENOTFOUND" }), "Connect", false, [3, 3, 3]],
    ["a resolver that is away, by its code alone", nodeError({ code: "EAI_AGAIN" }), "Connect", false, [3, 3, 3]],
    [
      "a resolver's error, by its call alone",
      nodeError({ code: "EUNHEARDOF", syscall: "getaddrinfo" }),
      "Connect",
      false,
      [3, 3, 3]
    ],
    [
      "a host of which no address answers, whatever code the whole has",
      nodeError({ cause: nodeErrors("ECONNRESET", refused, unreachable) }),
      "Connect",
      false,
      [3, 3, 3]
    ],
    [
      "several failures of which one came after the connection",
      nodeErrors("ECONNRESET", refused, broken),
      "Reset",
      true,
      [3, 1, 3]
    ],
    [
      "such failures under a code that says otherwise",
      nodeErrors("ECONNREFUSED", refused, broken),
      "Reset",
      true,
      [3, 1, 3]
    ],
    [
      "failures of a layer that names no system call",
      nodeErrors("ECONNREFUSED", { code: "ECONNREFUSED" }, { code: "EAI_AGAIN" }),
      "Connect",
      false,
      [3, 3, 3]
    ],
    ["a pipe nobody reads any more", nodeError({ code: "EPIPE" }), "Reset", true, [3, 1, 3]],
    ["a compressed body that is none", nodeError({ code: "Z_DATA_ERROR" }), "Decode", true, [1, 1, 1]],
    [
      "a certificate of somebody's own making",
      nodeError({ code: "SELF_SIGNED_CERT_IN_CHAIN" }),
      "Tls",
      false,
      [1, 1, 1]
    ],
    [
      "a certificate nobody vouches for",
      nodeError({ code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" }),
      "Tls",
      false,
      [1, 1, 1]
    ]
  ] as const)("%s", ([, cause, reason, sent, expected]) =>
    Effect.gen(function* () {
      for (const [index, name] of operationNames.entries()) {
        const { count, layer } = failing(cause)
        const { result } = yield* timed(Effect.provide(operations[name], layer))
        assert.deepInclude(yield* Effect.flip(result), { _tag: "TransportFailure", reason, sent })
        assert.strictEqual(yield* count, expected[index])
      }
    })
  )

  it.effect("a cause that is its own cause ends", () =>
    Effect.gen(function* () {
      const cause = nodeError({})
      cause.cause = cause
      const { layer } = failing(cause)
      const { result } = yield* timed(Effect.provide(HubAuth.login(ada), layer))
      assert.deepInclude(yield* Effect.flip(result), { reason: "Unknown" })
    })
  )

  it.effect("a request that could not be built was not sent", () =>
    Effect.gen(function* () {
      const client = HttpClient.make((request) =>
        Effect.fail(new HttpClientError.RequestError({ request, reason: "Encode" }))
      )
      const { result } = yield* timed(Effect.provide(operations.twoFactorLogin, over(client)))
      assert.deepInclude(yield* Effect.flip(result), { _tag: "TransportFailure", sent: false })
    })
  )
})

describe("an answer that no emulator gives", () => {
  it.effect("a browser's opaque redirect, whose status is 0, is a redirect that is not followed", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(HubAuth.login(ada))
      assert.deepInclude(error, {
        _tag: "UnexpectedResponse",
        status: 0,
        reason: "a redirect, which is never followed"
      })
    }).pipe(Effect.provide(answering(Effect.sync(() => Response.error()))))
  )

  it.effect("a body that fails for a reason nobody knows is a broken connection", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(HubAuth.login(ada))
      assert.deepInclude(error, { _tag: "TransportFailure", reason: "Reset", sent: true })
    }).pipe(
      HubPolicy.with({ maxRetries: 0 }),
      Effect.provide(
        answering(
          Effect.sync(() => {
            const body = Stream.concat(Stream.make(bytes('{"token":')), Stream.fail(new Error("nobody knows")))
            return new Response(Stream.toReadableStream(body))
          })
        )
      )
    )
  )

  it.effect("a character that arrives in two pieces is read as one", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(HubAuth.login(ada))
      assert.deepInclude(error, { _tag: "InvalidCredentials", detail: "für 😀" })
    }).pipe(
      Effect.provide(
        answering(
          Effect.sync(() => {
            const pieces = Array.from(bytes('{"detail":"für 😀"}'), (byte) => Uint8Array.of(byte))
            return new Response(Stream.toReadableStream(Stream.fromIterable(pieces)), { status: 401 })
          })
        )
      )
    )
  )

  it.effect("a slow body does not make the server's clock late", () =>
    Effect.gen(function* () {
      const { millis, result } = yield* timed(HubAuth.login(ada), "9 seconds")
      assert.strictEqual(millis, 8000)
      assert.strictEqual(Either.getOrThrow(result).clockSkew, 0)
    }).pipe(
      Effect.provide(
        answering(
          Stream.fromEffect(Effect.delay(Effect.succeed(bytes('{"token":"abc"}')), "8 seconds")).pipe(
            Stream.toReadableStreamEffect(),
            Effect.map((body) => new Response(body, { headers: { date: "Thu, 01 Jan 1970 00:00:00 GMT" } }))
          )
        )
      )
    )
  )
})
