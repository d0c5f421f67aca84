// Behind a company's proxy: what to say to get through it, what it sees of a login, and what it looks like when it refuses.
import { createServer, request as ask } from "node:http"
import type { AddressInfo } from "node:net"
import { Credentials, HubAuth, HubConfig } from "@effect-dockerhub/core"
import { HubEmulatorServer, NodeHubHttp } from "@effect-dockerhub/node"
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Redacted } from "effect"

const badge = `Basic ${Buffer.from("grace:opensesame").toString("base64")}`

/** The proxy: who shows the right credentials has the request carried on. Real ones tunnel https with CONNECT. */
const server = createServer((request, response) => {
  const { "proxy-authorization": shown, ...headers } = request.headers
  console.log(`  the proxy: ${request.method} ${request.url} ${shown === badge ? "from grace" : "from a stranger"}`)
  if (shown !== badge) return response.writeHead(407, { "proxy-authenticate": "Basic" }).end()
  const onward = ask(request.url ?? "", { method: request.method, headers }, (answer) =>
    answer.pipe(response.writeHead(answer.statusCode ?? 502, answer.headers))
  )
  return request.pipe(onward)
})

const proxy = Effect.acquireRelease(
  Effect.async<number>((resume) => {
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
  }),
  () => Effect.sync(() => server.close().closeAllConnections())
)

const program = Effect.gen(function* () {
  const { url } = yield* HubEmulatorServer.HubEmulatorServer
  const address = `127.0.0.1:${yield* proxy}`

  const login = (name: string, httpProxy: Redacted.Redacted<string>) => {
    const http = NodeHubHttp.layerWith({
      httpProxy,
      // This machine is reached without a proxy, unless told otherwise: only an example wants that.
      noProxy: [],
      connectTimeout: "3 seconds"
    })
    return HubAuth.login(Credentials.password("ada", "correct horse battery staple")).pipe(
      Effect.match({ onFailure: (error) => error.message, onSuccess: () => "logged in" }),
      Effect.flatMap((outcome) => Console.log(`${name}: ${outcome}`)),
      Effect.provide(Layer.provide(HubAuth.layer, [http, HubConfig.layer({ baseUrl: url })]))
    )
  }

  yield* login("with credentials", Redacted.make(`http://grace:opensesame@${address}`))
  yield* login("without", Redacted.make(`http://${address}`))
  // The same from HTTPS_PROXY, HTTP_PROXY, NO_PROXY and DOCKERHUB_CA_FILE: NodeHubHttp.layerConfig.
})

program.pipe(
  Effect.scoped,
  Effect.provide(
    HubEmulatorServer.layer({ accounts: [{ username: "ada", password: "correct horse battery staple" }] })
  ),
  NodeRuntime.runMain
)
