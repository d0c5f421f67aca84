import { assert, describe, it } from "@effect/vitest"
import type { AuthError } from "@effect-dockerhub/core"
import { Credentials, HubAuth, HubConfig, HubPolicy } from "@effect-dockerhub/core"
import { Faults } from "@effect-dockerhub/core/testing"
import { HubEmulatorServer, NodeHubHttp } from "@effect-dockerhub/node"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import type { Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Tls from "node:tls"
import { inspect } from "node:util"
import { exceptions, splitNoProxy } from "../src/internal/proxy.ts"
import {
  ACCOUNT,
  ca,
  client,
  encryptedClient,
  expired,
  freePort,
  HOST,
  hubCertificate,
  listening,
  otherHost,
  PASSPHRASE,
  proxy,
  secureHub,
  strangerCa
} from "./NodeHubHttp.world.ts"

const SECRET = "hunter2@proxy"
const USERINFO = `grace:${encodeURIComponent(SECRET)}`
const BASIC = `Basic ${Buffer.from(`grace:${SECRET}`).toString("base64")}`

const login = HubAuth.login(Credentials.password(ACCOUNT.username, ACCOUNT.password))

/** One login at this server over this layer. */
const loginOver = <E>(http: Layer.Layer<HttpClient.HttpClient, E>, port: number, host: string = HOST) =>
  Effect.provide(login, Layer.provide(HubAuth.layer, [http, HubConfig.layer({ baseUrl: `https://${host}:${port}` })]))

/** What comes of one login: no retries, no waiting. */
const failure = <E>(http: Layer.Layer<HttpClient.HttpClient, E>, port: number, host?: string) =>
  loginOver(http, port, host).pipe(Effect.flip, HubPolicy.with({ maxRetries: 0 }))

const withEnvironment = (variables: Readonly<Record<string, string>>) =>
  NodeHubHttp.layerConfig.pipe(
    Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables)))))
  )

/** What building the layer from these variables fails with. */
const configError = (variables: Readonly<Record<string, string>>) =>
  Effect.map(Effect.flip(Effect.scoped(Layer.build(withEnvironment(variables)))), (error) => String(error))

/** A file of these contents, for as long as the test runs. */
const file = (name: string, text: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = mkdtempSync(join(tmpdir(), "node-hub-http-"))
      writeFileSync(join(folder, name), text)
      return folder
    }),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  ).pipe(Effect.map((folder) => join(folder, name)))

const unsentBy = (reason: AuthError.TransportFailure["reason"]) => ({
  _tag: "TransportFailure" as const,
  reason,
  sent: false
})

describe("a login through a proxy", () => {
  it.scopedLive("goes through a tunnel, with the user name and password of the proxy's URL", () =>
    Effect.gen(function* () {
      const hub = yield* secureHub(hubCertificate)
      const forward = yield* proxy({ authorization: BASIC })
      const httpsProxy = Redacted.make(`http://${USERINFO}@127.0.0.1:${forward.port}`)
      yield* loginOver(NodeHubHttp.layerWith({ httpsProxy, ca: ca.cert }), hub.port)
      assert.deepStrictEqual(forward.seen, [
        {
          method: "CONNECT",
          url: `${HOST}:${hub.port}`,
          host: `${HOST}:${hub.port}`,
          authorization: BASIC,
          clientCertificate: undefined
        }
      ])
      const [seen] = yield* hub.emulator.requests
      assert.notProperty(seen?.headers, "proxy-authorization")
      assert.strictEqual(seen?.headers["host"], `${HOST}:${hub.port}`)
    })
  )

  it.scopedLive("is set up by the environment alone", () =>
    Effect.gen(function* () {
      const hub = yield* secureHub(hubCertificate)
      const forward = yield* proxy()
      const http = withEnvironment({
        HTTPS_PROXY: `127.0.0.1:${forward.port}`,
        DOCKERHUB_CA_FILE: yield* file("ca.pem", ca.cert),
        DOCKERHUB_MAX_CONNECTIONS: "2",
        DOCKERHUB_KEEP_ALIVE: "1 second",
        DOCKERHUB_CONNECT_TIMEOUT: "5 seconds",
        DOCKERHUB_HEADERS_TIMEOUT: "5 seconds",
        DOCKERHUB_BODY_TIMEOUT: "5 seconds"
      })
      yield* loginOver(http, hub.port)
      assert.strictEqual(forward.seen.length, 1)
    })
  )

  it.scopedLive("shares one tunnel with the next ones", () =>
    Effect.gen(function* () {
      const hub = yield* secureHub(hubCertificate)
      const forward = yield* proxy()
      const http = NodeHubHttp.layerWith({
        httpsProxy: `http://127.0.0.1:${forward.port}`,
        ca: ca.cert,
        maxConnections: 1
      })
      const five = Effect.all([login, login, login, login, login], { concurrency: "unbounded" })
      yield* Effect.provide(
        five,
        Layer.provide(HubAuth.layer, [http, HubConfig.layer({ baseUrl: `https://${HOST}:${hub.port}` })])
      )
      assert.strictEqual(forward.seen.length, 1)
      assert.strictEqual(hub.peers.length, 1)
    })
  )

  it.scopedLive.each([407, 403, 502])("that answers CONNECT with %i fails, nothing was sent", (status) =>
    Effect.gen(function* () {
      const forward = yield* proxy({ status })
      const http = NodeHubHttp.layerWith({ httpsProxy: `http://${USERINFO}@127.0.0.1:${forward.port}` })
      const error = yield* loginOver(http, 443).pipe(Effect.flip)
      assert.deepInclude(error, unsentBy("Proxy"))
      assert.strictEqual(forward.seen.length, 1)
    })
  )

  it.scopedLive.each([
    ["none", ""],
    ["wrong ones", "grace:guess@"],
    ["a user name alone", "grace@"]
  ])("that wants credentials and is given %s fails", ([, userinfo]) =>
    Effect.gen(function* () {
      const forward = yield* proxy({ authorization: BASIC })
      const http = NodeHubHttp.layerWith({ httpsProxy: `http://${userinfo}127.0.0.1:${forward.port}` })
      assert.deepInclude(yield* failure(http, 443), unsentBy("Proxy"))
    })
  )

  it.scopedLive("that cannot be reached, by its port or by its name, is no connection", () =>
    Effect.gen(function* () {
      // No label of a name is that long, so no resolver is asked.
      for (const address of [`127.0.0.1:${yield* freePort}`, `${"x".repeat(64)}.test:3128`]) {
        const error = yield* failure(NodeHubHttp.layerWith({ httpsProxy: `http://${address}` }), 443)
        assert.deepInclude(error, unsentBy("Connect"))
      }
    })
  )

  it.scopedLive("that hangs up is asked as often as any server, and no more", () =>
    Effect.gen(function* () {
      const forward = yield* proxy({ onConnect: (near) => void near.destroy() })
      const http = NodeHubHttp.layerWith({ httpsProxy: `http://127.0.0.1:${forward.port}` })
      const error = yield* Effect.flip(loginOver(http, 443))
      assert.deepInclude(error, unsentBy("Connect"))
      assert.strictEqual(forward.seen.length, 3)
    }).pipe(HubPolicy.with({ backoff: { base: "1 millis" } }))
  )

  it.scopedLive("that closes the tunnel before TLS has begun is no connection", () =>
    Effect.gen(function* () {
      const hub = yield* secureHub(hubCertificate)
      const forward = yield* proxy({ onTunnel: (near) => void near.end() })
      const http = NodeHubHttp.layerWith({ httpsProxy: `http://127.0.0.1:${forward.port}`, ca: ca.cert })
      assert.deepInclude(yield* failure(http, hub.port), unsentBy("Connect"))
    })
  )

  it.scopedLive("that dies under a request leaves open whether it arrived", () =>
    Effect.gen(function* () {
      const hub = yield* secureHub(hubCertificate)
      yield* hub.emulator.enqueue(Faults.never)
      const tunnels: Array<Socket> = []
      const forward = yield* proxy({
        onTunnel: (near, far) => {
          tunnels.push(near)
          near.pipe(far).pipe(near)
        }
      })
      const http = NodeHubHttp.layerWith({ httpsProxy: `http://127.0.0.1:${forward.port}`, ca: ca.cert })
      const fiber = yield* Effect.fork(failure(http, hub.port))
      yield* Effect.repeat(hub.emulator.requests, {
        until: (seen) => seen.length === 1,
        schedule: Schedule.spaced("5 millis")
      })
      for (const tunnel of tunnels) tunnel.resetAndDestroy()
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "TransportFailure", reason: "Reset", sent: true })
    })
  )

  it.scopedLive("that does not answer ends at the connect timeout, and closes its connection", () =>
    Effect.gen(function* () {
      const forward = yield* proxy({ onConnect: () => {} })
      const http = NodeHubHttp.layerWith({
        httpsProxy: `http://127.0.0.1:${forward.port}`,
        connectTimeout: "30 millis"
      })
      const [took, error] = yield* Effect.timed(failure(http, 443))
      assert.deepInclude(error, unsentBy("Connect"))
      assert.isBelow(Duration.toMillis(took), 1000)
      yield* Effect.timeout(Deferred.await(forward.closed), "10 seconds")
    })
  )

  it.scopedLive("is given up, with its connection, when the layer closes", () =>
    Effect.gen(function* () {
      const forward = yield* proxy({ onConnect: () => {} })
      const http = NodeHubHttp.layerWith({ httpsProxy: `http://127.0.0.1:${forward.port}` })
      const fiber = yield* Effect.fork(loginOver(http, 443))
      yield* Effect.repeat(
        Effect.sync(() => forward.seen.length),
        { until: (count) => count === 1, schedule: Schedule.spaced("5 millis") }
      )
      yield* Fiber.interrupt(fiber)
      yield* Effect.timeout(Deferred.await(forward.closed), "10 seconds")
    })
  )

  it.scopedLive("that is no proxy at all refuses", () =>
    Effect.gen(function* () {
      const port = yield* listening((socket) => void socket.end("SSH-2.0-OpenSSH_9.7\r\n\r\n"))
      for (const scheme of ["http", "https"]) {
        const http = NodeHubHttp.layerWith({ httpsProxy: `${scheme}://127.0.0.1:${port}` })
        assert.deepInclude(yield* failure(http, 443), unsentBy("Proxy"))
      }
    })
  )

  it.scopedLive("is not blamed for a server that talks no TLS", () =>
    Effect.gen(function* () {
      const port = yield* listening((socket) => void socket.end("SSH-2.0-OpenSSH_9.7\r\n\r\n"))
      const forward = yield* proxy()
      const http = NodeHubHttp.layerWith({ httpsProxy: `http://127.0.0.1:${forward.port}` })
      assert.deepInclude(yield* failure(http, port), { _tag: "TransportFailure", reason: "Tls" })
    })
  )

  it.scopedLive("that talks TLS itself must be trusted, and sees no client certificate", () =>
    Effect.gen(function* () {
      const hub = yield* secureHub(hubCertificate, { requestCert: true, ca: ca.cert })
      const forward = yield* proxy({ certificate: hubCertificate, authorization: BASIC })
      const httpsProxy = `https://${USERINFO}@127.0.0.1:${forward.port}`
      const clientCertificate = { certificate: client.cert, key: client.key }
      yield* loginOver(NodeHubHttp.layerWith({ httpsProxy, ca: ca.cert, clientCertificate }), hub.port)
      assert.deepStrictEqual(
        forward.seen.map(({ clientCertificate }) => clientCertificate),
        [undefined]
      )
      assert.deepStrictEqual(hub.peers, ["ada's machine"])
      const untrusting = NodeHubHttp.layerWith({ httpsProxy, clientCertificate })
      assert.deepInclude(yield* failure(untrusting, hub.port), unsentBy("Tls"))
    })
  )
})

describe("plain http through a proxy", () => {
  const plainHub = HubEmulatorServer.layer({ accounts: [ACCOUNT] })

  it.scopedLive.each([undefined, hubCertificate])("asks it for the whole URL", (certificate) =>
    Effect.gen(function* () {
      const { port } = yield* HubEmulatorServer.HubEmulatorServer
      const forward = yield* proxy({ authorization: BASIC, ...(certificate && { certificate }) })
      const scheme = certificate ? "https" : "http"
      const http = NodeHubHttp.layerWith({
        httpProxy: `${scheme}://${USERINFO}@127.0.0.1:${forward.port}`,
        ca: ca.cert
      })
      const request = HttpClientRequest.get(`http://${HOST}:${port}/v2/namespaces/ada/repositories?page=1`)
      const response = yield* Effect.provide(HttpClient.execute(request), http)
      assert.strictEqual(response.status, 200)
      assert.deepStrictEqual(forward.seen, [
        {
          method: "GET",
          url: `http://${HOST}:${port}/v2/namespaces/ada/repositories?page=1`,
          host: `${HOST}:${port}`,
          authorization: BASIC,
          clientCertificate: undefined
        }
      ])
      assert.deepStrictEqual({ ...request.headers }, {})
    }).pipe(Effect.provide(plainHub))
  )

  it.scopedLive("reaches this machine through it only when told so", () =>
    Effect.gen(function* () {
      const { url } = yield* HubEmulatorServer.HubEmulatorServer
      const forward = yield* proxy()
      const httpProxy = `http://127.0.0.1:${forward.port}`
      const over = (http: Layer.Layer<HttpClient.HttpClient>) =>
        Effect.provide(login, Layer.provide(HubAuth.layer, [http, HubConfig.layer({ baseUrl: url })]))
      yield* over(NodeHubHttp.layerWith({ httpProxy }))
      yield* over(NodeHubHttp.layerWith({ httpsProxy: httpProxy, noProxy: [] }))
      assert.strictEqual(forward.seen.length, 0)
      yield* over(NodeHubHttp.layerWith({ httpProxy, noProxy: [] }))
      assert.deepStrictEqual(
        forward.seen.map(({ method, url }) => [method, url]),
        [["POST", `${url.origin}/v2/users/login`]]
      )
    }).pipe(Effect.provide(plainHub))
  )

  it.scopedLive("that wants other credentials is a proxy's refusal", () =>
    Effect.gen(function* () {
      const { url } = yield* HubEmulatorServer.HubEmulatorServer
      const forward = yield* proxy({ authorization: BASIC })
      const http = NodeHubHttp.layerWith({ httpProxy: `http://127.0.0.1:${forward.port}`, noProxy: [] })
      const error = yield* Effect.flip(
        Effect.provide(login, Layer.provide(HubAuth.layer, [http, HubConfig.layer({ baseUrl: url })]))
      )
      assert.deepInclude(error, { _tag: "TransportFailure", reason: "Proxy" })
    }).pipe(Effect.provide(plainHub))
  )
})

describe("exceptions from the proxy", () => {
  it.each<[string, string, boolean]>([
    ["hub.docker.com", "https://hub.docker.com/", true],
    ["hub.docker.com", "https://HUB.DOCKER.COM./", true],
    ["docker.com", "https://hub.docker.com/", true],
    [".docker.com", "https://hub.docker.com/", true],
    ["*.docker.com", "https://hub.docker.com/", true],
    ["docker.com", "https://nodocker.com/", false],
    ["hub.docker.com", "https://docker.com/", false],
    ["hub.docker.com:443", "https://hub.docker.com/", true],
    ["hub.docker.com:80", "http://hub.docker.com/", true],
    ["hub.docker.com:8443", "https://hub.docker.com/", false],
    ["*", "https://hub.docker.com/", true],
    ["a.test, hub.docker.com  b.test", "https://hub.docker.com/", true],
    ["10.0.0.0/8", "https://10.1.2.3/", true],
    ["10.0.0.0/8", "https://11.1.2.3/", false],
    ["10.0.0.0/99", "https://10.1.2.3/", false],
    ["10.1.2.3:8443", "https://10.1.2.3:8443/", true],
    ["::1", "https://[::1]:8443/", true],
    ["[::1]", "https://[::1]/", true],
    ["[::1]:443", "https://[::1]:8443/", false],
    ["fd00::/8", "https://[fd00::7]/", true],
    ["127.0.0.0/8", "https://localhost/", false],
    ["..", "https://hub.docker.com/", false],
    ["", "https://hub.docker.com/", false]
  ])("with NO_PROXY=%j, %s is reached without it: %s", (noProxy, url, expected) => {
    assert.strictEqual(exceptions(splitNoProxy(noProxy))(new URL(url)), expected)
  })

  it.scopedLive("are read from the environment, this machine always among them", () =>
    Effect.gen(function* () {
      const hub = yield* secureHub(hubCertificate)
      const forward = yield* proxy()
      const environment = {
        HTTPS_PROXY: `http://127.0.0.1:${forward.port}`,
        DOCKERHUB_CA_FILE: yield* file("ca.pem", ca.cert)
      }
      yield* loginOver(withEnvironment(environment), hub.port, "127.0.0.1")
      yield* loginOver(withEnvironment({ ...environment, NO_PROXY: "example.com" }), hub.port, "127.0.0.1")
      assert.strictEqual(forward.seen.length, 0)
      yield* loginOver(withEnvironment(environment), hub.port)
      assert.strictEqual(forward.seen.length, 1)
      // Without the proxy nobody knows that name.
      const direct = withEnvironment({ ...environment, NO_PROXY: `*.test` })
      assert.deepInclude(yield* failure(direct, hub.port, `${"x".repeat(64)}.test`), unsentBy("Connect"))
      assert.strictEqual(forward.seen.length, 1)
    })
  )
})

describe("certificates", () => {
  it.scopedLive.each([
    ["of an authority that nobody trusts", hubCertificate, undefined],
    ["of another authority than the trusted one", hubCertificate, strangerCa],
    ["that has expired", expired, ca],
    ["of another host", otherHost, ca]
  ] as const)("a server's, %s, ends a login before anything is sent", ([, certificate, authority]) =>
    Effect.gen(function* () {
      const hub = yield* secureHub(certificate)
      const forward = yield* proxy()
      const options = authority ? { ca: authority.cert } : {}
      const tunnelled = { ...options, httpsProxy: `http://127.0.0.1:${forward.port}` }
      assert.deepInclude(yield* failure(NodeHubHttp.layerWith(options), hub.port, "127.0.0.1"), unsentBy("Tls"))
      assert.deepInclude(yield* failure(NodeHubHttp.layerWith(tunnelled), hub.port), unsentBy("Tls"))
      assert.deepStrictEqual(yield* hub.emulator.requests, [])
    })
  )

  it.scopedLive("authorities of one's own are trusted, as many as the file holds", () =>
    Effect.gen(function* () {
      const hub = yield* secureHub(hubCertificate)
      yield* loginOver(NodeHubHttp.layerWith({ ca: `${strangerCa.cert}\n${ca.cert}` }), hub.port, "127.0.0.1")
    })
  )

  // A newer Node reads the variable when it starts, and nobody can set it later.
  it.scopedLive.skipIf("getCACertificates" in Tls)("they are trusted in addition to what Node trusts by itself", () =>
    Effect.gen(function* () {
      const hub = yield* secureHub(hubCertificate)
      const extra = yield* file("extra.pem", ca.cert)
      const before = process.env["NODE_EXTRA_CA_CERTS"]
      yield* Effect.acquireRelease(
        Effect.sync(() => (process.env["NODE_EXTRA_CA_CERTS"] = extra)),
        () =>
          Effect.sync(() => {
            if (before === undefined) delete process.env["NODE_EXTRA_CA_CERTS"]
            else process.env["NODE_EXTRA_CA_CERTS"] = before
          })
      )
      yield* loginOver(NodeHubHttp.layerWith({ ca: strangerCa.cert }), hub.port, "127.0.0.1")
    })
  )

  it.scopedLive("a server that wants one from its client gets it", () =>
    Effect.gen(function* () {
      const hub = yield* secureHub(hubCertificate, { requestCert: true, rejectUnauthorized: true, ca: ca.cert })
      const none = yield* failure(NodeHubHttp.layerWith({ ca: ca.cert }), hub.port, "127.0.0.1")
      // Of TLS 1.3 a client hears so only after it has sent its request, and not at all where the closing overtakes it.
      assert.deepInclude(none, { _tag: "TransportFailure", sent: true })
      assert.deepStrictEqual(yield* hub.emulator.requests, [])
      const clientCertificate = { certificate: client.cert, key: Redacted.make(client.key) }
      yield* loginOver(NodeHubHttp.layerWith({ ca: ca.cert, clientCertificate }), hub.port, "127.0.0.1")
      const encrypted = {
        DOCKERHUB_CA_FILE: yield* file("ca.pem", ca.cert),
        DOCKERHUB_CLIENT_CERT_FILE: yield* file("client.pem", encryptedClient.cert),
        DOCKERHUB_CLIENT_KEY_FILE: yield* file("client.key", encryptedClient.key),
        DOCKERHUB_CLIENT_KEY_PASSPHRASE: PASSPHRASE
      }
      yield* loginOver(withEnvironment(encrypted), hub.port, "127.0.0.1")
      assert.deepStrictEqual(hub.peers.slice(-2), ["ada's machine", "ada's locked machine"])
    })
  )
})

describe("connections", () => {
  it.scopedLive("are as few as told, and closed after each answer where told", () =>
    Effect.gen(function* () {
      const hub = yield* secureHub(hubCertificate)
      const five = (options: NodeHubHttp.Options) =>
        Effect.gen(function* () {
          const http = NodeHubHttp.layerWith({ ca: ca.cert, ...options })
          const before = hub.peers.length
          const config = HubConfig.layer({ baseUrl: `https://127.0.0.1:${hub.port}` })
          yield* Effect.provide(
            Effect.all([login, login, login, login, login], { concurrency: "unbounded" }),
            Layer.provide(HubAuth.layer, [http, config])
          )
          return hub.peers.length - before
        })
      assert.strictEqual(yield* five({ maxConnections: 1, keepAlive: "1 minute" }), 1)
      assert.isAtMost(yield* five({ maxConnections: 2 }), 2)
      assert.strictEqual(yield* five({ maxConnections: 1, keepAlive: 0 }), 5)
    })
  )

  it.scopedLive("that are not kept are idle no longer than told", () =>
    Effect.gen(function* () {
      const closed = yield* Deferred.make<void>()
      const port = yield* listening((socket) => {
        socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"))
        socket.on("close", () => Deferred.unsafeDone(closed, Effect.void))
      })
      yield* HttpClient.get(`http://127.0.0.1:${port}/`).pipe(
        Effect.zipRight(Effect.timeout(Deferred.await(closed), "5 seconds")),
        Effect.provide(NodeHubHttp.layerWith({ keepAlive: "20 millis" }))
      )
    })
  )

  it.scopedLive("break when headers, the rest of a body, or TLS do not come in time", () =>
    Effect.gen(function* () {
      const silent = yield* listening((socket) => void socket.resume())
      const halting = yield* listening((socket) => {
        socket.on("data", () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"token":'))
      })
      const over = (options: NodeHubHttp.Options, url: string) =>
        Effect.provide(
          login,
          Layer.provide(HubAuth.layer, [NodeHubHttp.layerWith(options), HubConfig.layer({ baseUrl: url })])
        ).pipe(Effect.flip)
      const [took, [headers, body, tls]] = yield* Effect.timed(
        Effect.all(
          [
            over({ headersTimeout: "30 millis" }, `http://127.0.0.1:${silent}`),
            over({ bodyTimeout: "30 millis" }, `http://127.0.0.1:${halting}`),
            over({ connectTimeout: "30 millis" }, `https://127.0.0.1:${silent}`)
          ],
          { concurrency: "unbounded" }
        )
      )
      for (const error of [headers, body]) {
        assert.deepInclude(error, { _tag: "TransportFailure", reason: "Reset", sent: true })
      }
      assert.deepInclude(tls, unsentBy("Connect"))
      // undici's timers are that coarse.
      assert.isBelow(Duration.toMillis(took), 5000)
    }).pipe(HubPolicy.with({ maxRetries: 0 }))
  )

  it.scopedLive("never follow a redirect", () =>
    Effect.gen(function* () {
      const port = yield* listening((socket) => {
        socket.on("data", () => socket.write("HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"))
      })
      const response = yield* Effect.provide(HttpClient.get(`http://127.0.0.1:${port}/`), NodeHubHttp.layerWith({}))
      assert.strictEqual(response.status, 302)
    })
  )
})

describe("options", () => {
  it.each<[string, NodeHubHttp.Options, RegExp]>([
    ["a proxy that is no URL", { httpsProxy: "http://grace:hunter2#x@proxy:3128" }, /^httpsProxy must be the URL/],
    ["a proxy with a path", { httpsProxy: "http://grace:12/hunter2@proxy:3128" }, /^httpsProxy must be the URL/],
    ["a proxy with a broken escape", { httpProxy: "http://grace:hunter2%zz@proxy:3128" }, /^httpProxy must be the URL/],
    ["a SOCKS proxy", { httpsProxy: "socks5://grace:hunter2@proxy:1080" }, /^httpsProxy .*SOCKS/],
    ["an empty proxy", { httpProxy: Redacted.make("") }, /^httpProxy must be the URL/],
    ["no connections", { maxConnections: 0 }, /^maxConnections must be a whole number/],
    ["NaN connections", { maxConnections: Number.NaN }, /^maxConnections must be/],
    ["half a connection", { maxConnections: 1.5 }, /^maxConnections must be/],
    ["a negative keep-alive", { keepAlive: -1 }, /^keepAlive must be a duration/],
    ["a NaN timeout", { headersTimeout: Number.NaN }, /^headersTimeout must be a duration/],
    ["a negative timeout in words", { bodyTimeout: "-1 seconds" }, /^bodyTimeout must be a duration/],
    ["a timeout of zero", { connectTimeout: 0 }, /^connectTimeout must be longer than zero/],
    ["a CA that is no PEM", { ca: "hunter2" }, /^ca must hold certificates in PEM form/],
    [
      "a CA that is broken",
      { ca: "-----BEGIN CERTIFICATE-----\nhunter2=\n-----END CERTIFICATE-----" },
      /^ca holds a certificate that cannot be read/
    ],
    [
      "a client certificate that is none",
      { clientCertificate: { certificate: "hunter2", key: client.key } },
      /^clientCertificate\.certificate must hold/
    ],
    [
      "a key that is none",
      { clientCertificate: { certificate: client.cert, key: "hunter2" } },
      /^clientCertificate\.key must hold a private key/
    ],
    [
      "a key that is broken",
      {
        clientCertificate: {
          certificate: client.cert,
          key: "-----BEGIN PRIVATE KEY-----\nhunter2=\n-----END PRIVATE KEY-----"
        }
      },
      /^clientCertificate\.key holds a private key that cannot be read/
    ],
    [
      "another's key",
      { clientCertificate: { certificate: client.cert, key: ca.key } },
      /^clientCertificate\.key does not belong/
    ],
    [
      "a locked key",
      { clientCertificate: { certificate: encryptedClient.cert, key: encryptedClient.key } },
      /^clientCertificate\.key is encrypted: give its passphrase as clientCertificate\.passphrase/
    ],
    [
      "a wrong passphrase",
      { clientCertificate: { certificate: encryptedClient.cert, key: encryptedClient.key, passphrase: "hunter2" } },
      /^clientCertificate\.key cannot be decrypted/
    ]
  ])("%s throws, and shows no secret", (_, options, expected) => {
    try {
      NodeHubHttp.layerWith(options)
      assert.fail("nothing was thrown")
    } catch (error) {
      assert.instanceOf(error, TypeError)
      assert.match((error as TypeError).message, expected)
      assert.notMatch(inspect(error), /hunter2/)
    }
  })

  it.scopedLive.each<[string, string]>([
    ["HTTPS_PROXY", "socks5://grace:hunter2@proxy:1080"],
    ["https_proxy", "http://grace:hunter2#x@proxy"],
    ["HTTP_PROXY", "http://grace:hunter2%@proxy"],
    ["DOCKERHUB_MAX_CONNECTIONS", "-1"],
    ["DOCKERHUB_MAX_CONNECTIONS", "many"],
    ["DOCKERHUB_KEEP_ALIVE", "-1 seconds"],
    ["DOCKERHUB_CONNECT_TIMEOUT", "10"],
    ["DOCKERHUB_HEADERS_TIMEOUT", "0 millis"],
    ["DOCKERHUB_BODY_TIMEOUT", "soon"],
    ["DOCKERHUB_CA_FILE", "/no/such/file.pem"],
    ["DOCKERHUB_CA_FILE", tmpdir()],
    ["DOCKERHUB_CLIENT_KEY_FILE", "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----"],
    ["DOCKERHUB_CLIENT_KEY_FILE", "-----BEGIN PRIVATE KEY----- hunter2"]
  ])("%s=%j is a ConfigError that names it, and shows no secret", ([name, value]) =>
    Effect.gen(function* () {
      const error = yield* configError({ [name]: value })
      assert.match(error, new RegExp(`Invalid data at ${name}: "${name} `))
      assert.notMatch(error, /hunter2/)
    })
  )

  it.scopedLive("a file that is not what it should be is named, with what to do", () =>
    Effect.gen(function* () {
      const der = yield* file("ca.der", "\u0000\u0001")
      assert.include(
        yield* configError({ DOCKERHUB_CA_FILE: der }),
        `DOCKERHUB_CA_FILE (${der}) must hold certificates in PEM form`
      )
      assert.include(yield* configError({ DOCKERHUB_CA_FILE: "/none" }), "names /none, which cannot be read (ENOENT)")
      const certificate = yield* file("client.pem", encryptedClient.cert)
      assert.include(
        yield* configError({ DOCKERHUB_CLIENT_CERT_FILE: certificate }),
        `DOCKERHUB_CLIENT_KEY_FILE is missing: DOCKERHUB_CLIENT_CERT_FILE (${certificate}) is given`
      )
      const key = yield* file("client.key", encryptedClient.key)
      assert.include(
        yield* configError({ DOCKERHUB_CLIENT_KEY_FILE: key }),
        `DOCKERHUB_CLIENT_CERT_FILE is missing: DOCKERHUB_CLIENT_KEY_FILE (${key}) is given`
      )
      const both = { DOCKERHUB_CLIENT_CERT_FILE: certificate, DOCKERHUB_CLIENT_KEY_FILE: key }
      assert.include(
        yield* configError(both),
        `DOCKERHUB_CLIENT_KEY_FILE (${key}) is encrypted: give its passphrase as DOCKERHUB_CLIENT_KEY_PASSPHRASE`
      )
      const wrong = yield* configError({ ...both, DOCKERHUB_CLIENT_KEY_PASSPHRASE: "hunter2" })
      assert.include(wrong, "cannot be decrypted: DOCKERHUB_CLIENT_KEY_PASSPHRASE is not its passphrase")
      assert.notInclude(wrong, "hunter2")
    })
  )

  it.scopedLive("the lower-case spelling wins, an empty variable is none, HTTP_PROXY is not for https", () =>
    Effect.gen(function* () {
      const hub = yield* secureHub(hubCertificate)
      const forward = yield* proxy()
      const here = `http://127.0.0.1:${forward.port}`
      const nowhere = `http://127.0.0.1:${yield* freePort}`
      const base = { DOCKERHUB_CA_FILE: yield* file("ca.pem", ca.cert), DOCKERHUB_KEEP_ALIVE: "" }
      yield* loginOver(withEnvironment({ ...base, https_proxy: here, HTTPS_PROXY: nowhere }), hub.port)
      yield* loginOver(withEnvironment({ ...base, https_proxy: " ", HTTPS_PROXY: here }), hub.port)
      assert.strictEqual(forward.seen.length, 2)
      const error = yield* failure(withEnvironment({ ...base, HTTP_PROXY: here }), 443, `${"x".repeat(64)}.test`)
      assert.deepInclude(error, unsentBy("Connect"))
      assert.strictEqual(forward.seen.length, 2)
    })
  )
})

it.scopedLive("no proxy password, key or passphrase is in an error, a log or the layer's objects", () =>
  Effect.gen(function* () {
    const forward = yield* proxy({ status: 407 })
    const shown: Array<unknown> = []
    const logger = Logger.make(({ annotations, cause, message }) => void shown.push(annotations, cause, message))
    const options = {
      httpsProxy: `http://${USERINFO}@127.0.0.1:${forward.port}`,
      httpProxy: `http://${USERINFO}@127.0.0.1:${forward.port}`,
      clientCertificate: { certificate: encryptedClient.cert, key: encryptedClient.key, passphrase: PASSPHRASE }
    }
    yield* Effect.gen(function* () {
      const http = NodeHubHttp.layerWith(options)
      shown.push(http, yield* Layer.build(http), yield* Effect.exit(loginOver(http, 443)))
      // The platform's own client, with an error that HubAuth would not hand on.
      const exit = yield* Effect.exit(Effect.provide(HttpClient.get(`https://${HOST}/`), http))
      shown.push(exit)
      yield* Effect.logError("it failed", exit)
      const plain = yield* Effect.provide(HttpClient.get(`http://${HOST}:1/`), http)
      shown.push(plain)
    }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)), Logger.withMinimumLogLevel(LogLevel.All))
    const all = shown
      .map((each) => inspect(each, { depth: Number.POSITIVE_INFINITY, showHidden: true }) + JSON.stringify(each))
      .join("\n")
    assert.isAbove(all.length, 1000)
    const body = encryptedClient.key.split("\n")[1] ?? ""
    for (const secret of [SECRET, encodeURIComponent(SECRET), BASIC.slice("Basic ".length), PASSPHRASE, body]) {
      assert.notInclude(all, secret)
    }
  })
)
