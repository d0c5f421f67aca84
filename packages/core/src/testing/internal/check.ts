// Checks of what a user gives in code: what cannot be throws where it is given, with a sentence that shows no secret.

import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"

export const status = (name: string, value: number): number => {
  if (!Number.isInteger(value) || value < 200 || value > 599) {
    throw new RangeError(
      `${name} must be a whole number from 200 to 599 (a web Response holds no other), not ${value}.`
    )
  }
  return value
}

/** A status whose response may have a body. */
export const statusWithBody = (name: string, value: number): number => {
  if (isBodiless(status(name, value))) throw new RangeError(`${name} must allow a body, which ${value} does not.`)
  return value
}

/** A web Response refuses a body with these. */
export const isBodiless = (value: number): boolean => value === 204 || value === 205 || value === 304

export const count = (name: string, value: number, minimum = 1): number => {
  if (!Number.isSafeInteger(value) || value < minimum) {
    throw new RangeError(`${name} must be a whole number of at least ${minimum}, not ${value}.`)
  }
  return value
}

/** Like `count`, but without end allowed. */
export const limit = (name: string, value: number, minimum = 1): number =>
  value === Infinity ? value : count(name, value, minimum)

export const duration = (name: string, input: Duration.DurationInput): Duration.Duration => {
  // Duration clamps NaN and negative numbers to zero, which would hide a mistake.
  if (typeof input === "number" && !(input >= 0)) {
    throw new RangeError(`${name} must be a duration of zero or more, not ${input}.`)
  }
  try {
    return Duration.decode(input)
  } catch {
    throw new RangeError(`${name} is no duration; write it like "10 minutes" or as milliseconds.`)
  }
}

export const positiveDuration = (name: string, input: Duration.DurationInput): Duration.Duration => {
  const decoded = duration(name, input)
  if (Duration.toMillis(decoded) <= 0) throw new RangeError(`${name} must be longer than nothing.`)
  return decoded
}

export const oneOf = <A extends string | number>(name: string, value: A, allowed: ReadonlyArray<A>): A => {
  if (!allowed.includes(value)) {
    throw new RangeError(`${name} must be one of ${allowed.map((each) => JSON.stringify(each)).join(", ")}.`)
  }
  return value
}

export const text = (name: string, value: string): string => {
  if (typeof value !== "string" || value.trim() === "") throw new TypeError(`${name} must not be empty.`)
  return value
}

export const secret = (name: string, value: string | Redacted.Redacted<string>): string => {
  const plain = typeof value === "string" ? value : Redacted.value(value)
  if (typeof plain !== "string" || plain === "") throw new TypeError(`${name} must not be empty.`)
  return plain
}

export const json = (name: string, value: unknown): string => {
  try {
    const encoded: string | undefined = typeof value === "string" ? value : JSON.stringify(value)
    if (encoded !== undefined) return encoded
  } catch {
    // A cycle or a bigint: the sentence below says so without repeating the value.
  }
  throw new TypeError(`${name} must be a string or a value that JSON can hold.`)
}

export const headers = (name: string, record: Readonly<Record<string, string>>): Readonly<Record<string, string>> => {
  try {
    // The platform's own check of names and values: a bad one would otherwise fail at answer time.
    return Object.fromEntries(new Headers(record))
  } catch {
    throw new TypeError(`${name} must have valid HTTP header names and values.`)
  }
}
