// The check of a duration that was given in code: one that cannot be is a bug of the caller's, so it throws.
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

/** Throws a `TypeError` that begins with `name`; nothing happens where no duration was given. */
export const checkDuration = (
  name: string,
  value: Duration.DurationInput | undefined,
  { allowZero }: { readonly allowZero: boolean }
): void => {
  if (value === undefined) return
  const decoded = Duration.decodeUnknown(value)
  if (Option.isNone(decoded) || isNegative(value)) {
    throw new TypeError(
      `${name} must be a duration that is not negative, such as "10 seconds" or a number of milliseconds`
    )
  }
  if (!allowZero && Duration.isZero(decoded.value)) throw new TypeError(`${name} must be longer than zero`)
}

/** Effect reads NaN and everything negative as zero; here they are mistakes. */
const isNegative = (value: Duration.DurationInput): boolean => {
  if (Duration.isDuration(value)) return false
  if (typeof value === "string") return value.trimStart().startsWith("-")
  return (Array.isArray(value) ? value : [value]).some((part) => !(part >= 0))
}
