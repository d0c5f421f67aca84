// The library as the command uses it: one Hub, HTTP and second factor from the environment, sessions in the user's store.
import * as HubAuth from "@effect-dockerhub/core/HubAuth"
import type * as HubConfig from "@effect-dockerhub/core/HubConfig"
import * as SecondFactor from "@effect-dockerhub/core/SecondFactor"
import type * as HttpClient from "@effect/platform/HttpClient"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as NodeHubHttp from "../NodeHubHttp.ts"
import * as NodeSecondFactor from "../NodeSecondFactor.ts"
import type { Hold } from "./terminal.ts"
import * as Who from "./who.ts"

export interface Options {
  readonly baseUrl: string
  /** A code that was given, and is the only one there will be. */
  readonly code: Option.Option<Redacted.Redacted<string>>
  /** What keeps the spinner away from a prompt. */
  readonly hold: Hold
}

/** HTTP and the address of a Hub. */
export const connection = (baseUrl: string): Layer.Layer<HttpClient.HttpClient | HubConfig.HubConfig, ConfigError> =>
  Layer.merge(NodeHubHttp.layerConfig, Who.hubConfigOf(baseUrl))

/** Logins at a Hub. */
export const layer = ({ baseUrl, code, hold }: Options): Layer.Layer<HubAuth.HubAuth, ConfigError> =>
  HubAuth.layer.pipe(Layer.provide(Layer.merge(connection(baseUrl), secondFactor(code, hold))))

const secondFactor = (code: Options["code"], hold: Hold): Layer.Layer<SecondFactor.SecondFactor, ConfigError> => {
  if (Option.isSome(code)) {
    return SecondFactor.layer(SecondFactor.fromEffect(() => Effect.succeed(code.value), { interactive: false }))
  }
  return Layer.effect(
    SecondFactor.SecondFactor,
    Effect.map(SecondFactor.SecondFactor, (found) => {
      if (found._tag === "Codes") return found
      const { terminal } = NodeSecondFactor
      return terminal._tag === "None" ? terminal : { ...terminal, code: (request) => hold(terminal.code(request)) }
    })
  ).pipe(Layer.provide(SecondFactor.layerConfig))
}
