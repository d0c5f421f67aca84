// Secrets on their way into the library: wrapped at once, never empty, never printed.
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/** A secret as users give it: a plain string, or one that is wrapped already. */
export type SecretInput = string | Redacted.Redacted<string>

export const wrap = (secret: SecretInput): Redacted.Redacted<string> =>
  typeof secret === "string" ? Redacted.make(secret) : secret

export const isEmpty = (secret: Redacted.Redacted<string>): boolean => Redacted.value(secret) === ""

/** The schema of a secret that is never empty. Its messages are fixed: Schema's own would print the value that failed. */
export const NonEmptySecret: Schema.Schema<Redacted.Redacted<string>, string> = Schema.Redacted(
  Schema.String.annotations({ message: () => "Expected a secret (a string)" })
).pipe(
  Schema.annotations({ message: () => ({ message: "Expected a secret (a non-empty string)", override: true }) }),
  Schema.filter((secret) => !isEmpty(secret), {
    message: () => ({ message: "Expected a secret that is not empty", override: true })
  })
)

/** A secret given in code: an empty one is a bug of the caller's, so it throws, with a sentence. */
export const nonEmpty = (name: string, secret: SecretInput): Redacted.Redacted<string> => {
  const wrapped = wrap(secret)
  if (isEmpty(wrapped)) throw new TypeError(`${name} must not be empty`)
  return wrapped
}
