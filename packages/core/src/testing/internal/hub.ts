// Hub: everything the emulated server remembers, in one record that its routes share.

import * as Effect from "effect/Effect"
import type { Options } from "../HubOptions.ts"
import * as Bearers from "./bearers.ts"
import * as Challenges from "./challenges.ts"
import * as Directory from "./directory.ts"
import * as Lockout from "./lockout.ts"
import * as Secrets from "./secrets.ts"
import type { Settings } from "./settings.ts"

export interface Hub {
  readonly settings: Settings
  readonly directory: Directory.Directory
  readonly bearers: Bearers.Bearers
  readonly challenges: Challenges.Challenges
  readonly lockout: Lockout.Lockout
  readonly secrets: Secrets.Secrets
}

export const make = (options: Options, settings: Settings): Effect.Effect<Hub> =>
  Effect.gen(function* () {
    const secrets = Secrets.make()
    return {
      settings,
      directory: yield* Directory.make(options, settings, secrets.learn),
      bearers: Bearers.make(settings),
      challenges: Challenges.make(settings),
      lockout: Lockout.make(settings.lockout),
      secrets
    }
  })
