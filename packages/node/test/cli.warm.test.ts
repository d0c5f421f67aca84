import { assert, describe, it } from "@effect/vitest"
import * as Credentials from "@effect-dockerhub/core/Credentials"
import * as HubAuth from "@effect-dockerhub/core/HubAuth"
import * as HubConfig from "@effect-dockerhub/core/HubConfig"
import * as HubSession from "@effect-dockerhub/core/HubSession"
import * as SessionStore from "@effect-dockerhub/core/SessionStore"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { readFileSync, statSync, writeFileSync } from "node:fs"
import * as Path from "node:path"
import { stateDirectory } from "../src/internal/stateDirectory.ts"
import * as RememberedLogin from "../src/cli/rememberedLogin.ts"
import { bundle, hubAuth, layer, login, seen, World } from "./cliWorld.ts"

/** Tells at the end of a process what it has loaded: Node's own modules, and whether Effect and undici were evaluated. */
const PROBE = `process.on("exit", () => require("node:fs").writeFileSync(process.env.PROBE, JSON.stringify({
  modules: process.moduleLoadList.filter((name) => name.startsWith("NativeModule ")).map((name) => name.slice(13)),
  effect: "effect/GlobalValue/globalStoreId" in globalThis || Object.keys(globalThis).some((key) => key.startsWith("effect/")),
  undici: Symbol.for("undici.globalDispatcher.1") in globalThis
})))`

interface Loaded {
  readonly modules: ReadonlyArray<string>
  readonly effect: boolean
  readonly undici: boolean
}

const loadedBy = (args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { home } = yield* World
    const probe = Path.join(home, "probe.cjs")
    const report = Path.join(home, "report.json")
    writeFileSync(probe, PROBE)
    const run = yield* hubAuth(args, { node: ["--require", probe], env: { PROBE: report } })
    const loaded: Loaded = JSON.parse(readFileSync(report, "utf8"))
    return { run, loaded }
  })

const HTTP = ["http", "https", "http2", "net", "tls"]

describe("the warm path of hub-auth token", () => {
  it.live("loads neither Effect, and so no @effect/cli, nor undici, nor any HTTP of Node's", () =>
    Effect.gen(function* () {
      yield* login("ada")
      const before = yield* seen
      const warm = yield* loadedBy(["token"])
      assert.strictEqual(warm.run.status, 0)
      assert.deepInclude(warm.loaded, { effect: false, undici: false })
      assert.deepStrictEqual(
        HTTP.filter((name) => warm.loaded.modules.includes(name)),
        []
      )
      // What the probe says of a process that does load them.
      const cold = yield* loadedBy(["token", "--verbose"])
      assert.deepInclude(cold.loaded, { effect: true, undici: true })
      assert.includeMembers([...cold.loaded.modules], HTTP)
      assert.strictEqual(cold.run.stdout, warm.run.stdout)
      assert.deepStrictEqual(yield* seen, before)
    }).pipe(Effect.provide(layer()))
  )

  it("is part of one file of at most 1.3 MB", async () => {
    const file = await bundle()
    assert.isBelow(statSync(file).size, 1_300_000)
    assert.isTrue(readFileSync(file, "utf8").startsWith("#!/usr/bin/env node\n"))
  })

  it.live("is not taken for a session that has expired, or for another Hub than is asked for", () =>
    Effect.gen(function* () {
      yield* login("ada")
      const elsewhere = yield* hubAuth(["token"], { env: { DOCKERHUB_URL: "http://127.0.0.1:1" } })
      assert.deepStrictEqual([elsewhere.status, elsewhere.stdout], [15, ""])
      assert.match((yield* hubAuth(["token"], { env: { DOCKERHUB_URL: "" } })).stdout, /^ey/)
    }).pipe(Effect.provide(layer()))
  )

  it.live("knows a session by the key HubSession gives it", () =>
    Effect.gen(function* () {
      const baseUrl = "https://hub.example.com"
      for (const credentials of [
        Credentials.password("Ada", "secret"),
        Credentials.personalAccessToken("Ada", "dckr_pat_secret"),
        Credentials.organizationAccessToken("Acme", "dckr_oat_secret")
      ]) {
        const asked: Array<string> = []
        const memory = yield* SessionStore.makeMemory
        const store = {
          ...memory,
          read: (key: string) => Effect.sync(() => asked.push(key)).pipe(Effect.as(Option.none()))
        }
        const refuse = Effect.interrupt
        const auth = {
          login: () => refuse,
          twoFactorLogin: () => refuse,
          createAccessToken: () => refuse,
          authenticate: () => refuse
        }
        yield* HubSession.token.pipe(
          Effect.provide(Layer.provide(HubSession.layer({ credentials }), Layer.succeed(HubAuth.HubAuth, auth))),
          Effect.provideService(SessionStore.SessionStore, store),
          Effect.provide(HubConfig.layer({ baseUrl })),
          Effect.timeout("1 second"),
          Effect.exit
        )
        const isOrganization = credentials._tag === "OrganizationAccessToken"
        const login = RememberedLogin.loginOfEnvironment({
          DOCKERHUB_URL: baseUrl,
          [isOrganization ? "DOCKERHUB_ORGANIZATION" : "DOCKERHUB_USERNAME"]: isOrganization ? "Acme" : "Ada",
          ...(credentials._tag === "Password"
            ? { DOCKERHUB_PASSWORD: "secret" }
            : { DOCKERHUB_TOKEN: isOrganization ? "dckr_oat_secret" : "dckr_pat_secret" })
        })
        assert.strictEqual(login?.key, asked[0])
        assert.strictEqual(login?.kind, credentials._tag)
      }
    })
  )

  it.effect("looks where NodeSessionStore keeps sessions", () =>
    Effect.gen(function* () {
      for (const environment of [
        { HOME: "/home/ada" },
        { HOME: "/home/ada", XDG_STATE_HOME: "/var/state/" },
        { HOME: "/home/ada", XDG_STATE_HOME: "relative" },
        { HOME: "/home/ada", XDG_STATE_HOME: "" }
      ]) {
        const directory = yield* stateDirectory("effect-dockerhub").pipe(
          Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment))))
        )
        assert.strictEqual(RememberedLogin.stateDirectory(environment), directory)
      }
    })
  )
})
