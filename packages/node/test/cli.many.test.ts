import { assert, describe, it } from "@effect/vitest"
import { HubEmulator } from "@effect-dockerhub/core/testing/HubEmulator"
import * as Effect from "effect/Effect"
import { readFileSync, writeFileSync } from "node:fs"
import * as Path from "node:path"
import { hubAuth, layer, login, PASSWORD, seen, World } from "./cliWorld.ts"

describe("many hub-auth at once", () => {
  it.live(
    "twenty that meet one expired session make one login, and each prints a good token",
    () =>
      Effect.gen(function* () {
        const hub = yield* HubEmulator
        const { state } = yield* World
        yield* login("ada")
        const { key }: { readonly key: string } = JSON.parse(readFileSync(Path.join(state, "current.json"), "utf8"))
        const entry = { _tag: "Token", value: "of-yesterday", expiresAt: "2026-01-01T00:00:00.000Z", clockSkew: 0 }
        writeFileSync(Path.join(state, `${key}.json`), JSON.stringify({ version: 1, key, entry }))
        yield* hub.clearRequests
        const env = { DOCKERHUB_USERNAME: "ada", DOCKERHUB_PASSWORD: PASSWORD }
        const runs = yield* Effect.all(
          Array.from({ length: 20 }, () => hubAuth(["token"], { env })),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(new Set(runs.map(({ status, stderr }) => `${status} ${stderr}`)), new Set(["0 "]))
        const [token = ""] = new Set(runs.map(({ stdout }) => stdout.trim()))
        assert.isTrue(runs.every(({ stdout }) => stdout === `${token}\n`))
        assert.deepStrictEqual(yield* seen, ["login 200"])
        assert.match((yield* hubAuth(["status"])).stdout, /rate limit: \d+ of 180/)
      }).pipe(Effect.provide(layer())),
    60_000
  )
})
