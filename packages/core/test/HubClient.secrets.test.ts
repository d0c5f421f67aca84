import { assert, describe, it } from "@effect/vitest"
import type { AuthError } from "@effect-dockerhub/core"
import { Faults, HubEmulator } from "@effect-dockerhub/core/testing"
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import { timed } from "./hub.ts"
import { below, clientOver, ok } from "./hubClient.ts"
import { recordingTracer } from "./recordingTracer.ts"

const TOKEN = "bearer-nobody-may-see"
const COOKIE = "cookie-nobody-may-see"

/** Everything that printing a value could show, fields that nobody is meant to see included. */
const printed = (value: unknown): ReadonlyArray<string> => [
  inspect(value, { depth: null, showHidden: true, getters: true }),
  inspect(value, { depth: null, showHidden: true, customInspect: false }),
  JSON.stringify(value) ?? "",
  String(value),
  value instanceof Error ? `${value.stack}` : ""
]

const assertClean = (texts: ReadonlyArray<string>) => {
  for (const text of texts) {
    assert.notInclude(text, TOKEN)
    assert.notInclude(text, COOKIE)
  }
}

type Failure = HttpClientError.HttpClientError | AuthError.AuthenticateError

/** Run to the end, through the loggers, and print the failure, or what came instead of one. */
const everythingPrinted = <A>(program: Effect.Effect<A, Failure>) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const logger = Logger.replace(
      Logger.defaultLogger,
      Logger.zip(
        Logger.map(Logger.logfmtLogger, (line) => void lines.push(line)),
        Logger.map(Logger.jsonLogger, (line) => void lines.push(line))
      )
    )
    const logged = Effect.tapErrorCause(program, (cause) => Effect.logError("failed", cause))
    const { result } = yield* timed(
      Effect.exit(logged).pipe(Effect.provide(logger), Logger.withMinimumLogLevel(LogLevel.Trace))
    )
    const exit = yield* Effect.orDie(result)
    return Exit.match(exit, {
      onSuccess: (value) => [...lines, ...printed(value)],
      onFailure: (cause) => [
        ...lines,
        ...printed(cause),
        Cause.pretty(cause, { renderErrorCause: true }),
        ...printed(Cause.squash(cause)),
        ...Cause.prettyErrors(cause).flatMap(printed)
      ]
    })
  })

const nodeError = (fields: Record<string, unknown>) => Object.assign(new Error(`while sending ${TOKEN}`), fields)

/** A body that begins well and then breaks. */
const cut = () =>
  Effect.sync(
    () =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new Uint8Array(10)),
          pull: (controller) => controller.error(nodeError({ code: "ECONNRESET", request: { token: TOKEN } }))
        }),
        { headers: { "content-type": "application/json", "set-cookie": `token=${COOKIE}` } }
      )
  )

const layers: ReadonlyArray<readonly [string, Parameters<typeof below>[0]]> = [
  ["a layer that speaks too much", () => Effect.fail(nodeError({ code: TOKEN, token: TOKEN }))],
  [
    "a layer with descriptions",
    ({ request }) =>
      Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", description: `sent ${TOKEN}` }))
  ],
  [
    "a layer that cannot encode",
    ({ request }) => Effect.fail(new HttpClientError.RequestError({ request, reason: "Encode", cause: TOKEN }))
  ],
  ["a refused connection", () => Effect.fail(nodeError({ code: "ECONNREFUSED", syscall: "connect" }))],
  ["silence", () => Effect.never],
  ["an outage", () => ok(`you sent ${TOKEN}`, { status: 503, headers: { "set-cookie": COOKIE } })],
  ["a refusal", () => ok(`you sent ${TOKEN}`, { status: 401, headers: { "content-type": "text/plain" } })],
  ["a success", () => ok(JSON.stringify({ token: TOKEN }), { headers: { "content-type": "application/json" } })]
]

describe("no bearer is printed", () => {
  it.effect.each(layers)("of a call that ends in %s", ([, answer]) =>
    Effect.gen(function* () {
      const { client: http, sent } = below(answer)
      const { client } = yield* clientOver(http, TOKEN, `${TOKEN}2`)
      const texts = yield* everythingPrinted<unknown>(client.get("/v2/user/"))
      assert.include(inspect(sent, { depth: null }), TOKEN)
      assert.isAbove(texts.join("").length, 100)
      assertClean(texts)
    })
  )

  it.effect("of a lower client that takes a body for bad", () =>
    Effect.gen(function* () {
      const { client: http } = below(cut)
      const strict = HttpClient.transformResponse(
        http,
        Effect.flatMap((response) =>
          Effect.fail(
            new HttpClientError.ResponseError({
              request: response.request,
              response,
              reason: "Decode",
              description: TOKEN,
              cause: TOKEN
            })
          )
        )
      )
      const { client } = yield* clientOver(strict, TOKEN)
      const texts = yield* everythingPrinted<unknown>(client.get("/v2/user/"))
      assert.include(texts.join(""), "ResponseError")
      assertClean(texts)
    })
  )

  const readings: ReadonlyArray<
    readonly [
      string,
      (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<unknown, HttpClientError.ResponseError>
    ]
  > = [
    ["text", (response) => response.text],
    ["json", (response) => response.json],
    ["arrayBuffer", (response) => response.arrayBuffer],
    ["formData", (response) => response.formData],
    ["urlParamsBody", (response) => response.urlParamsBody],
    ["stream", (response) => Stream.runDrain(response.stream)]
  ]

  it.effect.each(readings)("when reading a body as %s breaks off: its error is the caller's", ([, read]) =>
    Effect.gen(function* () {
      const { client: http } = below(cut)
      const { client } = yield* clientOver(http, TOKEN)
      const request = HttpClientRequest.get("/v2/user/")
      const response = yield* client.execute(request)
      assertClean(printed(response))
      let failed: HttpClientError.ResponseError | undefined
      const reading = Effect.tapError(read(response), (error) => Effect.sync(() => void (failed = error)))
      assertClean(yield* everythingPrinted(reading))
      const error = failed ?? assert.fail("it was read")
      assert.strictEqual(error._tag, "ResponseError")
      assert.strictEqual(error.request, request)
      assert.strictEqual(error.response, response)
      assert.strictEqual(error.reason, "Decode")
      assert.deepInclude(error.cause, { _tag: "TransportFailure", reason: "Reset", sent: true })
      assert.include(error.message, "Decode: Reset: the connection to Docker Hub broke")
    })
  )

  it.effect("when a body is not what it should be, which is told from a connection that broke", () =>
    Effect.gen(function* () {
      const { client: http } = below(() => ok(`${TOKEN}!`))
      const { client } = yield* clientOver(http, TOKEN)
      const json = yield* Effect.flip(Effect.flatMap(client.get("/x"), ({ json }) => json))
      const form = yield* Effect.flip(Effect.flatMap(client.get("/x"), ({ formData }) => formData))
      assert.strictEqual(json.message, "Decode: the body is not JSON (200 GET /x)")
      assert.strictEqual(form.message, "Decode: the body is not form data (200 GET /x)")
      assertClean([...printed(json), ...printed(form)])
    })
  )

  it.effect("when there is no body to stream", () =>
    Effect.gen(function* () {
      const { client: http } = below(() => ok(null, { status: 204 }))
      const { client } = yield* clientOver(http, TOKEN)
      const response = yield* client.get("/x")
      const error = yield* Effect.flip(Stream.runDrain(response.stream))
      assert.deepInclude(error, { reason: "EmptyBody", description: "the response has no body" })
      assert.strictEqual(error.response, response)
      assertClean(printed(error))
    })
  )

  it.effect("and printing a response does not read it", () =>
    Effect.gen(function* () {
      const { client: http } = below(() => ok("{}", { headers: { "content-type": "application/json" } }))
      const { client } = yield* clientOver(http, TOKEN)
      const response = yield* client.get("/x")
      assert.deepInclude(JSON.parse(JSON.stringify(response)), { status: 200 })
      assert.include(inspect(response), "HttpClientResponse")
      assert.strictEqual(yield* Stream.runCount(response.stream), 1)
    })
  )
})

describe("the HTTP span", () => {
  const trace = (program: Effect.Effect<unknown, unknown, HubEmulator.HubEmulator | HttpClient.HttpClient>) =>
    Effect.gen(function* () {
      const { spans, tracer } = recordingTracer()
      yield* timed(program).pipe(Effect.withTracer(tracer))
      return spans
    })

  const traced = Effect.gen(function* () {
    const emulator = yield* HubEmulator.HubEmulator
    yield* emulator.enqueue(Faults.status(503))
    yield* emulator.enqueue(Faults.resetAfterBody())
    const { client } = yield* clientOver(yield* HttpClient.HttpClient, TOKEN)
    yield* Effect.withSpan(client.get("/v2/user/?page=1"), "mine")
  })

  it.effect("is the platform's, one for each attempt, and none of it holds the bearer", () =>
    Effect.gen(function* () {
      const spans = yield* trace(traced)
      assert.deepStrictEqual(
        spans.map(({ name }) => name),
        ["mine", "http.client GET", "http.client GET", "http.client GET", "http.client GET"].slice(0, spans.length)
      )
      assert.isAtLeast(spans.length, 4)
      const [mine, , , last] = spans
      // The caller's own span may be that of many calls.
      assert.isFalse(mine?.attributes.has("dockerhub.attempts"))
      assert.strictEqual(last?.attributes.get("http.request.header.authorization"), "<redacted>")
      assert.strictEqual(last?.attributes.get("url.path"), "/v2/user/")
      assertClean([inspect(spans, { depth: null })])
    }).pipe(Effect.provide(HubEmulator.layer()))
  )

  it.effect("holds none even where a user replaced the list of headers to redact", () =>
    Effect.gen(function* () {
      const spans = yield* trace(Effect.locally(traced, Headers.currentRedactedNames, ["x-mine"]))
      assert.isAtLeast(spans.length, 4)
      assertClean([inspect(spans, { depth: null })])
    }).pipe(Effect.provide(HubEmulator.layer()))
  )
})
