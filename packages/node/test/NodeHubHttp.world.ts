// The world of the tests of NodeHubHttp: certificates of an authority of its own, Docker Hub behind TLS, forward proxies.
import { HubEmulator } from "@effect-dockerhub/core/testing"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import * as Https from "node:https"
import * as Net from "node:net"
import type { TLSSocket } from "node:tls"
import { generate } from "selfsigned"

/** A name that no resolver knows: only the proxies of these tests do. */
export const HOST = "hub.test"
export const PASSPHRASE = "open sesame"
export const ACCOUNT = { username: "ada", password: "correct horse battery staple" }

export interface Issued {
  readonly cert: string
  readonly key: string
}

const authority = async (name: string): Promise<Issued> => {
  const { cert, private: key } = await generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, critical: true }
    ]
  })
  return { cert, key }
}

const issue = async (
  ca: Issued,
  name: string,
  options: { readonly expired?: boolean; readonly passphrase?: string } = {}
): Promise<Issued> => {
  const { cert, private: key } = await generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    algorithm: "sha256",
    ca,
    ...(options.expired && { notBeforeDate: new Date("2020-01-01"), notAfterDate: new Date("2021-01-01") }),
    ...(options.passphrase && { passphrase: options.passphrase }),
    extensions: [
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: name },
          { type: 7, ip: name === "other.test" ? "127.0.0.2" : "127.0.0.1" }
        ]
      }
    ]
  })
  return { cert, key }
}

export const ca = await authority("the tests' authority")
export const strangerCa = await authority("a stranger")
export const hubCertificate = await issue(ca, HOST)
export const expired = await issue(ca, HOST, { expired: true })
export const otherHost = await issue(ca, "other.test")
export const client = await issue(ca, "ada's machine")
export const encryptedClient = await issue(ca, "ada's locked machine", { passphrase: PASSPHRASE })

const listen = <S extends Net.Server>(server: S): Effect.Effect<number, never, Scope.Scope> =>
  Effect.suspend(() => {
    const sockets = new Set<Net.Socket>()
    server.on("connection", (socket: Net.Socket) => {
      sockets.add(socket)
      socket.on("error", () => {})
      socket.on("close", () => sockets.delete(socket))
    })
    return Effect.acquireRelease(
      Effect.async<number>((resume) => {
        server.listen(0, "127.0.0.1", () => {
          // A TCP server that listens has an address of this shape.
          resume(Effect.succeed((server.address() as Net.AddressInfo).port))
        })
      }),
      () =>
        Effect.async<void>((resume) => {
          for (const socket of sockets) socket.destroy()
          server.close(() => resume(Effect.void))
        })
    )
  })

/** A server that does this with each connection. */
export const listening = (onConnection: (socket: Net.Socket) => void): Effect.Effect<number, never, Scope.Scope> =>
  listen(
    Net.createServer((socket) => {
      socket.on("error", () => {})
      onConnection(socket)
    })
  )

/** A port that nobody listens on. */
export const freePort = Effect.scoped(listening(() => {}))

/** The emulator behind TLS, who connected to it, and with which certificate. */
export const secureHub = (certificate: Issued, options: Https.ServerOptions = {}) =>
  Effect.gen(function* () {
    const emulator = yield* HubEmulator.make({ accounts: [ACCOUNT] })
    const peers: Array<string | Array<string> | undefined> = []
    const node = Https.createServer({ ...certificate, ...options })
    node.on("secureConnection", (socket: TLSSocket) => peers.push(socket.getPeerCertificate().subject?.CN))
    const server = yield* NodeHttpServer.make(() => node, { port: 0, host: "127.0.0.1" })
    yield* Effect.addFinalizer(() => Effect.sync(() => node.closeAllConnections()))
    yield* server.serve(emulator.httpApp)
    const port = server.address._tag === "TcpAddress" ? server.address.port : 0
    return { port, peers, emulator }
  })

/** What a proxy saw of a request: how it was asked, for what, and by whom. */
export interface Seen {
  readonly method: string
  readonly url: string
  readonly host: string
  readonly authorization: string | undefined
  readonly clientCertificate: string | Array<string> | undefined
}

export interface ProxyOptions {
  /** The `Proxy-Authorization` it wants. */
  readonly authorization?: string
  /** What it answers a CONNECT with, in place of a tunnel. */
  readonly status?: number
  /** What it does in place of an answer, or with the tunnel once it is open. */
  readonly onConnect?: (near: Net.Socket) => void
  readonly onTunnel?: (near: Net.Socket, far: Net.Socket) => void
  /** It talks TLS itself, and would like a certificate from its clients. */
  readonly certificate?: Issued
}

/** A forward proxy of this machine, to which every name is this machine. */
export const proxy = (options: ProxyOptions = {}) =>
  Effect.gen(function* () {
    const seen: Array<Seen> = []
    const closed = yield* Deferred.make<void>()
    const note = (request: Http.IncomingMessage): boolean => {
      const peer = options.certificate && (request.socket as TLSSocket).getPeerCertificate().subject?.CN
      const authorization = request.headers["proxy-authorization"]
      seen.push({
        method: request.method ?? "",
        url: request.url ?? "",
        host: request.headers.host ?? "",
        authorization,
        clientCertificate: peer
      })
      return options.authorization === undefined || options.authorization === authorization
    }
    const server = options.certificate
      ? Https.createServer({ ...options.certificate, requestCert: true, rejectUnauthorized: false })
      : Http.createServer()
    server.on("request", (request: Http.IncomingMessage, response: Http.ServerResponse) => {
      if (!note(request)) return response.writeHead(407, { "proxy-authenticate": "Basic" }).end()
      const { host, pathname, port, search } = new URL(request.url ?? "")
      const { connection: _, "proxy-authorization": __, ...headers } = request.headers
      return request.pipe(
        Http.request({
          host: "127.0.0.1",
          port,
          method: request.method,
          path: pathname + search,
          headers: { ...headers, host },
          agent: false
        })
          .on("response", (answer) => answer.pipe(response.writeHead(answer.statusCode ?? 0, answer.headers)))
          .on("error", () => response.writeHead(502).end())
      )
    })
    server.on("connect", (request: Http.IncomingMessage, near: Net.Socket) => {
      near.on("error", () => {})
      near.on("end", () => Deferred.unsafeDone(closed, Effect.void))
      const status = note(request) ? options.status : 407
      if (status !== undefined) return near.end(`HTTP/1.1 ${status} No\r\nproxy-authenticate: Basic\r\n\r\n`)
      if (options.onConnect) return options.onConnect(near.resume())
      const far = Net.connect(Number(request.url?.split(":").at(-1)), "127.0.0.1", () => {
        near.write("HTTP/1.1 200 Connection established\r\n\r\n")
        if (options.onTunnel) options.onTunnel(near, far)
        else near.pipe(far).pipe(near)
      })
      far.on("error", () => near.destroy())
      near.on("close", () => far.destroy())
    })
    const port = yield* listen(server)
    return { port, seen, closed }
  })
