// Challenges: the `login_2fa_token`s given out, each good for one account and a short time.

import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Bearers from "./bearers.ts"
import * as Identifier from "./identifier.ts"
import type { Settings } from "./settings.ts"

export interface Challenges {
  readonly issue: (username: string, serverMillis: number) => Effect.Effect<string>
  /** The account of a challenge that still lives. */
  readonly account: (token: string, serverMillis: number) => Option.Option<string>
  readonly failed: (token: string) => void
  readonly succeeded: (token: string) => void
}

export const make = (settings: Settings): Challenges => {
  const open = new Map<string, { readonly username: string; readonly expiresAtMillis: number; failures: number }>()
  return {
    issue: (username, serverMillis) =>
      Effect.gen(function* () {
        const { lifetimeMillis } = settings.challenge
        const iat = Math.floor(serverMillis / 1000)
        const exp = Number.isFinite(lifetimeMillis) ? { exp: iat + Math.ceil(lifetimeMillis / 1000) } : {}
        // A JWT, as the spec's example is, but opaque to clients (hub-api.md §4).
        const token = yield* Bearers.encode({ jti: yield* Identifier.uuid, iat, ...exp }, settings.signingKey)
        open.set(token, { username, expiresAtMillis: serverMillis + lifetimeMillis, failures: 0 })
        return token
      }),
    account: (token, serverMillis) =>
      Option.fromNullable(open.get(token)).pipe(
        Option.filter((challenge) => serverMillis < challenge.expiresAtMillis),
        Option.map((challenge) => challenge.username)
      ),
    failed: (token) => {
      const challenge = open.get(token)
      if (challenge === undefined) return
      challenge.failures += 1
      if (!settings.challenge.survivesWrongCode || challenge.failures >= settings.challenge.attemptLimit)
        open.delete(token)
    },
    succeeded: (token) => void open.delete(token)
  }
}
