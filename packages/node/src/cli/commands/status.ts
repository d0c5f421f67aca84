// hub-auth status: who is logged in, for how long, and what the rate limit leaves.
import * as HubClient from "@effect-dockerhub/core/HubClient"
import * as HubPolicy from "@effect-dockerhub/core/HubPolicy"
import * as HubSession from "@effect-dockerhub/core/HubSession"
import * as RateLimit from "@effect-dockerhub/core/RateLimit"
import type * as SessionStore from "@effect-dockerhub/core/SessionStore"
import * as Command from "@effect/cli/Command"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as NodeSessionStore from "../../NodeSessionStore.ts"
import { NotLoggedIn } from "../errors.ts"
import * as Hub from "../hub.ts"
import { result, seconds } from "../output.ts"
import type { Login } from "../rememberedLogin.ts"
import { whileWaiting } from "../terminal.ts"
import * as Who from "../who.ts"
import { json, verbose } from "./shared.ts"

const run = ({ json }: { readonly json: boolean }) =>
  Effect.gen(function* () {
    const login = yield* Effect.flatMap(Who.whoever, (found) =>
      Effect.orElseFail(found, () => new NotLoggedIn({ reason: "there is no session" }))
    )
    const token = yield* Who.storedToken(login)
    const left = Option.isSome(token) ? yield* timeLeft(token.value) : Duration.zero
    const limit = Option.isSome(token) ? yield* rateLimit(login, token.value) : Option.none()
    const lines = [
      `${login.account} at ${login.baseUrl} (${login.kind})`,
      Option.isSome(token)
        ? `token: ${Duration.format(left)} left`
        : "token: none that is still good; hub-auth token gets another",
      Option.match(limit, {
        onNone: () => "rate limit: not known",
        onSome: ({ limit, remaining, resetAt }) =>
          `rate limit: ${remaining} of ${limit} left, until ${DateTime.formatIso(resetAt)}`
      })
    ]
    yield* result(json, lines.join("\n"), {
      account: login.account,
      kind: login.kind,
      baseUrl: login.baseUrl,
      secondsLeft: Duration.toSeconds(left),
      rateLimit: Option.getOrNull(
        Option.map(limit, ({ limit, remaining, resetAt }) => ({
          limit,
          remaining,
          resetAt: DateTime.formatIso(resetAt)
        }))
      )
    })
  })

const timeLeft = ({ clockSkew, expiresAt }: SessionStore.Token): Effect.Effect<Duration.Duration> =>
  Effect.map(Clock.currentTimeMillis, (now) =>
    seconds(Duration.millis(DateTime.toEpochMillis(expiresAt) - clockSkew - now))
  )

/** A status is no place to wait for: it says what it can. */
const IMPATIENT = { attemptTimeout: "3 seconds", deadline: "3 seconds", maxRetries: 0 } as const

/** What one small request with this very token is told; it is never renewed here. */
const rateLimit = (login: Login, { value }: SessionStore.Token) =>
  whileWaiting("Asking Docker Hub for the rate limit", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient.HubClient
      const response = yield* hub.get(`/v2/namespaces/${encodeURIComponent(login.account)}/repositories?page_size=1`)
      yield* Effect.ignore(response.text)
      return RateLimit.fromHeaders(response.headers, yield* DateTime.now)
    }).pipe(
      Effect.provide(
        Layer.provide(HubClient.layer, Layer.merge(HubSession.layerToken(value), Hub.connection(login.baseUrl)))
      ),
      HubPolicy.with(IMPATIENT),
      Effect.catchTag(
        "InvalidCredentials",
        () => new NotLoggedIn({ reason: "Docker Hub refuses the token that is stored" })
      ),
      // Only its kind: what the platform says of a request holds the bearer.
      Effect.catchIf(
        (error) => error._tag !== "NotLoggedIn" && error._tag !== "ConfigError",
        (error) => Effect.as(Effect.logWarning(`the rate limit could not be asked for: ${error._tag}`), Option.none())
      )
    )
  )

export const status = Command.make("status", { json, verbose }, run).pipe(
  Command.provide(NodeSessionStore.layer),
  Command.withDescription("Say who is logged in, how long the token lives and what the rate limit leaves")
)
