// The keys Docker Hub's entries are stored under, in all the ways people spell them.
import * as Option from "effect/Option"

/** What an entry is for. */
export type Purpose = "credentials" | "accessToken" | "refreshToken"

/** The key Docker itself writes (docker/cli `registry.IndexServer`, hub-api.md §6). */
export const canonical: { readonly [P in Purpose]: string } = {
  credentials: "https://index.docker.io/v1/",
  accessToken: "https://index.docker.io/v1/access-token",
  refreshToken: "https://index.docker.io/v1/refresh-token"
}

const HOSTS: ReadonlySet<string> = new Set(["index.docker.io", "docker.io", "registry-1.docker.io", "hub.docker.com"])

/** A path below a host, such as Podman's `docker.io/acme`, is an entry for a part of the Hub, and not the Hub's. */
const PURPOSES: ReadonlyMap<string, Purpose> = new Map([
  ["", "credentials"],
  ["/access-token", "accessToken"],
  ["/refresh-token", "refreshToken"]
])

const SPELLING = /^(?:https?:\/\/)?([^/:]+)(?::443)?(\/.*)?$/i

/** What an entry with this key is for, none if it is not Docker Hub's. */
export const purposeOf = (key: string): Option.Option<Purpose> => {
  // No spelling of a Hub key is long, and patterns on unbounded text cost unbounded time.
  const [, host = "", path = ""] = (key.length > 100 ? null : SPELLING.exec(key.trim())) ?? []
  if (!HOSTS.has(host.toLowerCase())) return Option.none()
  return Option.fromNullable(PURPOSES.get(path.replace(/^\/v[12](?=\/|$)/i, "").replace(/\/+$/, "")))
}

/** Those of the keys that are for this purpose, Docker's own spelling first. */
export const spellings = (purpose: Purpose, keys: Iterable<string>): ReadonlyArray<string> => {
  const found = new Set(Array.from(keys).filter((key) => Option.contains(purposeOf(key), purpose)))
  return [canonical[purpose], ...found].filter((key, index) =>
    index === 0 ? found.has(key) : key !== canonical[purpose]
  )
}
