import { assert, describe, it } from "@effect/vitest"
import { HubPolicy } from "@effect-dockerhub/core"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as TestClock from "effect/TestClock"
import { inspect } from "node:util"
import { timed } from "./hub.ts"
import { below, clientOver, ok } from "./hubClient.ts"

const TOKEN = "bearer-nobody-may-see"

/** A failure in every spelling. */
const printed = (cause: Cause.Cause<unknown>): ReadonlyArray<string> => {
  const squashed = Cause.squash(cause)
  return [
    Cause.pretty(cause),
    Cause.pretty(cause, { renderErrorCause: true }),
    ...[cause, squashed, ...Cause.prettyErrors(cause)].flatMap((each) => [
      inspect(each, { depth: null, showHidden: true, getters: true }),
      inspect(each, { depth: null, showHidden: true, customInspect: false }),
      JSON.stringify(each) ?? "",
      String(each),
      each instanceof Error ? `${each.stack}` : ""
    ])
  ]
}

/** How a call over this layer ends, and all that was logged of it. */
const callOver = (http: HttpClient.HttpClient) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const logger = Logger.replace(
      Logger.defaultLogger,
      Logger.map(Logger.logfmtLogger, (line) => void lines.push(line))
    )
    const { client } = yield* clientOver(http, TOKEN)
    const request = HttpClientRequest.get("/v2/user/")
    const { result } = yield* timed(Effect.exit(client.execute(request))).pipe(
      Effect.provide(logger),
      Logger.withMinimumLogLevel(LogLevel.Trace)
    )
    const exit = yield* Effect.orDie(result)
    const cause = Exit.isFailure(exit) ? exit.cause : assert.fail("it was answered")
    return { cause, request, texts: [...lines, ...printed(cause)] }
  })

const assertClean = (texts: ReadonlyArray<string>) => {
  assert.isAbove(texts.join("").length, 100)
  for (const text of texts) assert.notInclude(text, TOKEN)
}

describe("a layer below that dies", () => {
  it.effect("of a request's error fails like one that fails with it, with the caller's request and no bearer", () =>
    Effect.gen(function* () {
      let sent = ""
      const dying = HttpClient.make((request) => {
        sent = request.headers["authorization"] ?? ""
        const description = `while sending ${TOKEN}`
        return Effect.die(
          new HttpClientError.RequestError({ request, reason: "Transport", description, cause: { token: TOKEN } })
        )
      })
      const { cause, request, texts } = yield* callOver(dying)
      const error = Cause.squash(cause)
      assert.isTrue(Cause.isFailType(cause))
      assert.instanceOf(error, HttpClientError.RequestError)
      assert.strictEqual(error.request, request)
      assert.deepInclude(error.cause, { _tag: "TransportFailure", reason: "Unknown", sent: true })
      assert.include(sent, TOKEN)
      assertClean(texts)
    })
  )

  it.effect.each<readonly [string, (request: unknown) => unknown]>([
    ["an error", () => new Error(TOKEN, { cause: TOKEN })],
    ["a text", () => TOKEN],
    ["the request itself", (request) => ({ request })]
  ])("of %s dies with a sentence of ours, and nothing of it is kept", ([, defect]) =>
    Effect.gen(function* () {
      const { cause, texts } = yield* callOver(HttpClient.make((request) => Effect.die(defect(request))))
      assert.isTrue(Cause.isDie(cause))
      assert.include(Cause.pretty(cause), "the HTTP layer died; what of is withheld, since it may hold a secret")
      assertClean(texts)
    })
  )
})

describe("a body that nobody will read", () => {
  /** A body that never ends, and whether it was let go. */
  const endless = () => {
    const state = { cancelled: 0 }
    const body = () =>
      new ReadableStream({ pull: () => new Promise<void>(() => {}), cancel: () => void state.cancelled++ })
    return { body, state }
  }

  it.effect("is let go of where a lower client took the response for broken", () =>
    Effect.gen(function* () {
      const { body, state } = endless()
      const { client: http, sent } = below(() =>
        Effect.sync(() => {
          // The one before has gone before this one is sent.
          assert.strictEqual(state.cancelled, sent.length - 1)
          return new Response(body())
        })
      )
      const strict = HttpClient.transformResponse(
        http,
        Effect.flatMap((response) =>
          sent.length > 1
            ? Effect.succeed(response)
            : new HttpClientError.ResponseError({ request: response.request, response, reason: "Decode" })
        )
      )
      const { client } = yield* clientOver(strict, "a-token")
      const { result } = yield* timed(client.get("/x"))
      assert.strictEqual((yield* result).status, 200)
      assert.strictEqual(sent.length, 2)
      assert.strictEqual(state.cancelled, 1)
    })
  )

  it.effect("is not handed out where the deadline passed while it was let go of: that is what went wrong", () =>
    Effect.gen(function* () {
      const { body, state } = endless()
      const { client: http, sent } = below(() => Effect.sync(() => new Response(body(), { status: 503 })))
      const { client } = yield* clientOver(http, "a-token")
      const { result } = yield* timed(
        client.get("/x").pipe(HubPolicy.with({ attemptTimeout: "1 seconds", deadline: "1 seconds" }))
      )
      assert.deepInclude(yield* Effect.flip(result), { _tag: "RequestTimedOut", scope: "deadline" })
      assert.strictEqual(sent.length, 1)
      assert.strictEqual(state.cancelled, 1)
    })
  )
})

describe("a Retry-After that is a date", () => {
  it.effect("is read by our clock, where the answer does not tell the server's", () =>
    Effect.gen(function* () {
      const start = 1_769_818_788_000
      yield* TestClock.setTime(start)
      const { client: http, sent } = below(() =>
        sent.length > 1
          ? ok()
          : ok(null, { status: 429, headers: { "retry-after": new Date(start + 7000).toUTCString() } })
      )
      const { client } = yield* clientOver(http, "a-token")
      const { millis, result } = yield* timed(client.get("/x"))
      assert.strictEqual((yield* result).status, 200)
      assert.strictEqual(millis, 7000)
      assert.strictEqual(sent.length, 2)
    })
  )
})
