// OneTimeCodes: the RFC 6238 codes of one account, each step taken once.

import * as Option from "effect/Option"
import * as OTPAuth from "otpauth"
import type { AccountOptions } from "../HubOptions.ts"
import * as Check from "./check.ts"

export interface OneTimeCodes {
  /** The code valid at this moment of the server's clock. */
  readonly at: (serverMillis: number) => string
  /** Whether the code is taken; a code that is taken is spent in the same breath. */
  readonly accept: (code: string, serverMillis: number) => boolean
}

export const make = (
  account: AccountOptions,
  rules: { readonly reuse: "refused" | "accepted"; readonly tolerance: number }
): Option.Option<OneTimeCodes> =>
  Option.map(Option.fromNullable(account.totpSecret), (given) => {
    const of = `the account ${JSON.stringify(account.username)}`
    // Authenticator apps show seeds in groups and in either case.
    const seed = Check.secret(`totpSecret of ${of}`, given).replace(/[\s-]/g, "").toUpperCase()
    if (!/^[A-Z2-7]+=*$/.test(seed)) throw new TypeError(`totpSecret of ${of} must be base32 (A to Z, 2 to 7).`)
    const secret = OTPAuth.Secret.fromBase32(seed.replace(/=+$/, ""))
    // otpauth takes an empty key (hazards.md 8), which one base32 letter alone would be.
    if (secret.bytes.length === 0) throw new TypeError(`totpSecret of ${of} holds no whole byte.`)
    const period = Check.count(`totp.period of ${of}`, account.totp?.period ?? 30)
    const digits = Check.oneOf(`totp.digits of ${of}`, account.totp?.digits ?? 6, [6, 7, 8])
    const algorithm = Check.oneOf(`totp.algorithm of ${of}`, account.totp?.algorithm ?? "SHA1", [
      "SHA1",
      "SHA256",
      "SHA512"
    ])
    const step = (serverMillis: number) => Math.floor(serverMillis / 1000 / period)
    const code = (counter: number) => OTPAuth.HOTP.generate({ secret, algorithm, digits, counter })
    const spent = new Set<number>()
    return {
      at: (serverMillis) => code(step(serverMillis)),
      accept: (presented, serverMillis) => {
        const now = step(serverMillis)
        for (const used of spent) if (used < now - rules.tolerance) spent.delete(used)
        for (let distance = 0; distance <= rules.tolerance; distance++) {
          for (const counter of distance === 0 ? [now] : [now - distance, now + distance]) {
            if (code(counter) !== presented || spent.has(counter)) continue
            if (rules.reuse === "refused") spent.add(counter)
            return true
          }
        }
        return false
      }
    }
  })
