// hub-auth login: log in, keep the token, and remember who it was.
import * as Credentials from "@effect-dockerhub/core/Credentials"
import * as HubAuth from "@effect-dockerhub/core/HubAuth"
import * as SessionStore from "@effect-dockerhub/core/SessionStore"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as AccessToken from "@effect-dockerhub/core/AccessToken"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as NodeSessionStore from "../../NodeSessionStore.ts"
import { UsageError } from "../errors.ts"
import * as Hub from "../hub.ts"
import type { Login } from "../rememberedLogin.ts"
import * as RememberedLogin from "../rememberedLogin.ts"
import { result, seconds } from "../output.ts"
import * as Prompt from "../prompt.ts"
import { whileWaiting } from "../terminal.ts"
import * as Who from "../who.ts"
import { json, verbose } from "./shared.ts"

const options = {
  username: Options.text("username").pipe(
    Options.withAlias("u"),
    Options.withDescription("A Docker ID, or the organization of an organization access token"),
    Options.optional
  ),
  passwordStdin: Options.boolean("password-stdin").pipe(
    Options.withDescription("Read the password or access token from stdin; one line end after it is cut off")
  ),
  code: Options.text("code").pipe(
    Options.withDescription("The two-factor code; else DOCKERHUB_TOTP_SECRET, else the terminal"),
    Options.map(Redacted.make),
    Options.optional
  ),
  json,
  verbose
}

interface Given {
  readonly username: Option.Option<string>
  readonly passwordStdin: boolean
  readonly code: Option.Option<Redacted.Redacted<string>>
  readonly json: boolean
}

const run = (given: Given) =>
  Effect.gen(function* () {
    const baseUrl = yield* Who.hubOfEnvironment
    const credentials = yield* credentialsOf(given)
    const login = Who.loginOf(baseUrl, credentials)
    const before = yield* Who.remembered
    yield* Effect.logDebug(`logging in to ${baseUrl} as ${login.account} (${login.kind})`)
    const token = yield* whileWaiting("Logging in", (hold) =>
      Effect.provide(HubAuth.authenticate(credentials), Hub.layer({ baseUrl, code: given.code, hold }))
    )
    yield* keep(login, token)
    yield* Effect.forEach(Option.toArray(Option.filter(before, ({ key }) => key !== login.key)), forgetSession)
    const left = yield* AccessToken.timeToLive(token)
    const lives = Option.match(left, {
      onNone: () => "",
      onSome: (time) => `; the token lives ${Duration.format(seconds(time))}`
    })
    yield* result(given.json, `Logged in to ${baseUrl} as ${login.account}${lives}.`, {
      account: login.account,
      kind: login.kind,
      baseUrl,
      expiresAt: Option.getOrNull(Option.map(token.expiresAt, DateTime.formatIso))
    })
  })

/** Of a token that does not say, sessions think the same. */
const FALLBACK_LIFETIME = Duration.minutes(5)

const keep = (login: Login, { clockSkew, expiresAt, value }: AccessToken.AccessToken) =>
  Effect.gen(function* () {
    const store = yield* SessionStore.SessionStore
    const now = yield* Clock.currentTimeMillis
    const end = Option.getOrElse(expiresAt, () =>
      DateTime.unsafeMake(now + clockSkew + Duration.toMillis(FALLBACK_LIFETIME))
    )
    yield* store.write(login.key, new SessionStore.Token({ value, clockSkew, expiresAt: end }))
    yield* Who.remember(login)
  })

/** Nobody asks for it any more; if it stays, it ends by itself. */
const forgetSession = ({ key }: Login) =>
  Effect.flatMap(SessionStore.SessionStore, (store) => Effect.ignore(store.remove(key)))

const credentialsOf = ({ passwordStdin, username }: Given) =>
  Effect.gen(function* () {
    if (Option.isSome(username) && RememberedLogin.isInEnvironment(process.env)) {
      yield* Effect.logWarning("the DOCKERHUB_… variables come first: hub-auth token will use them, not this login")
    }
    if (passwordStdin) {
      const name = Option.filter(username, (found) => found.trim() !== "")
      if (Option.isNone(name)) {
        return yield* new UsageError({ message: "--password-stdin needs to know whose it is: add --username." })
      }
      return Credentials.fromSecret(name.value, yield* Prompt.secretFromStdin)
    }
    const environment = Option.isNone(username) ? yield* Who.credentialsOfEnvironment : Option.none()
    if (Option.isSome(environment)) return environment.value
    if (!Prompt.isPossible()) {
      return yield* new UsageError({
        message:
          "There is no terminal to ask on: give --username and --password-stdin, or set DOCKERHUB_USERNAME with DOCKERHUB_PASSWORD or DOCKERHUB_TOKEN."
      })
    }
    return yield* Prompt.credentials(Option.getOrUndefined(username))
  })

export const login = Command.make("login", options, run).pipe(
  Command.provide(NodeSessionStore.layer),
  Command.withDescription("Log in to Docker Hub, with a second factor where the account has one, and keep the token")
)
