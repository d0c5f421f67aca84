// LoginRoutes: the three endpoints that turn a secret into a bearer.

import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Answer } from "../HubAnswers.ts"
import * as Bearers from "./bearers.ts"
import type { Account } from "./directory.ts"
import type { Hub } from "./hub.ts"
import * as Reply from "./reply.ts"

/** The parts of a request that matter here. */
export interface Call {
  readonly body: string
  readonly contentType: string | undefined
  readonly wantsRefreshToken: boolean
  readonly serverMillis: number
}

/** What a request comes to. It is decided without a pause, so that two requests cannot both spend one code. */
type Decision =
  | { readonly _tag: "Refuse"; readonly answer: Answer; readonly headers?: Readonly<Record<string, string>> }
  | { readonly _tag: "Challenge"; readonly username: string }
  | { readonly _tag: "Grant"; readonly grant: Bearers.Grant; readonly secondFactor: boolean }

export const login = (hub: Hub, call: Call): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  respond(hub, call, "token", (fields) => {
    const { answers, organizationTokenAtLogin } = hub.settings
    const username = fields("username")
    const secret = fields("password")
    if (username === undefined || secret === undefined) return refuse(answers.missingField)
    const organization = hub.directory.organization(username)
    if (secret.startsWith("dckr_oat_") || Option.isSome(organization)) {
      return organizationTokenAtLogin === "accepted"
        ? organizationLogin(hub, username, secret, call)
        : refuse(answers.organizationLogin)
    }
    const wrong = secret.startsWith("dckr_pat_") ? answers.wrongPersonalAccessToken : answers.wrongPassword
    return accountLogin(hub, username, secret, call, wrong, (account) => ({
      _tag: "Challenge",
      username: account.username
    }))
  })

export const createAccessToken = (hub: Hub, call: Call): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  respond(hub, call, "access_token", (fields) => {
    const { answers, passwordWithTwoFactor } = hub.settings
    const identifier = fields("identifier")
    const secret = fields("secret")
    if (identifier === undefined || secret === undefined) return refuse(answers.missingField)
    if (Option.isSome(hub.directory.organization(identifier))) return organizationLogin(hub, identifier, secret, call)
    return accountLogin(hub, identifier, secret, call, answers.wrongSecret, (account) => {
      switch (passwordWithTwoFactor) {
        case "challenge":
          return { _tag: "Challenge", username: account.username }
        case "unauthorized":
          return refuse(answers.passwordNotAccepted)
        case "token":
          return { _tag: "Grant", grant: Bearers.forPassword(account), secondFactor: false }
      }
    })
  })

export const twoFactorLogin = (hub: Hub, call: Call): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  respond(hub, call, "token", (fields) => {
    const { answers } = hub.settings
    const token = fields("login_2fa_token")
    const code = fields("code")
    if (token === undefined || code === undefined) return refuse(answers.missingField)
    const account = Option.flatMap(hub.challenges.account(token, call.serverMillis), hub.directory.account)
    if (Option.isNone(account)) return refuse(answers.deadChallenge)
    const { username } = account.value
    const locked = lock(hub, username, call)
    if (Option.isSome(locked)) return locked.value
    if (Option.exists(account.value.codes, (codes) => codes.accept(code, call.serverMillis))) {
      hub.challenges.succeeded(token)
      hub.lockout.succeeded(username)
      return { _tag: "Grant", grant: Bearers.forPassword(account.value), secondFactor: true }
    }
    hub.challenges.failed(token)
    hub.lockout.failed(username, call.serverMillis)
    return refuse(answers.wrongCode)
  })

const accountLogin = (
  hub: Hub,
  username: string,
  secret: string,
  call: Call,
  wrong: Answer,
  passwordOfTwoFactorAccount: (account: Account) => Decision
): Decision => {
  const locked = lock(hub, username, call)
  if (Option.isSome(locked)) return locked.value
  const found = hub.directory.account(username)
  if (Option.isSome(found)) {
    const account = found.value
    const accessToken = account.accessTokens.get(secret)
    if (accessToken !== undefined) {
      // No second factor and no SSO for a PAT (hub-api.md §5).
      hub.lockout.succeeded(username)
      return { _tag: "Grant", grant: Bearers.forPersonalAccessToken(account, accessToken), secondFactor: false }
    }
    if (account.password === secret) {
      if (account.ssoEnforced) return refuse(hub.settings.answers.ssoEnforced)
      if (account.passwordResetRequired) return refuse(hub.settings.answers.passwordResetRequired)
      if (Option.isSome(account.codes)) return passwordOfTwoFactorAccount(account)
      hub.lockout.succeeded(username)
      return { _tag: "Grant", grant: Bearers.forPassword(account), secondFactor: false }
    }
  }
  hub.lockout.failed(username, call.serverMillis)
  return refuse(wrong)
}

const organizationLogin = (hub: Hub, name: string, secret: string, call: Call): Decision => {
  const locked = lock(hub, name, call)
  if (Option.isSome(locked)) return locked.value
  const organization = hub.directory.organization(name)
  const accessToken = Option.isSome(organization) ? organization.value.accessTokens.get(secret) : undefined
  if (Option.isSome(organization) && accessToken !== undefined) {
    hub.lockout.succeeded(name)
    return { _tag: "Grant", grant: Bearers.forOrganization(organization.value, accessToken), secondFactor: false }
  }
  hub.lockout.failed(name, call.serverMillis)
  return refuse(hub.settings.answers.wrongSecret)
}

const lock = (hub: Hub, identifier: string, call: Call): Option.Option<Decision> =>
  Option.map(hub.lockout.until(identifier, call.serverMillis), (until) => {
    const format = Option.match(hub.settings.lockout, {
      onNone: () => "none" as const,
      onSome: (each) => each.retryAfter
    })
    return {
      ...refuse(hub.settings.answers.lockedOut),
      headers: Reply.retryAfter(format, until, call.serverMillis)
    }
  })

const refuse = (answer: Answer): Decision & { readonly _tag: "Refuse" } => ({ _tag: "Refuse", answer })

const respond = (
  hub: Hub,
  call: Call,
  field: "token" | "access_token",
  decide: (fields: (name: string) => string | undefined) => Decision
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.suspend(() => {
    const decision = read(hub, call, decide)
    switch (decision._tag) {
      case "Refuse":
        return Effect.succeed(Reply.answer(decision.answer, decision.headers))
      case "Challenge":
        return challenge(hub, call, decision.username)
      case "Grant":
        return grant(hub, call, field, decision.grant, decision.secondFactor)
    }
  })

const read = (hub: Hub, call: Call, decide: (fields: (name: string) => string | undefined) => Decision): Decision => {
  const { answers } = hub.settings
  if (call.body === "") return refuse(answers.emptyBody)
  if (!/^application\/(?:[\w.+-]+\+)?json\b/i.test(call.contentType ?? "")) return refuse(answers.unsupportedMediaType)
  const parsed = Option.liftThrowable((text: string): unknown => JSON.parse(text))(call.body)
  if (
    Option.isNone(parsed) ||
    typeof parsed.value !== "object" ||
    parsed.value === null ||
    Array.isArray(parsed.value)
  ) {
    return refuse(answers.malformedBody)
  }
  const fields = new Map<string, unknown>(Object.entries(parsed.value))
  return decide((name) => {
    const value = fields.get(name)
    return typeof value === "string" && value !== "" ? value : undefined
  })
}

const challenge = (hub: Hub, call: Call, username: string): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.map(hub.challenges.issue(username, call.serverMillis), (login_2fa_token) => {
    const { body } = hub.settings.answers.challenge
    const envelope = typeof body === "object" && body !== null ? body : { detail: body }
    return Reply.json(hub.settings.challenge.status, { ...envelope, login_2fa_token })
  })

const grant = (
  hub: Hub,
  call: Call,
  field: "token" | "access_token",
  granted: Bearers.Grant,
  secondFactor: boolean
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.gen(function* () {
    const { loginTokenLifetimeMillis, refreshToken, signingKey, tokenLifetimeMillis } = hub.settings
    const lifetime = field === "token" ? loginTokenLifetimeMillis : tokenLifetimeMillis
    const jwt = yield* hub.bearers.issue(granted, lifetime, call.serverMillis)
    const refreshes =
      field === "token" &&
      call.wantsRefreshToken &&
      (refreshToken === "always" || (refreshToken === "two-factor" && secondFactor))
    if (!refreshes) return Reply.json(200, { [field]: jwt })
    // Nothing redeems it: no source names the route that would (hub-api.md §1).
    const refresh_token = yield* Bearers.encode({ purpose: "refresh" }, signingKey)
    return Reply.json(200, { [field]: jwt, refresh_token })
  })
