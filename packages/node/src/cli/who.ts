// Who the command works for: whoever the environment names, else whoever logged in last.
import * as Credentials from "@effect-dockerhub/core/Credentials"
import * as HubConfig from "@effect-dockerhub/core/HubConfig"
import * as SessionStore from "@effect-dockerhub/core/SessionStore"
import { SessionStoreError } from "@effect-dockerhub/core/AuthError"
import * as Clock from "effect/Clock"
import type { ConfigError } from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Path from "node:path"
import * as PrivateFile from "../internal/privateFile.ts"
import { stateDirectory } from "../internal/stateDirectory.ts"
import type { Login } from "./rememberedLogin.ts"
import * as RememberedLogin from "./rememberedLogin.ts"

/** The account that credentials are for. */
export const accountOf = (credentials: Credentials.Credentials): string =>
  (credentials._tag === "OrganizationAccessToken" ? credentials.organization : credentials.username).trim()

/** The login that credentials make. */
export const loginOf = (baseUrl: string, credentials: Credentials.Credentials): Login => {
  const account = accountOf(credentials)
  const token = credentials._tag === "Password" ? "" : Redacted.value(credentials.token)
  const key = RememberedLogin.keyOf(baseUrl, credentials._tag, account, token)
  return { key, baseUrl, kind: credentials._tag, account }
}

/** The Hub of the environment: that of `DOCKERHUB_URL`, else the real one. */
export const hubOfEnvironment: Effect.Effect<string, ConfigError> = Effect.map(
  HubConfig.HubConfig,
  ({ baseUrl }) => baseUrl.origin
).pipe(Effect.provide(HubConfig.layerConfig))

/** The Hub of a login, checked as one from the environment would be: the file it comes from may have been changed. */
export const hubConfigOf = (baseUrl: string): Layer.Layer<HubConfig.HubConfig, ConfigError> =>
  Layer.effect(
    HubConfig.HubConfig,
    // Around this effect only: as a layer the provider would leak to whatever is built beside it.
    HubConfig.HubConfig.pipe(
      Effect.provide(HubConfig.layerConfig),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["DOCKERHUB_URL", baseUrl]])))
    )
  )

/** The credentials in the environment; half of some is an error, not a reason to look elsewhere. */
export const credentialsOfEnvironment: Effect.Effect<
  Option.Option<Credentials.Credentials>,
  ConfigError
> = Effect.suspend(() =>
  RememberedLogin.isInEnvironment(process.env) ? Effect.map(Credentials.config, Option.some) : Effect.succeedNone
)

/** Whoever logged in last at the Hub in question. */
export const remembered: Effect.Effect<Option.Option<Login>, ConfigError | SessionStoreError> = Effect.suspend(() =>
  Effect.zipRight(
    hubOfEnvironment,
    onFile("read", (directory) => RememberedLogin.read(directory, RememberedLogin.hubOfEnvironment(process.env)))
  )
).pipe(Effect.map(Option.fromNullable))

/** The keys of all tokens on this machine. */
export const storedKeys: Effect.Effect<ReadonlyArray<string>, ConfigError | SessionStoreError> = Effect.suspend(() =>
  onFile("read", RememberedLogin.keys)
)

/** Whoever the environment names, else whoever logged in last. */
export const whoever: Effect.Effect<Option.Option<Login>, ConfigError | SessionStoreError> = Effect.gen(function* () {
  const baseUrl = yield* hubOfEnvironment
  const credentials = yield* credentialsOfEnvironment
  return Option.isSome(credentials) ? Option.some(loginOf(baseUrl, credentials.value)) : yield* remembered
})

/** The token that is stored for a login, while it is good; within 5 s of its end it no longer is. */
export const storedToken = (
  login: Login
): Effect.Effect<Option.Option<SessionStore.Token>, SessionStoreError, SessionStore.SessionStore> =>
  Effect.gen(function* () {
    const store = yield* SessionStore.SessionStore
    const entry = yield* store.read(login.key)
    const now = yield* Clock.currentTimeMillis
    return Option.filter(
      entry,
      (found): found is SessionStore.Token =>
        found._tag === "Token" && now + found.clockSkew < DateTime.toEpochMillis(found.expiresAt) - 5000
    )
  })

/** Remember who is logged in. */
export const remember = (login: Login): Effect.Effect<void, ConfigError | SessionStoreError> =>
  onFile("write", (directory, signal) => RememberedLogin.write(directory, login, signal))

/** Remember nobody. */
export const forget: Effect.Effect<void, ConfigError | SessionStoreError> = onFile("remove", RememberedLogin.forget)

function onFile<A>(
  operation: SessionStoreError["operation"],
  step: (directory: string, signal: AbortSignal) => Promise<A>
): Effect.Effect<A, ConfigError | SessionStoreError> {
  return Effect.flatMap(stateDirectory(RememberedLogin.NAME), (directory) =>
    Effect.tryPromise({
      try: (signal) => step(directory, signal),
      catch: (error) =>
        new SessionStoreError({
          operation,
          reason: PrivateFile.explain(error, Path.join(directory, RememberedLogin.FILE))
        })
    })
  )
}
