// Secrets: replaces every secret in what is shown by an alias, the same for equal secrets.

import { decode } from "./routes.ts"

export interface Secrets {
  /** From now on this value is masked wherever it stands. */
  readonly learn: (secret: string) => void
  /** The alias of a value that is a secret as a whole. */
  readonly alias: (secret: string) => string
  /** The text with every known secret in it replaced, percent-encoded ones included. */
  readonly mask: (text: string) => string
}

/** Shorter values are masked in their own field only: one letter would be found in every word. */
const shortest = 4

/** What is a secret by its shape, whoever made it: JWTs, PATs and OATs. */
const shapes = [String.raw`eyJ[\w-]*\.[\w-]+\.[\w-]*`, String.raw`dckr_(?:pat|oat)_[\w-]+`]

export const make = (): Secrets => {
  const known = new Set<string>()
  const aliases = new Map<string, string>()
  let pattern: RegExp | undefined
  let originals = new Map<string, string>()

  const alias = (secret: string): string => {
    if (secret === "") return ""
    const found = aliases.get(secret) ?? `<redacted #${aliases.size + 1}>`
    aliases.set(secret, found)
    return found
  }

  const compile = (): RegExp => {
    originals = new Map()
    const literals = new Set<string>()
    for (const secret of known) {
      for (const form of forms(secret)) {
        literals.add(form)
        // HTTP lower-cases the names of headers, so case is ignored; an exact hit still finds its own secret first.
        if (!originals.has(form.toLowerCase())) originals.set(form.toLowerCase(), secret)
        originals.set(form, secret)
      }
    }
    // The longest first, so that a secret inside another does not leave the rest of it behind.
    const longestFirst = [...literals].toSorted((a, b) => b.length - a.length)
    return new RegExp([...longestFirst.map(escape), ...shapes].join("|"), "gi")
  }

  const replace = (text: string): string => {
    pattern ??= compile()
    return text.replace(pattern, (hit) => alias(originals.get(hit) ?? originals.get(hit.toLowerCase()) ?? hit))
  }

  return {
    learn: (secret) => {
      if (secret.length < shortest || known.has(secret)) return
      known.add(secret)
      pattern = undefined
    },
    alias,
    mask: (text) => {
      const masked = replace(text)
      const decoded = decode(masked.replaceAll("+", " "))
      const again = replace(decoded)
      return again === decoded ? masked : again
    }
  }
}

/** The ways in which a secret can be written in a path, a query, a form or JSON. */
const forms = (secret: string): ReadonlyArray<string> => {
  const percent = percentEncode(secret)
  return [secret, percent, percent.replaceAll("%20", "+"), JSON.stringify(secret).slice(1, -1)]
}

const percentEncode = (text: string): string => {
  try {
    return encodeURIComponent(text)
  } catch {
    // A lone surrogate has no percent-encoding.
    return text
  }
}

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, String.raw`\$&`)
