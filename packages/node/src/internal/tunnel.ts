// Connections to a server through a proxy's CONNECT. Whatever fails here, nothing has been sent to the server yet.
import type { buildConnector } from "@effect/platform-node/Undici"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Http from "node:http"
import * as Https from "node:https"
import { isIP } from "node:net"
import type { Socket } from "node:net"
import type { SecureContext } from "node:tls"
import { portOf, withoutBrackets } from "./proxy.ts"
import type { Proxy } from "./proxy.ts"

/** Connections on their way, which can be given up. */
export interface Tunnels {
  readonly connect: buildConnector.connector
  readonly abandon: () => void
}

export interface Options {
  readonly proxy: Proxy
  /** TLS to the proxy itself, where it is an https one. */
  readonly toProxy: { readonly secureContext?: SecureContext }
  /** TLS to the server, over a socket that is there already. */
  readonly toServer: buildConnector.connector
  /** For all of it, in milliseconds; 0 is without end. */
  readonly timeout: number
}

// undici's own ProxyAgent is not used: it cannot be told how long a tunnel may take, asks again for ever when a proxy hangs
// up, and shows the proxy's password to whoever inspects it.
export const make = ({ proxy, timeout, toProxy, toServer }: Options): Tunnels => {
  const pending = new Set<(error: Error) => void>()

  const connect: buildConnector.connector = (target, callback) => {
    const sockets: Array<Socket> = []
    const end = (): boolean => {
      clearTimeout(timer)
      return pending.delete(fail)
    }
    const fail = (error: Error): void => {
      if (!end()) return
      request.destroy()
      for (const socket of sockets) socket.destroy()
      callback(error, null)
    }
    const timer =
      timeout === 0
        ? undefined
        : setTimeout(() => fail(failure("UND_ERR_CONNECT_TIMEOUT", "no tunnel in time")), timeout)
    pending.add(fail)

    const request = ask(proxy, authority(target), toProxy)
    request.on("error", (error) => fail(noProxy(error)))
    request.once("connect", ({ statusCode = 0 }, socket: Socket, head: Buffer) => {
      sockets.push(socket)
      socket.on("error", (error) => fail(unsent(error)))
      if (statusCode < 200 || statusCode > 299) {
        return fail(failure("ERR_PROXY_TUNNEL", `the proxy answered CONNECT with status ${statusCode}`))
      }
      if (head.length > 0) socket.unshift(head)
      toServer({ ...target, httpSocket: socket }, (error, secured) => {
        if (error !== null) fail(unsent(error))
        else if (end()) callback(null, secured)
        else secured.destroy()
      })
    })
    request.end()
  }

  return {
    connect,
    abandon: () => {
      for (const fail of pending) fail(failure("UND_ERR_DESTROYED", "the HTTP layer has closed"))
    }
  }
}

const authority = ({ host, hostname, port }: buildConnector.Options): string =>
  port === "" ? `${host ?? hostname}:443` : (host ?? `${hostname}:${port}`)

const ask = ({ authorization, url }: Proxy, path: string, toProxy: Options["toProxy"]): Http.ClientRequest => {
  const host = withoutBrackets(url.hostname)
  const options: Https.RequestOptions = {
    method: "CONNECT",
    host,
    port: portOf(url),
    path,
    headers: {
      host: path,
      // Without it Node says "close", which some proxies take at its word.
      connection: "keep-alive",
      "proxy-connection": "keep-alive",
      ...(Option.isSome(authorization) && { "proxy-authorization": Redacted.value(authorization.value) })
    }
  }
  return url.protocol === "http:"
    ? Http.request({ ...options, agent: new Http.Agent() })
    : // Node would take the name from the Host header, which is the server's.
      Https.request({ ...options, agent: new Https.Agent(toProxy), servername: isIP(host) === 0 ? host : "" })
}

/** What broke before a request could be written, in terms that say so. */
const unsent = (error: Fault): Error =>
  /^(ECONNRESET|ECONNABORTED|EPIPE)$/.test(error.code ?? "")
    ? Object.assign(failure("ECONNRESET", "the connection broke before a request was sent"), { syscall: "connect" })
    : error

/** The same while the proxy is asked, which may be no proxy, or one that talks plain http. */
const noProxy = (error: Fault): Error =>
  /^(HPE_\w+|EPROTO|ERR_SSL_WRONG_VERSION_NUMBER)$/.test(error.code ?? "")
    ? failure("ERR_PROXY_TUNNEL", "the proxy answered something else than HTTP")
    : unsent(error)

type Fault = Error & { readonly code?: string }

const failure = (code: string, message: string): Error => Object.assign(new Error(message), { code })
