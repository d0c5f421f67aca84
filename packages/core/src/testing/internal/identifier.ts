// Identifier: random names for tokens and accounts, from Effect's Random so that a seeded program repeats itself.

import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

export const bytes = (count: number): Effect.Effect<Uint8Array> =>
  Effect.map(Effect.all(Array.from({ length: count }, () => Random.nextIntBetween(0, 256))), (values) =>
    Uint8Array.from(values)
  )

export const uuid: Effect.Effect<string> = Effect.map(bytes(16), (random) => {
  const hex = Array.from(random, (byte, index) => {
    // RFC 9562 §5.4: version 4, variant 10.
    const marked = index === 6 ? (byte & 0x0f) | 0x40 : index === 8 ? (byte & 0x3f) | 0x80 : byte
    return marked.toString(16).padStart(2, "0")
  }).join("")
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-")
})
