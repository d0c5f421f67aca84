// Every error of a login, handled by its tag. Delete a handler and `check` fails: the compiler knows the whole list.
import { Credentials, HubAuth, HubPolicy } from "@effect-dockerhub/core"
import { Faults, HubEmulator } from "@effect-dockerhub/core/testing"
import { NodeRuntime } from "@effect/platform-node"
import { Console, Duration, Effect, Option } from "effect"

const advice: Effect.Effect<string, never, HubAuth.HubAuth> = HubAuth.authenticate(
  Credentials.password("ada", "correct horse battery staple")
).pipe(
  Effect.as("logged in"),
  Effect.catchTags({
    InvalidCredentials: () => Effect.succeed("ask for another password; do not try this one again"),
    TwoFactorRequired: () => Effect.succeed("provide a SecondFactor, or use a personal access token"),
    InvalidTwoFactorCode: () => Effect.succeed("check the clock and the seed of the authenticator"),
    SecondFactorUnavailable: ({ reason }) => Effect.succeed(`no code to be had: ${reason}`),
    RateLimited: ({ retryAfter }) =>
      Effect.succeed(
        `come back in ${Option.match(retryAfter, { onNone: () => "ten minutes", onSome: Duration.format })}`
      ),
    AccessDenied: ({ detail }) => Effect.succeed(`ask the owner for the right to do this: ${detail}`),
    EdgeBlocked: ({ rayId }) =>
      Effect.succeed(`tell the network people, with ray ${Option.getOrElse(rayId, () => "?")}`),
    ServiceUnavailable: ({ status }) => Effect.succeed(`Docker Hub has trouble (${status}): look at its status page`),
    TransportFailure: ({ reason, sent }) =>
      Effect.succeed(`${reason}; ${sent ? "it may have arrived" : "nothing was sent"}`),
    RequestTimedOut: ({ after, scope }) => Effect.succeed(`no answer for ${Duration.format(after)} (${scope})`),
    UnexpectedResponse: ({ reason, status }) => Effect.succeed(`is this Docker Hub? ${status}: ${reason}`)
  })
)

const answers: ReadonlyArray<readonly [string, Faults.Fault]> = [
  ["401", Faults.respond({ status: 401, body: { detail: "Incorrect authentication credentials" } })],
  ["401 with a challenge", Faults.respond({ status: 401, body: { detail: "MFA", login_2fa_token: "x" } })],
  ["429", Faults.rateLimited({ after: "45 seconds" })],
  ["403 in JSON", Faults.respond({ status: 403, body: { message: "forbidden" } })],
  ["a challenge page", Faults.challengePage()],
  ["503", Faults.status(503)],
  ["a reset", Faults.resetAfterBody()],
  ["no answer", Faults.never],
  ["a redirect", Faults.redirect("https://example.com/")]
]

Effect.forEach(answers, ([name, fault]) =>
  Effect.gen(function* () {
    const emulator = yield* HubEmulator.HubEmulator
    yield* emulator.enqueue(fault)
    yield* Console.log(`${name.padEnd(22)} ${yield* advice}`)
    // A HubAuth for each: a 429 holds an account back for a while.
  }).pipe(Effect.provide(HubAuth.layer), Effect.provide(HubEmulator.layer()))
).pipe(HubPolicy.with({ maxRetries: 0, attemptTimeout: "500 millis" }), NodeRuntime.runMain)
