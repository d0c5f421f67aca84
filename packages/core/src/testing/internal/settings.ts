// Settings: the emulator's options, checked, and with every default filled in.

import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { RetryAfterFormat } from "../Fault.ts"
import * as HubAnswers from "../HubAnswers.ts"
import type { Options } from "../HubOptions.ts"
import * as Check from "./check.ts"

export interface Settings {
  readonly clockOffsetMillis: number
  readonly tokenLifetimeMillis: number
  readonly loginTokenLifetimeMillis: number
  readonly challenge: {
    readonly status: number
    readonly lifetimeMillis: number
    readonly survivesWrongCode: boolean
    readonly attemptLimit: number
  }
  readonly codes: { readonly reuse: "refused" | "accepted"; readonly tolerance: number }
  readonly lockout: Option.Option<{
    readonly failures: number
    readonly durationMillis: number
    readonly retryAfter: RetryAfterFormat
  }>
  readonly rateLimit: Option.Option<{
    readonly limit: number
    readonly windowMillis: number
    readonly headersOnLogin: boolean
    readonly retryAfter: RetryAfterFormat
  }>
  readonly loginQuota: Option.Option<{ readonly limit: number; readonly windowMillis: number }>
  readonly passwordWithTwoFactor: "challenge" | "unauthorized" | "token"
  readonly organizationTokenAtLogin: "refused" | "accepted"
  readonly answers: HubAnswers.HubAnswers
  readonly logout: "accepted" | "revokes" | "absent"
  readonly refreshToken: "always" | "two-factor" | "never"
  readonly subject: boolean
  readonly audience: "string" | "array"
  readonly signingKey: Option.Option<Uint8Array>
  readonly trailingSlashes: "accepted" | "not-found"
}

const retryAfterFormats: ReadonlyArray<RetryAfterFormat> = ["seconds", "epoch", "http-date", "none"]

const millis = (name: string, input: Duration.DurationInput): number =>
  Duration.toMillis(Check.positiveDuration(name, input))

export const make = (options: Options): Settings => {
  const tokenLifetime = options.tokenLifetime ?? "10 minutes"
  return {
    clockOffsetMillis: clockOffset(options.clockOffset ?? 0),
    tokenLifetimeMillis: finite("tokenLifetime", tokenLifetime),
    loginTokenLifetimeMillis: finite("loginTokenLifetime", options.loginTokenLifetime ?? tokenLifetime),
    challenge: {
      status: Check.oneOf("challenge.status", options.challenge?.status ?? 401, [401, 200]),
      lifetimeMillis: millis("challenge.lifetime", options.challenge?.lifetime ?? "5 minutes"),
      survivesWrongCode: options.challenge?.survivesWrongCode ?? false,
      attemptLimit: Check.limit("challenge.attemptLimit", options.challenge?.attemptLimit ?? 5)
    },
    codes: {
      reuse: Check.oneOf("codes.reuse", options.codes?.reuse ?? "refused", ["refused", "accepted"]),
      tolerance: Check.count("codes.tolerance", options.codes?.tolerance ?? 1, 0)
    },
    lockout: lockout(options.lockout ?? {}),
    rateLimit: rateLimit(options.rateLimit ?? {}),
    loginQuota: Option.map(Option.fromNullable(options.loginQuota), (quota) => ({
      limit: Check.count("loginQuota.limit", quota.limit),
      windowMillis: finite("loginQuota.window", quota.window)
    })),
    passwordWithTwoFactor: Check.oneOf("passwordWithTwoFactor", options.passwordWithTwoFactor ?? "challenge", [
      "challenge",
      "unauthorized",
      "token"
    ]),
    organizationTokenAtLogin: Check.oneOf("organizationTokenAtLogin", options.organizationTokenAtLogin ?? "refused", [
      "refused",
      "accepted"
    ]),
    answers: answers(options.answers ?? {}),
    logout: Check.oneOf("logout", options.logout ?? "accepted", ["accepted", "revokes", "absent"]),
    refreshToken: Check.oneOf("refreshToken", options.refreshToken ?? "always", ["always", "two-factor", "never"]),
    subject: options.subject ?? false,
    audience: Check.oneOf("audience", options.audience ?? "string", ["string", "array"]),
    signingKey: Option.map(Option.fromNullable(options.signingKey), (key) => {
      const bytes = new TextEncoder().encode(Check.secret("signingKey", key))
      if (bytes.length < 32) throw new RangeError("signingKey must be 32 characters or more, as HS256 requires.")
      return bytes
    }),
    trailingSlashes: Check.oneOf("trailingSlashes", options.trailingSlashes ?? "accepted", ["accepted", "not-found"])
  }
}

const finite = (name: string, input: Duration.DurationInput): number => {
  const value = millis(name, input)
  // It becomes a number on the wire (`exp`, `X-RateLimit-Reset`), where there is no infinity.
  if (value > Number.MAX_SAFE_INTEGER / 2) throw new RangeError(`${name} must end some day.`)
  return value
}

const clockOffset = (input: Duration.DurationInput): number => {
  if (typeof input === "number" && Number.isFinite(input)) return input
  const value = Duration.toMillis(Check.duration("clockOffset", input))
  if (!Number.isFinite(value)) throw new RangeError("clockOffset must be finite.")
  return value
}

const lockout = (options: Exclude<Options["lockout"], undefined>): Settings["lockout"] =>
  options === false
    ? Option.none()
    : Option.some({
        failures: Check.limit("lockout.failures", options.failures ?? 5),
        durationMillis: millis("lockout.duration", options.duration ?? "10 minutes"),
        retryAfter: Check.oneOf("lockout.retryAfter", options.retryAfter ?? "none", retryAfterFormats)
      })

const rateLimit = (options: Exclude<Options["rateLimit"], undefined>): Settings["rateLimit"] =>
  options === false
    ? Option.none()
    : Option.some({
        limit: Check.count("rateLimit.limit", options.limit ?? 180),
        windowMillis: finite("rateLimit.window", options.window ?? "1 minute"),
        headersOnLogin: options.headersOnLogin ?? true,
        retryAfter: Check.oneOf("rateLimit.retryAfter", options.retryAfter ?? "seconds", retryAfterFormats)
      })

const answers = (given: Partial<HubAnswers.HubAnswers>): HubAnswers.HubAnswers => {
  for (const [name, answer] of Object.entries(given)) {
    if (!Object.hasOwn(HubAnswers.defaults, name))
      throw new TypeError(`answers: there is no answer called ${JSON.stringify(name)}.`)
    Check.statusWithBody(`answers.${name}.status`, answer.status)
    Check.json(`answers.${name}.body`, answer.body)
  }
  return { ...HubAnswers.defaults, ...given }
}
