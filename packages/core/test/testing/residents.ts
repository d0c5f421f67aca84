// residents: the people and organizations that the emulator's tests know.

import { HubEmulator } from "@effect-dockerhub/core/testing"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"

export const seed = "JBSWY3DPEHPK3PXP"
export const pat = "dckr_pat_abcdefghijklmnopqrstuvwxyz0"
export const publicPat = "dckr_pat_publicpublicpublicpublic0"
export const oat = "dckr_oat_abcdefghijklmnopqrstuvwxyz0"
export const pullOat = "dckr_oat_pullpullpullpullpullpull00"

export const residents: HubEmulator.Options = {
  accounts: [
    {
      username: "ada",
      password: "correct horse",
      personalAccessTokens: [{ token: pat }, { token: publicPat, scopes: ["repo:public_read"] }]
    },
    {
      username: "grace",
      password: Redacted.make("battery staple"),
      totpSecret: seed,
      personalAccessTokens: [{ token: `${pat}2` }]
    },
    { username: "sso", password: "single sign on", ssoEnforced: true },
    { username: "stale", password: "renew this", passwordResetRequired: true }
  ],
  organizations: [
    { name: "acme", accessTokens: [{ token: oat }, { token: Redacted.make(pullOat), scopes: ["scope-image-pull"] }] }
  ],
  repositories: [
    { namespace: "ada", name: "open", tags: ["1.0", "latest"] },
    { namespace: "ada", name: "closed", private: true, tags: ["secret"] },
    { namespace: "acme", name: "product" },
    { namespace: "acme", name: "plans", private: true }
  ]
}

export const make = (options?: HubEmulator.Options) => HubEmulator.make({ ...residents, ...options })

/** A moment that tells epoch seconds from seconds. */
export const today = TestClock.setTime(1_770_000_000_000)

export const namesOf = (answer: { readonly json: Readonly<Record<string, unknown>> }) =>
  Array.isArray(answer.json["results"])
    ? answer.json["results"].map((each: { readonly name: string }) => each.name)
    : []
