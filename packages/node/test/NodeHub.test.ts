import { assert, describe, it } from "@effect/vitest"
import * as Credentials from "@effect-dockerhub/core/Credentials"
import * as HubAuth from "@effect-dockerhub/core/HubAuth"
import * as HubClient from "@effect-dockerhub/core/HubClient"
import * as HubConfig from "@effect-dockerhub/core/HubConfig"
import * as HubSession from "@effect-dockerhub/core/HubSession"
import * as SessionStore from "@effect-dockerhub/core/SessionStore"
import { HubEmulator } from "@effect-dockerhub/core/testing/HubEmulator"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as Path from "node:path"
import * as HubEmulatorServer from "../src/HubEmulatorServer.ts"
import * as NodeHub from "../src/NodeHub.ts"

const PASSWORD = "correct horse battery staple"
const SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
const PAT = "dckr_pat_an-example-of-27-characters"

const emulator = HubEmulatorServer.layer({
  accounts: [
    { username: "ada", password: PASSWORD, personalAccessTokens: [{ token: PAT }] },
    { username: "grace", password: PASSWORD, totpSecret: SEED }
  ]
})

/** A home directory with, if given, what `docker login` left in it. */
const home = (auths?: Readonly<Record<string, string>>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const path = mkdtempSync(Path.join(tmpdir(), "node-hub-"))
      if (auths !== undefined) {
        mkdirSync(Path.join(path, ".docker"))
        const entries = Object.entries(auths).map(([key, pair]) => [key, { auth: btoa(pair) }])
        writeFileSync(Path.join(path, ".docker", "config.json"), JSON.stringify({ auths: Object.fromEntries(entries) }))
      }
      return path
    }),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )

const using = (environment: Readonly<Record<string, string>>) =>
  Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment))))

/** `NodeHub.layerConfig` in an environment that talks to the emulator. */
const fromEnvironment = (environment: Readonly<Record<string, string>>) =>
  Layer.unwrapEffect(
    Effect.map(HubEmulatorServer.HubEmulatorServer, ({ url }) =>
      Layer.provide(NodeHub.layerConfig, using({ DOCKERHUB_URL: url.origin, ...environment }))
    )
  )

const seen = Effect.map(
  Effect.flatMap(HubEmulator, ({ requests }) => requests),
  (requests) => requests.map(({ body, route }) => [route, Object(body).username ?? Object(body).identifier])
)

const DOCKERS_KEY = "https://index.docker.io/v1/"

describe("NodeHub", () => {
  it.scopedLive("layer: the login, the session and the client of the credentials that are given", () =>
    Effect.gen(function* () {
      const { url } = yield* HubEmulatorServer.HubEmulatorServer
      const credentials = Credentials.personalAccessToken("ada", PAT)
      const status = yield* Effect.gen(function* () {
        const client = yield* HubClient.HubClient
        yield* HubAuth.HubAuth
        yield* HubSession.HubSession
        return (yield* client.get("/v2/user/")).status
      }).pipe(
        Effect.provide(NodeHub.layer({ credentials, http: { maxConnections: 1 } })),
        Effect.provide(HubConfig.layer({ baseUrl: url }))
      )
      assert.strictEqual(status, 200)
      assert.throws(() => NodeHub.layer({ credentials, refreshAhead: 2 }), /refreshAhead/)
      assert.throws(() => NodeHub.layer({ credentials, http: { maxConnections: -1 } }), /maxConnections/)
    }).pipe(Effect.provide(emulator))
  )

  it.scopedLive(
    "layerConfig: credentials and the seed of the second factor from the environment, not from Docker",
    () =>
      Effect.gen(function* () {
        const environment = {
          HOME: yield* home({ [DOCKERS_KEY]: `ada:${PASSWORD}` }),
          DOCKERHUB_USERNAME: "grace",
          DOCKERHUB_PASSWORD: PASSWORD,
          DOCKERHUB_TOTP_SECRET: SEED
        }
        yield* Effect.provide(HubSession.token, fromEnvironment(environment))
        const requests = yield* seen
        assert.deepStrictEqual(
          requests.map(([route]) => route),
          ["login", "twoFactorLogin"]
        )
        assert.strictEqual(requests[0]?.[1], "grace")
      }).pipe(Effect.provide(emulator))
  )

  it.scopedLive("layerConfig: else the credentials that docker login left", () =>
    Effect.gen(function* () {
      const environment = {
        HOME: yield* home({ [DOCKERS_KEY]: `ada:${PAT}` }),
        DOCKERHUB_USERNAME: " ",
        DOCKERHUB_TOKEN: ""
      }
      yield* Effect.provide(HubSession.token, fromEnvironment(environment))
      assert.deepStrictEqual(yield* seen, [["createAccessToken", "ada"]])
    }).pipe(Effect.provide(emulator))
  )

  it.scopedLive("layerConfig: what docker login left is sent to no other Hub, whatever DOCKERHUB_URL says", () =>
    Effect.gen(function* () {
      const environment = {
        HOME: yield* home({ [DOCKERS_KEY]: `ada:${PASSWORD}` }),
        DOCKERHUB_URL: "https://hub.docker.com.evil.example"
      }
      const error = yield* Effect.flip(Effect.provide(HubSession.token, fromEnvironment(environment)))
      assert.include(String(error), "what docker login saved is for Docker Hub alone")
      assert.notInclude(String(error), PASSWORD)
    }).pipe(Effect.provide(emulator))
  )

  it.scopedLive("layerConfig: half of some credentials is an error, not a reason to look elsewhere", () =>
    Effect.gen(function* () {
      const HOME = yield* home({ [DOCKERS_KEY]: `ada:${PASSWORD}` })
      const half = yield* Effect.flip(
        Effect.provide(HubSession.token, fromEnvironment({ HOME, DOCKERHUB_USERNAME: "grace" }))
      )
      assert.include(String(half), "DOCKERHUB_PASSWORD")
      const nowhere = yield* Effect.flip(Effect.provide(HubSession.token, fromEnvironment({ HOME: yield* home() })))
      assert.deepInclude(nowhere, { _tag: "DockerConfigError", reason: "NoEntry" })
      const proxy = { HOME, HTTP_PROXY: "no url" }
      assert.include(String(yield* Effect.flip(Effect.provide(HubSession.token, fromEnvironment(proxy)))), "HTTP_PROXY")
      assert.deepStrictEqual(yield* seen, [])
    }).pipe(Effect.provide(emulator))
  )

  it.scopedLive("layerConfig: without a seed and without a terminal a second factor fails at once", () =>
    Effect.gen(function* () {
      const environment = { HOME: yield* home(), DOCKERHUB_USERNAME: "grace", DOCKERHUB_PASSWORD: PASSWORD }
      const error = yield* Effect.flip(Effect.provide(HubSession.token, fromEnvironment(environment)))
      assert.strictEqual(error._tag, "SecondFactorUnavailable")
    }).pipe(Effect.provide(emulator))
  )

  it.scopedLive("layerConfig: the session store in context is used", () =>
    Effect.gen(function* () {
      const store = yield* SessionStore.makeMemory
      const environment = { HOME: yield* home(), DOCKERHUB_USERNAME: "ada", DOCKERHUB_PASSWORD: PASSWORD }
      const token = HubSession.token.pipe(
        Effect.provide(fromEnvironment(environment)),
        Effect.provideService(SessionStore.SessionStore, store)
      )
      const first = yield* token
      const second = yield* token
      assert.strictEqual(Redacted.value(second.value), Redacted.value(first.value))
      assert.strictEqual((yield* seen).length, 1)
    }).pipe(Effect.provide(emulator))
  )

  it.scopedLive(
    "layerConfig: for Docker Hub itself Docker's own access token serves before any login, until it is refused",
    () =>
      Effect.gen(function* () {
        const jwt = ["{}", JSON.stringify({ exp: Math.floor(Date.now() / 1000) + 600 }), "s"]
          .map((part) => Buffer.from(part).toString("base64url"))
          .join(".")
        const auths = { [DOCKERS_KEY]: `ada:${PASSWORD}`, [`${DOCKERS_KEY}access-token`]: `ada:${jwt}` }
        // Nobody answers there: a login would fail.
        const environment = { HOME: yield* home(auths), HTTPS_PROXY: "http://127.0.0.1:1" }
        const outcome = yield* Effect.gen(function* () {
          const token = yield* HubSession.token
          yield* HubSession.invalidate(token)
          return { token, after: yield* Effect.flip(HubSession.token) }
        }).pipe(Effect.provide(Layer.provide(NodeHub.layerConfig, using(environment))))
        assert.strictEqual(Redacted.value(outcome.token.value), jwt)
        assert.deepInclude(outcome.after, { _tag: "TransportFailure", sent: false })
        // Another Hub must not see it.
        yield* Effect.provide(HubSession.token, fromEnvironment(environment))
        assert.deepStrictEqual(yield* seen, [["login", "ada"]])
      }).pipe(Effect.provide(emulator))
  )
})
