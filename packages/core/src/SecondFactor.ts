// SecondFactor: where a two-factor code comes from when Docker Hub asks for one.
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { Secret, TOTP } from "otpauth"
import type { SecondFactorUnavailable } from "./AuthError.ts"
import { heldBy } from "./internal/heldBy.ts"
import { wrap } from "./internal/secret.ts"
import { skew } from "./internal/serverClock.ts"

/**
 * What a second factor is told when it is asked for a code.
 *
 * @since 0.1.0
 * @category models
 */
export interface SecondFactorRequest {
  /** 1 for the first code of a login, and one more after each that was refused. */
  readonly attempt: number
  /** The code that was refused last. */
  readonly rejected: Option.Option<Redacted.Redacted<string>>
  /** What the server said. */
  readonly detail: string
  /** The server's clock a moment ago, for codes that depend on the time. */
  readonly serverTime: Option.Option<DateTime.Utc>
}

/**
 * Nothing to ask, or something that hands out codes.
 *
 * @since 0.1.0
 * @category models
 */
export type Service =
  | { readonly _tag: "None" }
  | {
      readonly _tag: "Codes"
      /** Whether a person is asked: then up to three times a login and never in the background; else up to twice. */
      readonly interactive: boolean
      readonly code: (request: SecondFactorRequest) => Effect.Effect<Redacted.Redacted<string>, SecondFactorUnavailable>
    }

/**
 * No second factor: a login that needs one fails with `TwoFactorRequired`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const none: Service = { _tag: "None" }

/**
 * The second factor in use, `none` unless another is provided. The one around a call wins over the one `HubAuth` was
 * built with.
 *
 * @since 0.1.0
 * @category references
 */
export class SecondFactor extends Context.Reference<SecondFactor>()("@effect-dockerhub/core/SecondFactor", {
  defaultValue: (): Service => none
}) {}

/**
 * Codes from an effect of your own: a prompt, a chat bot, a vault. White space in a code is removed before it is sent.
 * Set `interactive` to `false` (default `true`) when no person is asked.
 *
 * @example
 * ```ts
 * import { SecondFactor } from "@effect-dockerhub/core"
 * import { Effect } from "effect"
 *
 * const fixed = SecondFactor.fromEffect(() => Effect.succeed("123 456"), { interactive: false })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromEffect = (
  code: (request: SecondFactorRequest) => Effect.Effect<string | Redacted.Redacted<string>, SecondFactorUnavailable>,
  options?: { readonly interactive?: boolean }
): Service => ({
  _tag: "Codes",
  interactive: options?.interactive ?? true,
  code: (request) => Effect.map(code(request), wrap)
})

/**
 * How an authenticator app computes codes; the defaults are those Docker uses.
 *
 * @since 0.1.0
 * @category models
 */
export interface TotpOptions {
  /** Digits of a code. Default 6. */
  readonly digits?: number
  /** Seconds a code is valid for. Default 30. */
  readonly period?: number
  /** Default SHA1. */
  readonly algorithm?: "SHA1" | "SHA256" | "SHA512"
}

/**
 * The codes of an authenticator app (RFC 6238), computed from its base32 seed, for logins nobody watches. The seed may
 * be grouped by spaces or hyphens. One value hands out the code of each period once, to however many fibers and logins
 * ask, and waits for the next period where it must: keep one value for one seed. Throws a `TypeError` for a seed that is
 * none.
 *
 * @example
 * ```ts
 * import { SecondFactor } from "@effect-dockerhub/core"
 *
 * const secondFactor = SecondFactor.totp("JBSW Y3DP EHPK 3PXP")
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const totp = (seed: string | Redacted.Redacted<string>, options?: TotpOptions): Service =>
  Either.getOrThrowWith(checkTotp(seed, options), (reason) => new TypeError(reason))

/**
 * A second factor as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (secondFactor: Service): Layer.Layer<SecondFactor> => Layer.succeed(SecondFactor, secondFactor)

/**
 * `totp` with the seed in `DOCKERHUB_TOTP_SECRET`, else `none`; empty counts as missing. Fails with a `ConfigError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<SecondFactor, ConfigError.ConfigError> = Layer.effect(
  SecondFactor,
  Config.redacted("DOCKERHUB_TOTP_SECRET").pipe(
    Config.withDefault(Redacted.make("")),
    Config.mapOrFail((seed) =>
      Redacted.value(seed) === ""
        ? Either.right(none)
        : Either.mapLeft(checkTotp(seed), (reason) =>
            ConfigError.InvalidData(["DOCKERHUB_TOTP_SECRET"], `DOCKERHUB_TOTP_SECRET: ${reason}`)
          )
    )
  )
)

/**
 * The second factor of one call: the caller's where its context really holds one, else the captured one.
 *
 * @internal
 */
export const resolve = (captured: Service, caller: Context.Context<never>): Service =>
  heldBy(caller, SecondFactor, captured)

const checkTotp = (
  seed: string | Redacted.Redacted<string>,
  { algorithm = "SHA1", digits = 6, period = 30 }: TotpOptions = {}
): Either.Either<Service, string> => {
  const base32 = Redacted.value(wrap(seed))
    .replace(/[\s-]+/g, "")
    .replace(/=+$/, "")
    .toUpperCase()
  if (base32 === "") return Either.left("a TOTP seed must not be empty")
  if (!/^[A-Z2-7]{2,}$/.test(base32)) {
    return Either.left(
      "a TOTP seed must be base32 (letters A to Z and digits 2 to 7), as the authenticator app was given it; of an otpauth:// URL it is the secret parameter"
    )
  }
  if (!Number.isInteger(digits) || digits < 6 || digits > 10)
    return Either.left("digits must be a whole number from 6 to 10")
  if (!Number.isInteger(period) || period < 1 || period > 3600)
    return Either.left("period must be a whole number of seconds from 1 to 3600")
  return Either.right(makeTotp(new TOTP({ secret: Secret.fromBase32(base32), algorithm, digits, period })))
}

/** Periods whose codes are remembered as handed out: more than a clock corrected now and then can go back over. */
const REMEMBERED = 64

const makeTotp = (generator: TOTP): Service => {
  const handedOut = new Set<number>()
  const period = generator.period * 1000

  // A fiber takes a period only once it has begun: one that is interrupted while it waits uses none up.
  const nextPeriod = (clockSkew: number): Effect.Effect<number> =>
    Effect.flatMap(Clock.currentTimeMillis, (ours) => {
      const now = ours + clockSkew
      const current = Math.floor(now / period)
      if (handedOut.has(current)) {
        return Effect.zipRight(Effect.sleep(Duration.millis((current + 1) * period - now)), nextPeriod(clockSkew))
      }
      remember(handedOut, current)
      return Effect.succeed(current)
    })

  return fromEffect(
    ({ serverTime }) =>
      Effect.gen(function* () {
        const ours = yield* Clock.currentTimeMillis
        const clockSkew = Option.match(serverTime, {
          onNone: () => 0,
          onSome: (theirs) => skew(DateTime.toEpochMillis(theirs), ours)
        })
        const current = yield* nextPeriod(clockSkew)
        return Redacted.make(generator.generate({ timestamp: current * period }))
      }),
    { interactive: false }
  )
}

const remember = (handedOut: Set<number>, taken: number): void => {
  handedOut.add(taken)
  for (const oldest of handedOut) {
    if (handedOut.size <= REMEMBERED) return
    handedOut.delete(oldest)
  }
}
