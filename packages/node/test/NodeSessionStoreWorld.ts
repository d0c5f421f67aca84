// What the tests of NodeSessionStore have in common: entries, and stores in directories that go with the test.
import { HubPolicy, SessionStore } from "@effect-dockerhub/core"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Fs from "node:fs"
import * as NodeSessionStore from "../src/NodeSessionStore.ts"
import { place } from "./NodeSessionStoreChildren.ts"

export const KEY = "0123456789abcdef0123456789abcdef"
export const FILE = `${KEY}.json`
/** Ends ten minutes after the epoch. */
export const entry = new SessionStore.Token({
  value: Redacted.make("a-token"),
  expiresAt: DateTime.unsafeMake(600_000),
  clockSkew: -3_600_000
})
export const refusal = new SessionStore.Refusal({ error: "InvalidCredentials", until: DateTime.unsafeMake(15_000) })

/** A test with a store in a new directory of its own. */
export const withStore = <A, E>(
  test: (store: SessionStore.Service, directory: string) => Effect.Effect<A, E>,
  policy: HubPolicy.Options = {}
) =>
  Effect.gen(function* () {
    const directory = yield* place
    const layer = Layer.provide(NodeSessionStore.layerWith({ directory }), HubPolicy.layer(policy))
    return yield* Effect.flatMap(SessionStore.SessionStore, (store) => test(store, directory)).pipe(
      Effect.provide(layer)
    )
  }).pipe(Effect.scoped)

export const mode = (path: string) => Fs.statSync(path).mode & 0o777

export const isWindows = process.platform === "win32"
/** May read and write everything, whatever its mode. */
export const isRoot = process.geteuid?.() === 0
