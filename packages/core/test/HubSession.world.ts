// What the tests of HubSession stand on: sessions over an emulator, and stores that do not do what they should.
import type { AccessToken, Credentials } from "@effect-dockerhub/core"
import { HubSession, SessionStore } from "@effect-dockerhub/core"
import { Faults, HubEmulator } from "@effect-dockerhub/core/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { hub } from "./hub.ts"

/** A session of these credentials over an emulator of its own. */
export const session = (
  credentials: Credentials.Credentials,
  emulator?: HubEmulator.Options,
  options?: Omit<HubSession.Options, "credentials">
) => HubSession.layer({ credentials, ...options }).pipe(Layer.provideMerge(hub({ rateLimit: false, ...emulator })))

export const emulate = <A>(f: (emulator: HubEmulator.Service) => Effect.Effect<A>) =>
  Effect.flatMap(HubEmulator.HubEmulator, f)

export const enqueue = (fault: Faults.Fault, times = 1) => emulate((emulator) => emulator.enqueue(fault, { times }))

export const outage = enqueue(Faults.status(503), Number.POSITIVE_INFINITY)

export const recovery = emulate((emulator) => emulator.clearFaults)

export const value = (held: AccessToken.AccessToken) => Redacted.value(held.value)

/** A store in memory, some of whose ways are others. */
export const storeWith = (change: (store: SessionStore.Service) => Partial<SessionStore.Service>) =>
  Layer.effect(
    SessionStore.SessionStore,
    Effect.map(SessionStore.makeMemory, (store): SessionStore.Service => ({ ...store, ...change(store) }))
  )

/** An emulator and a store in memory, for several sessions. */
export const shared = Layer.merge(hub({ rateLimit: false }), SessionStore.layerMemory)

/** Ask for a token in the background, give that time to be done, and tell what is served then. */
export const refreshed = (session: HubSession.Service) =>
  Effect.zipRight(session.token, Effect.zipRight(TestClock.adjust("1 seconds"), session.token))
