// Holds: which accounts are asked to wait, so that one 429 keeps every caller of a HubAuth from asking again too soon.
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

/** How long an account is held when its 429 named no time. */
const UNTOLD = Duration.minutes(1)

/** More accounts than this are not held at once: the hold that ends first makes room. */
const MOST = 1000

export interface Holds {
  /** Hold an account back from now on. */
  readonly hold: (account: string, told: Option.Option<Duration.Duration>, now: number) => void
  /** How long an account is still held; none when it is not. */
  readonly left: (account: string, now: number) => Option.Option<Duration.Duration>
}

/** `now` is any clock in milliseconds that does not run backwards. */
export const make = (): Holds => {
  const until = new Map<string, number>()
  return {
    hold: (account, told, now) => {
      const end = now + Duration.toMillis(Option.getOrElse(told, () => UNTOLD))
      until.set(account, Math.max(end, until.get(account) ?? end))
      if (until.size > MOST) drop(until, now)
    },
    left: (account, now) => {
      const millis = Math.ceil((until.get(account) ?? now) - now)
      if (millis > 0) return Option.some(Duration.millis(millis))
      until.delete(account)
      return Option.none()
    }
  }
}

const drop = (until: Map<string, number>, now: number): void => {
  for (const [account, end] of until) if (end <= now) until.delete(account)
  const byEnd = [...until].toSorted(([, a], [, b]) => a - b)
  for (const [account] of byEnd.slice(0, Math.max(0, until.size - MOST))) until.delete(account)
}
