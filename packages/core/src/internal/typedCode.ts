// A two-factor code as a person types it.
import * as Redacted from "effect/Redacted"
import { wrap } from "./secret.ts"
import type { SecretInput } from "./secret.ts"

/** Without the white space apps show it with (`123 456`) and the invisible characters that come along when it is copied. */
export const typedCode = (code: SecretInput): Redacted.Redacted<string> =>
  Redacted.make(Redacted.value(wrap(code)).replace(/[\s\p{Cf}]+/gu, ""))
