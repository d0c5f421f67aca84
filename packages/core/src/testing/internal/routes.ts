// Routes: which of Hub's endpoints a request is for.

/**
 * The endpoints that faults and recorded requests distinguish.
 *
 * @since 0.1.0
 * @category models
 */
export type Route = "login" | "twoFactorLogin" | "createAccessToken" | "user" | "repositories" | "tags" | "other"

export interface Endpoint {
  readonly name: Exclude<Route, "other"> | "logout" | "accessTokens" | "legacyRepositories" | "unknown"
  readonly route: Route
  readonly method: "GET" | "POST"
  /** Segments of the path; one that begins with a colon stands for any. */
  readonly pattern: ReadonlyArray<string>
}

export interface Match {
  readonly endpoint: Endpoint
  readonly segments: ReadonlyArray<string>
  readonly parameters: ReadonlyArray<string>
  readonly trailingSlash: boolean
  readonly query: string
}

const endpoint = (name: Endpoint["name"], route: Route, method: Endpoint["method"], path: string): Endpoint => ({
  name,
  route,
  method,
  pattern: path.split("/").slice(1)
})

const endpoints: ReadonlyArray<Endpoint> = [
  endpoint("login", "login", "POST", "/v2/users/login"),
  endpoint("twoFactorLogin", "twoFactorLogin", "POST", "/v2/users/2fa-login"),
  endpoint("createAccessToken", "createAccessToken", "POST", "/v2/auth/token"),
  endpoint("user", "user", "GET", "/v2/user"),
  endpoint("repositories", "repositories", "GET", "/v2/namespaces/:namespace/repositories"),
  endpoint("tags", "tags", "GET", "/v2/namespaces/:namespace/repositories/:repository/tags"),
  endpoint("logout", "other", "POST", "/v2/logout"),
  endpoint("accessTokens", "other", "GET", "/v2/access-tokens"),
  endpoint("legacyRepositories", "other", "GET", "/v2/repositories/:namespace")
]

const unknown: Endpoint = { name: "unknown", route: "other", method: "GET", pattern: [] }

/** `url` is a path with its query, as a server sees it. */
export const match = (url: string): Match => {
  const [path = "", ...rest] = url.split("?")
  const query = rest.join("?")
  const trailingSlash = path.length > 1 && path.endsWith("/")
  const segments = (trailingSlash ? path.slice(0, -1) : path).split("/").slice(1)
  for (const each of endpoints) {
    if (each.pattern.length !== segments.length) continue
    const parameters: Array<string> = []
    const fits = each.pattern.every((expected, index) => {
      const actual = segments[index] ?? ""
      if (!expected.startsWith(":")) return actual === expected
      parameters.push(decode(actual))
      return actual !== ""
    })
    if (fits) return { endpoint: each, segments, parameters, trailingSlash, query }
  }
  return { endpoint: unknown, segments, parameters: [], trailingSlash, query }
}

/** Percent-decoding that leaves alone what is not properly encoded. */
export const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
