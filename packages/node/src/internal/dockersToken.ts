// A session store that also knows the access token `docker login` keeps, so that no login is made while it is good.
import * as HubConfig from "@effect-dockerhub/core/HubConfig"
import * as SessionStore from "@effect-dockerhub/core/SessionStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as DockerConfig from "../DockerConfig.ts"
import { DOCKERS_HUB } from "./dockersHub.ts"

/** The store in context, or else one in memory, with Docker's token where it has nothing of its own. */
export const storeWithDockersToken: Layer.Layer<SessionStore.SessionStore> = Layer.effect(
  SessionStore.SessionStore,
  Effect.gen(function* () {
    const shared = yield* Effect.serviceOption(SessionStore.SessionStore)
    const store = Option.isSome(shared) ? shared.value : yield* SessionStore.makeMemory
    const { baseUrl } = yield* HubConfig.HubConfig
    // The token is for this Hub; another one must not see it.
    if (baseUrl.origin !== DOCKERS_HUB) return store
    return {
      // One by one: a store that is a class has its methods elsewhere than on itself.
      write: (key, entry) => store.write(key, entry),
      remove: (key) => store.remove(key),
      exclusively: (key) => store.exclusively(key),
      read: (key) =>
        Effect.flatMap(store.read(key), (entry) => (Option.isSome(entry) ? Effect.succeed(entry) : dockersToken))
    }
  })
)

const dockersToken: Effect.Effect<Option.Option<SessionStore.StoredToken>> = DockerConfig.accessToken.pipe(
  // A configuration that cannot be read is told of where the credentials are read.
  Effect.orElseSucceed(Option.none),
  Effect.map((found) =>
    Option.flatMap(found, ({ clockSkew, expiresAt, value }) =>
      Option.map(expiresAt, (end) => new SessionStore.Token({ value, expiresAt: end, clockSkew }))
    )
  )
)
