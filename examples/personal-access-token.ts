// Log in with access tokens, a person's and an organization's: no second factor, and fewer rights.
import type { AccessToken } from "@effect-dockerhub/core"
import { Credentials, HubAuth } from "@effect-dockerhub/core"
import { HubEmulator } from "@effect-dockerhub/core/testing"
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Option } from "effect"

const PAT = "dckr_pat_an-example-of-27-characters"
const OAT = "dckr_oat_an-example-of-27-characters"

const get = (path: string, token: AccessToken.AccessToken) =>
  HttpClientRequest.get(`https://hub.docker.com${path}`).pipe(
    HttpClientRequest.bearerToken(token.value),
    HttpClient.execute,
    Effect.flatMap(({ status }) => Console.log(`  GET ${path}: ${status}`)),
    Effect.scoped
  )

const program = Effect.gen(function* () {
  // `fromSecret` tells the kind by the prefix; an organization's token goes with the organization's name.
  for (const [name, secret] of [
    ["grace", PAT],
    ["acme", OAT]
  ] as const) {
    const credentials = Credentials.fromSecret(name, secret)
    const token = yield* HubAuth.authenticate(credentials)
    const scope = Option.flatMapNullable(token.claims, (claims) => claims.scope)
    yield* Console.log(`${credentials._tag}: a bearer with scope ${Option.getOrElse(scope, () => "(none told)")}`)
    yield* get(`/v2/namespaces/${name}/repositories/compiler/tags`, token)
    // Docker denies a bearer made from an access token the management of access tokens: it would go round 2FA.
    yield* get("/v2/access-tokens", token)
  }

  // The old login endpoint knows persons only; the type of `HubAuth.login` says so, and the server as well.
  const error = yield* Effect.flip(HubAuth.login(Credentials.personalAccessToken("acme", OAT)))
  yield* Console.log(`an organization's token at /v2/users/login: ${error._tag}: ${error.message}`)
})

const emulator = HubEmulator.layer({
  accounts: [{ username: "grace", password: "unused", personalAccessTokens: [{ token: PAT, scopes: ["repo:read"] }] }],
  organizations: [{ name: "acme", accessTokens: [{ token: OAT }] }],
  repositories: [
    { namespace: "grace", name: "compiler", private: true },
    { namespace: "acme", name: "compiler", private: true }
  ]
})

program.pipe(Effect.provide(Layer.provideMerge(HubAuth.layer, emulator)), NodeRuntime.runMain)
