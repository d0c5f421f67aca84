// ApiRoutes: the endpoints that a bearer opens, and those that stay shut to it.

import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Option from "effect/Option"
import type { Grant, Verdict } from "./bearers.ts"
import type { Repository } from "./directory.ts"
import { key } from "./directory.ts"
import type { Hub } from "./hub.ts"
import * as Reply from "./reply.ts"
import type { Match } from "./routes.ts"

export interface Call {
  readonly match: Match
  /** Where the emulator was reached, for the links between pages. */
  readonly origin: string
  readonly verdict: Verdict
}

type Response = HttpServerResponse.HttpServerResponse

/** A bad bearer is worse than none: even a public endpoint answers 401 (hub-api.md §1). */
export const serve = (hub: Hub, call: Call): Response => {
  const { answers } = hub.settings
  if (call.verdict._tag === "Invalid") return Reply.answer(answers.invalidBearer)
  if (call.verdict._tag === "Expired") return Reply.answer(answers.expiredBearer)
  const grant = call.verdict._tag === "Valid" ? Option.some(call.verdict.grant) : Option.none<Grant>()
  const [namespace = "", name = ""] = call.match.parameters
  switch (call.match.endpoint.name) {
    case "user":
      return Option.match(grant, {
        onNone: () => Reply.answer(answers.invalidBearer),
        onSome: (each) => user(hub, each)
      })
    case "accessTokens":
      return accessTokens(hub, call, grant)
    case "logout":
      return logout(hub, call)
    case "legacyRepositories":
      // Closed to OATs whatever their scopes (hub-api.md §2b).
      return Option.exists(grant, (each) => each.kind === "organizationAccessToken")
        ? Reply.answer(answers.organizationAccessTokenForbidden)
        : page(hub, call, repositories(hub, namespace, grant))
    case "repositories":
      return page(hub, call, repositories(hub, namespace, grant))
    case "tags": {
      const found = hub.directory
        .repositories(namespace)
        .find((each) => each.name === name && (!each.private || maySee(each, grant)))
      // Hub hides what is not yours rather than forbid it (inferred; hub-api.md has no capture).
      return found === undefined ? Reply.answer(answers.notFound) : page(hub, call, found.tags.map(tag))
    }
    default:
      return Reply.answer(answers.notFound)
  }
}

const maySee = (repository: Repository, grant: Option.Option<Grant>): boolean =>
  Option.exists(grant, ({ kind, scopes, username }) => {
    if (key(username) !== key(repository.namespace)) return false
    if (kind === "password") return true
    const enough =
      kind === "organizationAccessToken" ? ["scope-repository-list"] : ["repo:read", "repo:write", "repo:admin"]
    return enough.some((scope) => scopes.includes(scope))
  })

const repositories = (hub: Hub, namespace: string, grant: Option.Option<Grant>): ReadonlyArray<unknown> =>
  hub.directory
    .repositories(namespace)
    .filter((each) => !each.private || maySee(each, grant))
    .map((each) => ({
      name: each.name,
      namespace: each.namespace,
      repository_type: "image",
      status: 1,
      status_description: "active",
      description: "",
      is_private: each.private,
      star_count: 0,
      pull_count: 0,
      last_updated: "2026-01-01T00:00:00.000000Z",
      media_types: [],
      content_types: ["image"],
      categories: []
    }))

const tag = (name: string): unknown => ({
  name,
  images: [],
  last_updated: "2026-01-01T00:00:00.000000Z",
  full_size: 0,
  tag_status: "active",
  v2: true
})

const user = (hub: Hub, grant: Grant): Response => {
  // An organization is no user.
  if (grant.kind === "organizationAccessToken")
    return Reply.answer(hub.settings.answers.organizationAccessTokenForbidden)
  return Reply.json(200, {
    id: grant.uuid.replaceAll("-", ""),
    uuid: grant.uuid,
    username: grant.username,
    full_name: "",
    location: "",
    company: "",
    profile_url: "",
    date_joined: "2026-01-01T00:00:00.000000Z",
    gravatar_url: "",
    type: "User",
    ...(Option.isSome(grant.email) ? { email: grant.email.value } : {})
  })
}

const accessTokens = (hub: Hub, call: Call, grant: Option.Option<Grant>): Response => {
  const { answers } = hub.settings
  if (Option.isNone(grant)) return Reply.answer(answers.invalidBearer)
  switch (grant.value.kind) {
    case "personalAccessToken":
      return Reply.answer(answers.personalAccessTokenForbidden)
    case "organizationAccessToken":
      return Reply.answer(answers.organizationAccessTokenForbidden)
    case "password": {
      const account = hub.directory.account(grant.value.username)
      const secrets = Option.match(account, { onNone: () => [], onSome: (each) => [...each.accessTokens.values()] })
      // The token itself is shown only when it is made (hub-api.md §1).
      const shown = secrets.map(({ id, scopes }) => ({
        uuid: id,
        client_id: "HUB",
        generated_by: "manual",
        is_active: true,
        token: "",
        scopes
      }))
      return page(hub, call, shown)
    }
  }
}

const logout = (hub: Hub, call: Call): Response => {
  const { answers, logout } = hub.settings
  if (logout === "absent") return Reply.answer(answers.notFound)
  if (call.verdict._tag !== "Valid") return Reply.answer(answers.invalidBearer)
  if (logout === "revokes") hub.bearers.revoke(call.verdict.jwt)
  return Reply.json(200, { detail: "Logged out" })
}

const largestPage = 100

const page = (hub: Hub, call: Call, items: ReadonlyArray<unknown>): Response => {
  const query = new URLSearchParams(call.match.query)
  const size = Math.min(largestPage, number(query.get("page_size")) ?? 10)
  const current = query.has("page") ? number(query.get("page")) : 1
  const last = Math.max(1, Math.ceil(items.length / size))
  if (current === undefined || current > last) return Reply.answer(hub.settings.answers.notFound)
  const link = (to: number) => `${call.origin}/${call.match.segments.join("/")}?page=${to}&page_size=${size}`
  return Reply.json(200, {
    count: items.length,
    next: current < last ? link(current + 1) : null,
    previous: current > 1 ? link(current - 1) : null,
    results: items.slice((current - 1) * size, current * size)
  })
}

const number = (text: string | null): number | undefined =>
  text !== null && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined
