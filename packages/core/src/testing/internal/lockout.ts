// Lockout: counts failed logins by user name and says who is locked, until when.

import * as Option from "effect/Option"
import { key } from "./directory.ts"
import type { Settings } from "./settings.ts"

export interface Lockout {
  /** The end of the lock, if this name is locked now. */
  readonly until: (identifier: string, nowMillis: number) => Option.Option<number>
  readonly failed: (identifier: string, nowMillis: number) => void
  readonly succeeded: (identifier: string) => void
  readonly unlock: (identifier: string) => void
}

export const make = (settings: Settings["lockout"]): Lockout => {
  // A name that does not exist is locked as well: otherwise the lock would tell which names do.
  const failures = new Map<string, { count: number; last: number; lockedUntil: number }>()
  return {
    until: (identifier, nowMillis) => {
      const entry = failures.get(key(identifier))
      return entry !== undefined && entry.lockedUntil > nowMillis ? Option.some(entry.lockedUntil) : Option.none()
    },
    failed: (identifier, nowMillis) => {
      if (Option.isNone(settings)) return
      const { durationMillis, failures: limit } = settings.value
      const known = failures.get(key(identifier))
      // Old failures are forgotten after the time a lock would last.
      const count = known !== undefined && nowMillis - known.last < durationMillis ? known.count + 1 : 1
      const locks = count >= limit
      failures.set(key(identifier), {
        count: locks ? 0 : count,
        last: nowMillis,
        lockedUntil: locks ? nowMillis + durationMillis : 0
      })
    },
    succeeded: (identifier) => void failures.delete(key(identifier)),
    unlock: (identifier) => void failures.delete(key(identifier))
  }
}
