// hub-auth emulator: a Docker Hub on a port of this machine, with accounts to try things on.
import { HubEmulator } from "@effect-dockerhub/core/testing/HubEmulator"
import type { RecordedRequest } from "@effect-dockerhub/core/testing/HubEmulator"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as HubEmulatorServer from "../../HubEmulatorServer.ts"
import { EmulatorNotStarted, UsageError } from "../errors.ts"
import { result } from "../output.ts"
import { json, verbose } from "./shared.ts"

/** Nobody's secrets: they open nothing but this emulator. */
const PASSWORD = "correct horse battery staple"
const SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
const PERSONAL_TOKEN = "dckr_pat_an-example-of-27-characters"
const ORGANIZATION_TOKEN = "dckr_oat_an-example-of-27-characters"

/** The one whose logins need a code. */
const WITH_CODES = "grace"

const demo: HubEmulatorServer.Options = {
  accounts: [
    { username: "ada", password: PASSWORD },
    { username: WITH_CODES, password: PASSWORD, totpSecret: SEED, personalAccessTokens: [{ token: PERSONAL_TOKEN }] }
  ],
  organizations: [{ name: "acme", accessTokens: [{ token: ORGANIZATION_TOKEN }] }],
  repositories: [
    { namespace: "ada", name: "engine", private: true, tags: ["1.0.0", "latest"] },
    { namespace: WITH_CODES, name: "compiler", private: true, tags: ["0.9.0", "latest"] },
    { namespace: "acme", name: "rocket", private: true, tags: ["latest"] }
  ]
}

const words = (origin: string): string => `A Docker Hub, emulated, at ${origin} (Ctrl-C ends it)

  ada    password ${PASSWORD}
  grace  password ${PASSWORD}, with a second factor (its codes appear below when they are asked for; TOTP seed ${SEED})
         personal access token ${PERSONAL_TOKEN}
  acme   organization access token ${ORGANIZATION_TOKEN}

In another terminal:

  export DOCKERHUB_URL=${origin}
  hub-auth login
`

const run = ({ json, port }: { readonly json: boolean; readonly port: number }) =>
  Effect.gen(function* () {
    if (port > 65_535 || port < 0) return yield* new UsageError({ message: "--port takes a number from 0 to 65535." })
    return yield* serve(json).pipe(
      Effect.provide(HubEmulatorServer.layer({ ...demo, port })),
      Effect.catchTag("ServeError", () => new EmulatorNotStarted({ port }))
    )
  })

const serve = (json: boolean) =>
  Effect.gen(function* () {
    const { url } = yield* HubEmulatorServer.HubEmulatorServer
    const accounts = [
      { account: "ada", password: PASSWORD },
      { account: WITH_CODES, password: PASSWORD, totpSecret: SEED },
      { account: WITH_CODES, token: PERSONAL_TOKEN },
      { account: "acme", token: ORGANIZATION_TOKEN }
    ]
    yield* result(json, words(url.origin), { url: url.origin, accounts })
    return yield* Effect.forever(Effect.delay(showCodes(json), "100 millis"))
  })

/** Whoever tries a second factor out has no authenticator app for it. */
const showCodes = (json: boolean) =>
  Effect.gen(function* () {
    const hub = yield* HubEmulator
    const requests = yield* hub.requests
    if (requests.length === 0 || requests.some(({ status }) => Option.isNone(status))) return
    // Or it would remember every request for as long as it runs.
    yield* hub.clearRequests
    for (const { method, path, status } of requests) {
      yield* Effect.logDebug(`${method} ${path} ${Option.getOrElse(status, () => "")}`)
    }
    if (!requests.some(isChallenged)) return
    const code = yield* hub.code(WITH_CODES)
    yield* result(json, `${WITH_CODES}'s authenticator app shows ${code}`, { account: WITH_CODES, code })
  })

const isChallenged = ({ body, route, status }: RecordedRequest): boolean =>
  route === "login" &&
  Option.contains(status, 401) &&
  typeof body === "object" &&
  body !== null &&
  "username" in body &&
  String(body.username).toLowerCase() === WITH_CODES

export const emulator = Command.make(
  "emulator",
  {
    port: Options.integer("port").pipe(
      Options.withDescription("The port of 127.0.0.1 to listen on. Default: one that is free"),
      Options.withDefault(0)
    ),
    json,
    verbose
  },
  run
).pipe(Command.withDescription("Run a Docker Hub with demo accounts on this machine, until Ctrl-C"))
