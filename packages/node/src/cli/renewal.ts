// Where the credentials for another login come from: the environment, Docker's config, a person.
import type * as Credentials from "@effect-dockerhub/core/Credentials"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as DockerConfig from "../DockerConfig.ts"
import { mayHaveDockersCredentials } from "../internal/dockersHub.ts"
import { NotLoggedIn } from "./errors.ts"
import type { UsageError } from "./errors.ts"
import * as Prompt from "./prompt.ts"
import type { Login } from "./rememberedLogin.ts"
import * as Who from "./who.ts"

export interface Renewal {
  readonly credentials: Credentials.Credentials
  readonly baseUrl: string
  readonly source: "environment" | "docker" | "prompt"
}

/** The credentials for the one who is logged in, or, where nobody is, for whoever the environment or Docker names. */
export const find = (
  login: Option.Option<Login>
): Effect.Effect<Renewal, ConfigError | DockerConfig.DockerConfigError | NotLoggedIn | UsageError> =>
  Effect.gen(function* () {
    const hub = yield* Who.hubOfEnvironment
    const environment = yield* Who.credentialsOfEnvironment
    if (Option.isSome(environment)) return { credentials: environment.value, baseUrl: hub, source: "environment" }
    const baseUrl = Option.match(login, { onNone: () => hub, onSome: (found) => found.baseUrl })
    const docker = mayHaveDockersCredentials(new URL(baseUrl)) ? yield* dockers(login) : Option.none()
    if (Option.isSome(docker)) return { credentials: docker.value, baseUrl, source: "docker" }
    if (Option.isNone(login)) {
      return yield* new NotLoggedIn({ reason: "nobody is, and neither the environment nor Docker has credentials" })
    }
    if (!Prompt.isPossible()) {
      return yield* new NotLoggedIn({
        reason: `the session of ${login.value.account} is over, and there is neither a secret for another nor a terminal to ask on`
      })
    }
    const credentials = yield* Prompt.credentials(login.value.account)
    return { credentials, baseUrl, source: "prompt" }
  })

/** Docker's credentials, if they are for this account. Trouble with them matters only to those who have nothing else. */
const dockers = (
  login: Option.Option<Login>
): Effect.Effect<Option.Option<Credentials.Credentials>, DockerConfig.DockerConfigError> =>
  DockerConfig.credentials.pipe(
    Effect.asSome,
    Effect.catchIf(
      ({ reason }) => reason === "NoEntry",
      () => Effect.succeed(Option.none<Credentials.Credentials>())
    ),
    Effect.catchAll((error) =>
      Option.isSome(login)
        ? Effect.as(Effect.logWarning(error.message), Option.none<Credentials.Credentials>())
        : Effect.fail(error)
    ),
    Effect.map(Option.filter((found) => Option.isNone(login) || isSame(Who.accountOf(found), login.value.account)))
  )

const isSame = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase()
