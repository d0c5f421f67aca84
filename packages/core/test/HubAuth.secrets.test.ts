import { assert, describe, it } from "@effect/vitest"
import { AuthError, Credentials, HubAuth, HubConfig, SecondFactor } from "@effect-dockerhub/core"
import { Faults, HubEmulator } from "@effect-dockerhub/core/testing"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import { grace, graceToken, hub, over, PASSWORD, PAT, SEED, timed } from "./hub.ts"
import { recordingTracer } from "./recordingTracer.ts"

const CHALLENGE = "challenge-nobody-may-see"
const CODE = "739481"
const TOKEN = "token-nobody-may-see"
const canaries = [PASSWORD, PAT, SEED, CHALLENGE, CODE, TOKEN]

/** Everything anybody could read of an effect's run: its failure in every spelling, the logs, the spans, the record. */
const everythingPrinted = <A, E>(
  program: Effect.Effect<A, E, HubAuth.HubAuth | HubEmulator.HubEmulator | HttpClient.HttpClient>
) =>
  Effect.gen(function* () {
    const { spans, tracer } = recordingTracer()
    const lines: Array<string> = []
    const collect = (format: Logger.Logger<unknown, string>) => Logger.map(format, (line) => void lines.push(line))
    const loggers = Logger.replace(
      Logger.defaultLogger,
      Logger.zip(collect(Logger.logfmtLogger), Logger.zip(collect(Logger.jsonLogger), collect(Logger.stringLogger)))
    )
    const emulator = yield* HubEmulator.HubEmulator
    const { result } = yield* timed(
      Effect.exit(Effect.tapErrorCause(program, (cause) => Effect.logError("failed", cause)))
    ).pipe(Effect.withTracer(tracer), Effect.provide(loggers), Logger.withMinimumLogLevel(LogLevel.Trace))
    const exit = yield* Effect.orDie(result)
    const failure = Exit.isFailure(exit) ? exit.cause : Cause.empty
    const errors = [...Cause.failures(failure), ...Cause.defects(failure)].flatMap((error) => [
      inspect(error, { depth: null, showHidden: true }),
      JSON.stringify(error),
      String(error),
      error instanceof Error ? `${error.stack}` : ""
    ])
    return [
      ...lines,
      ...errors,
      Cause.pretty(failure),
      JSON.stringify(failure),
      inspect(exit, { depth: null }),
      inspect(spans, { depth: null }),
      inspect(yield* emulator.requests, { depth: null })
    ]
  })

const assertClean = (printed: ReadonlyArray<string>) => {
  for (const text of printed) for (const canary of canaries) assert.notInclude(text, canary)
}

const echo = (status: number) => {
  const said = `you sent ${PASSWORD} ${PAT} ${CHALLENGE} ${CODE}, you get ${TOKEN}`
  return Faults.respond({
    status,
    body: { detail: said, token: TOKEN, access_token: TOKEN },
    headers: { "set-cookie": `t=${TOKEN}` }
  })
}

const faults: ReadonlyArray<readonly [string, Faults.Fault]> = [
  ["nothing", Faults.delay(0)],
  ["a refusal that echoes", echo(401)],
  ["a denial that echoes", echo(403)],
  ["an outage that echoes", echo(503)],
  ["a limit that echoes", echo(429)],
  ["an oddity that echoes", echo(418)],
  ["a challenge that echoes", Faults.respond({ status: 401, body: { detail: CHALLENGE, login_2fa_token: CHALLENGE } })],
  [
    "a token no header can hold",
    Faults.respond({ status: 200, body: { token: `${TOKEN}\r\n`, access_token: `${TOKEN} ` } })
  ],
  ["a reset", Faults.resetAfterBody()],
  ["a cut", Faults.truncatedBody()],
  ["silence", Faults.never],
  ["a block", Faults.challengePage()]
]

const programs = [
  ["login", HubAuth.login(grace)],
  ["twoFactorLogin", HubAuth.twoFactorLogin({ challenge: AuthError.TwoFactorChallenge.make(CHALLENGE), code: CODE })],
  ["createAccessToken", HubAuth.createAccessToken(graceToken)],
  [
    "authenticate",
    Effect.suspend(() =>
      Effect.provideService(HubAuth.authenticate(grace), SecondFactor.SecondFactor, SecondFactor.totp(SEED))
    )
  ],
  [
    "authenticate by hand",
    Effect.provideService(
      HubAuth.authenticate(grace),
      SecondFactor.SecondFactor,
      SecondFactor.fromEffect(() => Effect.succeed(Redacted.make(CODE)))
    )
  ]
] as const

describe.each(faults)("no secret is printed anywhere when the server does this: %s", (_, fault) => {
  it.effect.each(programs)("%s", ([, program]) =>
    Effect.gen(function* () {
      const emulator = yield* HubEmulator.HubEmulator
      yield* emulator.enqueue(fault, { times: Number.POSITIVE_INFINITY })
      const printed = yield* everythingPrinted<AccessTokenOf<typeof program>, AuthError.AuthenticateError>(program)
      assert.isAbove(printed.join("").length, 100)
      assertClean(printed)
    }).pipe(Effect.provide(hub({ rateLimit: false })))
  )
})

type AccessTokenOf<T> = T extends Effect.Effect<infer A, infer _E, infer _R> ? A : never

describe("a layer below that speaks too much", () => {
  it.effect("is not repeated: nothing of its error is kept", () =>
    Effect.gen(function* () {
      const talkative = HttpClient.make((request) =>
        Effect.fail(
          new HttpClientError.RequestError({
            request,
            reason: "Transport",
            description: PASSWORD,
            cause: Object.assign(new Error(`while sending ${PASSWORD}`), { code: PASSWORD, password: PASSWORD })
          })
        )
      )
      const printed = yield* everythingPrinted(Effect.provide(HubAuth.login(grace), over(talkative)))
      assertClean(printed)
    }).pipe(Effect.provide(hub()))
  )
})

describe("a layer below that dies", () => {
  it.effect("of a request's error fails like one that fails with it, and nothing of it is kept", () =>
    Effect.gen(function* () {
      const dying = HttpClient.make((request) =>
        Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", description: PASSWORD }))
      ).pipe(HttpClient.transformResponse(Effect.orDie))
      const login = Effect.provide(HubAuth.login(grace), over(dying))
      const { result } = yield* timed(login)
      assert.deepInclude(yield* Effect.flip(result), { _tag: "TransportFailure", reason: "Unknown", sent: true })
      assertClean(yield* everythingPrinted(login))
    }).pipe(Effect.provide(hub()))
  )

  it.effect.each([
    ["an error", () => new Error(PASSWORD)],
    ["a text", () => PASSWORD],
    ["the request itself", (request: unknown) => ({ request, password: PASSWORD })]
  ] as const)("of %s dies with a sentence of ours, and nothing of it is kept", ([, defect]) =>
    Effect.gen(function* () {
      const dying = HttpClient.make((request) => Effect.die(defect(request)))
      const login = Effect.provide(HubAuth.login(grace), over(dying))
      const cause = yield* Effect.flip(Effect.sandbox(login))
      assert.isTrue(Cause.isDie(cause))
      assert.include(Cause.pretty(cause), "the HTTP layer died; what of is withheld")
      assertClean(yield* everythingPrinted(login))
    }).pipe(Effect.provide(hub()))
  )
})

describe("spans", () => {
  it.effect("are one for each operation, and count its attempts", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recordingTracer()
      const emulator = yield* HubEmulator.HubEmulator
      yield* emulator.enqueue(Faults.status(503), { route: "login", times: 2 })
      yield* timed(
        Effect.provideService(HubAuth.authenticate(grace), SecondFactor.SecondFactor, SecondFactor.totp(SEED))
      ).pipe(Effect.withTracer(tracer))
      const summary = spans.map(({ attributes, name }) => [name, attributes.get("dockerhub.attempts")])
      assert.deepStrictEqual(summary, [
        ["HubAuth.authenticate", undefined],
        ["HubAuth.login", 3],
        ["HubAuth.twoFactorLogin", 1]
      ])
    }).pipe(Effect.provide(hub()))
  )
})

describe("bad input", () => {
  it.effect.each([
    () => Credentials.password("", PASSWORD),
    () => SecondFactor.totp(`${PASSWORD}!`),
    () => HubConfig.make({ baseUrl: `https://grace:${encodeURIComponent(TOKEN)}@hub.docker.com` })
  ])("never comes back in what is thrown, %#", (build) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.try({ try: () => build() as unknown, catch: (thrown) => thrown }))
      assert.instanceOf(error, TypeError)
      assertClean([inspect(error, { depth: null }), String(error)])
    })
  )
})
