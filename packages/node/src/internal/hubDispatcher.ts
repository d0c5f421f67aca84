// The undici dispatcher under NodeHubHttp: straight to the server, through a proxy's tunnel, or by way of a proxy.
import { Agent, buildConnector, Dispatcher } from "@effect/platform-node/Undici"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { isIP } from "node:net"
import { secureContext } from "./certificates.ts"
import type { HttpSettings } from "./httpSettings.ts"
import { exceptions, withoutBrackets } from "./proxy.ts"
import type { Proxy } from "./proxy.ts"
import * as Tunnel from "./tunnel.ts"

/** The way to one kind of URL by one proxy. */
interface Way {
  readonly proxy: Proxy
  readonly agent: Agent
}

/** All that could show a secret is private to it: what inspects a dispatcher sees nothing. */
export class HubDispatcher extends Dispatcher {
  readonly #timeouts: { readonly headersTimeout?: number; readonly bodyTimeout?: number }
  readonly #isDirect: (url: URL) => boolean
  readonly #direct: Agent
  readonly #http: Option.Option<Way>
  readonly #https: Option.Option<Way & { readonly tunnels: Tunnel.Tunnels }>

  constructor(settings: HttpSettings) {
    super()
    const pool: Agent.Options = {
      ...(settings.maxConnections !== undefined && { connections: settings.maxConnections }),
      ...keepAlive(settings.keepAlive)
    }
    const timeout = settings.connectTimeout
    const toServer = secureContext(settings.ca, settings.identity)
    // The client certificate is for the server alone.
    const toProxy = (proxy: Proxy) => {
      if (proxy.url.protocol === "http:") return {}
      return settings.identity === undefined ? toServer : secureContext(settings.ca, undefined)
    }
    this.#timeouts = {
      ...(settings.headersTimeout !== undefined && { headersTimeout: settings.headersTimeout }),
      ...(settings.bodyTimeout !== undefined && { bodyTimeout: settings.bodyTimeout })
    }
    this.#isDirect = exceptions(settings.noProxy)
    this.#direct = new Agent({ ...pool, connect: buildConnector({ ...toServer, timeout }) })
    this.#http = Option.map(settings.httpProxy, (proxy) => ({
      proxy,
      agent: new Agent({ ...pool, connect: buildConnector({ ...toProxy(proxy), timeout }) })
    }))
    this.#https = Option.map(settings.httpsProxy, (proxy) => {
      const tunnels = Tunnel.make({
        proxy,
        toProxy: toProxy(proxy),
        toServer: buildConnector({ ...toServer, timeout: 0 }),
        timeout
      })
      return { proxy, tunnels, agent: new Agent({ ...pool, connect: tunnels.connect }) }
    })
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const url = new URL(String(options.origin))
    const way = this.#isDirect(url) ? Option.none() : url.protocol === "https:" ? this.#https : this.#http
    // The platform sets timeouts of its own for each request, an hour and none at all.
    const timed = { ...options, ...this.#timeouts }
    if (Option.isNone(way)) return this.#direct.dispatch(timed, handler)
    return way.value.agent.dispatch(url.protocol === "https:" ? timed : forwarded(timed, url, way.value.proxy), handler)
  }

  override close(): Promise<void> {
    return Promise.all(this.#agents().map((agent) => agent.close())).then(() => {})
  }

  override destroy(): Promise<void> {
    if (Option.isSome(this.#https)) this.#https.value.tunnels.abandon()
    return Promise.all(this.#agents().map((agent) => agent.destroy())).then(() => {})
  }

  #agents(): ReadonlyArray<Agent> {
    return [this.#direct, ...[this.#http, this.#https].flatMap((way) => (Option.isSome(way) ? [way.value.agent] : []))]
  }
}

/** undici knows no keep-alive of zero: without pipelining it asks for a close. */
const keepAlive = (millis: number | undefined): Agent.Options => {
  if (millis === undefined) return {}
  return millis === 0 ? { pipelining: 0 } : { keepAliveTimeout: millis, keepAliveMaxTimeout: millis }
}

/** A plain http request as a proxy wants it: to the proxy, with the whole URL (RFC 9112, 3.2.2). */
const forwarded = (
  options: Dispatcher.DispatchOptions,
  target: URL,
  { authorization, url }: Proxy
): Dispatcher.DispatchOptions & { readonly servername: string } => {
  const host = withoutBrackets(url.hostname)
  return {
    ...options,
    origin: url.origin,
    path: target.origin + options.path,
    headers: {
      host: target.host,
      // The platform's client, the only one that gets here, passes its headers as a record.
      ...(options.headers as Record<string, string>),
      ...(Option.isSome(authorization) && { "proxy-authorization": Redacted.value(authorization.value) })
    },
    // undici would take the name for TLS from the Host header, which is the server's.
    servername: isIP(host) === 0 ? host : ""
  }
}
