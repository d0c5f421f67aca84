// hub-auth token: print a good bearer, after another login where it must be.
import * as HubSession from "@effect-dockerhub/core/HubSession"
import type * as SessionStore from "@effect-dockerhub/core/SessionStore"
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { storeWithDockersToken } from "../../internal/dockersToken.ts"
import * as NodeSessionStore from "../../NodeSessionStore.ts"
import * as Hub from "../hub.ts"
import type { Login } from "../rememberedLogin.ts"
import * as Renewal from "../renewal.ts"
import { whileWaiting } from "../terminal.ts"
import { asJson } from "../warmToken.ts"
import * as Who from "../who.ts"
import { json, verbose } from "./shared.ts"

const run = ({ json }: { readonly json: boolean }) =>
  Effect.gen(function* () {
    const login = yield* Who.whoever
    const stored = Option.isSome(login) ? yield* storedOrWarning(login.value) : Option.none()
    if (Option.isSome(login) && Option.isSome(stored)) return yield* print(json, login.value, stored.value)
    const renewal = yield* Renewal.find(login)
    yield* Effect.logDebug(`logging in to ${renewal.baseUrl} with credentials from: ${renewal.source}`)
    const { expiresAt, value } = yield* whileWaiting("Asking Docker Hub for a token", (hold) =>
      HubSession.token.pipe(
        Effect.provide(
          Layer.provide(sessionOf(renewal), Hub.layer({ baseUrl: renewal.baseUrl, code: Option.none(), hold }))
        )
      )
    )
    const renewed = Who.loginOf(renewal.baseUrl, renewal.credentials)
    // Whoever the environment names is not logged in for longer than it does.
    if (renewal.source !== "environment" && !Option.exists(login, ({ key }) => key === renewed.key)) {
      yield* Effect.catchAll(Who.remember(renewed), (error) => Effect.logWarning(error))
    }
    yield* print(json, renewed, { value, expiresAt: Option.getOrNull(expiresAt) })
  })

/** With Docker's credentials, the token that Docker keeps beside them is as good as a login. */
const sessionOf = ({ baseUrl, credentials, source }: Renewal.Renewal) =>
  source === "docker"
    ? Layer.provide(HubSession.layer({ credentials }), Layer.provide(storeWithDockersToken, Who.hubConfigOf(baseUrl)))
    : HubSession.layer({ credentials })

/** A store that cannot be read is no reason to print no token. */
const storedOrWarning = (login: Login) =>
  Effect.catchAll(Who.storedToken(login), (error) =>
    Effect.as(Effect.logWarning(error.message), Option.none<SessionStore.Token>())
  )

const print = (
  isJson: boolean,
  login: Login,
  token: { readonly value: Redacted.Redacted<string>; readonly expiresAt: DateTime.Utc | null }
): Effect.Effect<void> => {
  const value = Redacted.value(token.value)
  const expiresAt = token.expiresAt === null ? null : DateTime.formatIso(token.expiresAt)
  return Console.log(isJson ? asJson(login, { value, expiresAt }) : value)
}

export const token = Command.make("token", { json, verbose }, run).pipe(
  Command.provide(NodeSessionStore.layer),
  Command.withDescription(
    'Print a good bearer, renewing it if it must: curl -H "Authorization: Bearer $(hub-auth token)"'
  )
)
