// Which proxy a request takes: what the variables HTTP_PROXY, HTTPS_PROXY and NO_PROXY can say, read strictly.
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { BlockList, isIP, isIPv6 } from "node:net"

/** A forward proxy, its credentials apart from its address. */
export interface Proxy {
  /** Without user name and password, so that it can be printed. */
  readonly url: URL
  /** The value of `Proxy-Authorization`. */
  readonly authorization: Option.Option<Redacted.Redacted<string>>
}

/** Go, and with it Docker, never asks a proxy for this machine: plain http would show it the password. */
export const LOOPBACK: ReadonlyArray<string> = ["localhost", "127.0.0.0/8", "::1"]

// No sentence repeats the URL: what is wrong with it may be the password in it.
const NO_URL =
  "must be the URL of a proxy, such as http://proxy.example:3128; in its user name and password, write @ : / # ? and % as %40 %3A %2F %23 %3F and %25"

/** A proxy, or what is wrong with its URL. As with curl, one without a scheme is http. */
export const parseProxy = (text: string): Either.Either<Proxy, string> =>
  Either.gen(function* () {
    const href = /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `http://${text}`
    if (!URL.canParse(href)) return yield* Either.left(NO_URL)
    const url = new URL(href)
    if (url.protocol !== "http:" && url.protocol !== "https:") {
      return yield* Either.left("must be an http or https proxy; SOCKS and others are not supported")
    }
    // An unescaped / # or ? in a password ends the host early, and part of the password would be looked up as a name.
    if (url.pathname !== "/" || url.search !== "" || url.hash !== "") return yield* Either.left(NO_URL)
    const authorization = yield* basic(url)
    url.username = ""
    url.password = ""
    return { url, authorization }
  })

const basic = ({ password, username }: URL): Either.Either<Proxy["authorization"], string> =>
  username === "" && password === ""
    ? Either.right(Option.none())
    : Either.try({
        try: () => `${decodeURIComponent(username)}:${decodeURIComponent(password)}`,
        catch: () => NO_URL
      }).pipe(Either.map((pair) => Option.some(Redacted.make(`Basic ${Buffer.from(pair, "utf8").toString("base64")}`))))

/** The entries of a NO_PROXY. */
export const splitNoProxy = (text: string): ReadonlyArray<string> =>
  text.split(/[\s,]+/).filter((entry) => entry !== "")

/**
 * Whether a URL is reached without a proxy: `*`, a name with all below it (`.example.com` and `*.example.com` are the
 * same), an address, a CIDR block; each with a port or without.
 */
export const exceptions = (entries: ReadonlyArray<string>): ((url: URL) => boolean) => {
  const rules = entries.map((entry) => rule(entry.trim()))
  return (url) => {
    const host = withoutBrackets(url.hostname).replace(/\.$/, "")
    const port = portOf(url)
    return rules.some((matches) => matches(host, port))
  }
}

export const withoutBrackets = (host: string): string => host.replace(/^\[(.*)\]$/, "$1")

export const portOf = ({ port, protocol }: URL): number => Number(port) || (protocol === "https:" ? 443 : 80)

const rule = (entry: string): ((host: string, port: number) => boolean) => {
  if (entry === "*") return () => true
  const [, name = entry, port] = isIPv6(entry) ? [] : (/^(.+):(\d+)$/.exec(entry) ?? [])
  const wanted = withoutBrackets(name)
    .replace(/^\*?\./, "")
    .toLowerCase()
  const matches = addresses(wanted) ?? ((host: string) => host === wanted || host.endsWith(`.${wanted}`))
  return (host, at) => (port === undefined || Number(port) === at) && wanted !== "" && matches(host)
}

/** Undefined where the text is neither an address nor a block of them. */
const addresses = (text: string): ((host: string) => boolean) | undefined => {
  const [address = "", prefix] = text.split("/")
  const version = isIP(address)
  const bits = Number(prefix ?? "0")
  if (version === 0 || !Number.isInteger(bits) || bits < 0 || bits > (version === 6 ? 128 : 32)) return undefined
  const family = version === 6 ? "ipv6" : "ipv4"
  const list = new BlockList()
  if (prefix === undefined) list.addAddress(address, family)
  else list.addSubnet(address, bits, family)
  return (host) => isIP(host) !== 0 && list.check(host, isIPv6(host) ? "ipv6" : "ipv4")
}
