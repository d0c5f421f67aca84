// Faults: what the emulator can be told to do to a request instead of answering it well.

import type * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { Fault, RetryAfterFormat } from "./Fault.ts"
import * as Check from "./internal/check.ts"

/**
 * @since 0.1.0
 */
export { ConnectionReset } from "./Fault.ts"

/**
 * @since 0.1.0
 */
export type {
  Delay,
  Fault,
  Never,
  OversizedBody,
  RateLimited,
  Reset,
  Respond,
  RetryAfterFormat,
  TruncatedBody
} from "./Fault.ts"

/**
 * Answers with this status, body and headers; a body that is no string is sent as JSON.
 *
 * @example
 * ```ts
 * import { Faults } from "@effect-dockerhub/core/testing"
 *
 * Faults.respond({ status: 401, body: { message: "unauthorized", errinfo: {} } })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const respond = (options: {
  /** 200 to 599. */
  readonly status: number
  /**
   * A string is sent as it is (`text/plain` unless `headers` say otherwise), anything else as JSON. Default: no body.
   */
  readonly body?: unknown
  /** Set last, so they win over the emulator's own `date` and `content-type`. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}): Fault => {
  const status = Check.status("Faults.respond: status", options.status)
  const hasBody = options.body !== undefined
  if (hasBody && Check.isBodiless(status)) {
    throw new RangeError(`Faults.respond: a ${status} response has no body, so none can be given.`)
  }
  const isText = typeof options.body === "string"
  const contentType = hasBody ? { "content-type": isText ? "text/plain; charset=utf-8" : "application/json" } : {}
  return {
    _tag: "Respond",
    status,
    body: hasBody
      ? Option.some(isText ? String(options.body) : Check.json("Faults.respond: body", options.body))
      : Option.none(),
    headers: { ...contentType, ...Check.headers("Faults.respond: headers", options.headers ?? {}) }
  }
}

/**
 * Answers with this status and Hub's bare JSON envelope, e.g. `Faults.status(503)`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const status = (code: number): Fault =>
  Check.isBodiless(code)
    ? respond({ status: code })
    : respond({ status: code, body: { message: `status ${code}`, errinfo: {} } })

/**
 * Answers as usual, but late.
 *
 * **Details**
 *
 * By default the server acts on the request when the delay is over, so a client that went away leaves no trace. With
 * `acted: true` it acts at once and only its answer is late: a second factor's code is then spent although the client
 * may have timed out.
 *
 * @since 0.1.0
 * @category constructors
 */
export const delay = (duration: Duration.DurationInput, options?: { readonly acted?: boolean | undefined }): Fault => ({
  _tag: "Delay",
  duration: Check.duration("Faults.delay: duration", duration),
  acted: options?.acted ?? false,
  fault: Option.none()
})

/**
 * Waits, then has the other fault.
 *
 * @since 0.1.0
 * @category constructors
 */
export const delayed = (duration: Duration.DurationInput, fault: Fault): Fault => ({
  _tag: "Delay",
  duration: Check.duration("Faults.delayed: duration", duration),
  acted: false,
  fault: Option.some(fault)
})

/**
 * Drops the connection before the request's body is read: the server certainly did nothing.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resetBeforeBody: Fault = { _tag: "Reset", when: "beforeBody", acted: false }

/**
 * Drops the connection after the request's body was read, without a byte of answer.
 *
 * **Details**
 *
 * With `acted: true` the server did what was asked before the connection broke (a code is spent, a wrong password
 * counted): the case in which a client cannot know whether to repeat. Default `false`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resetAfterBody = (options?: { readonly acted?: boolean | undefined }): Fault => ({
  _tag: "Reset",
  when: "afterBody",
  acted: options?.acted ?? false
})

/**
 * Sends the true answer's head and only its first `bytes` (default half), then breaks the connection; the server has
 * acted.
 *
 * @since 0.1.0
 * @category constructors
 */
export const truncatedBody = (options?: { readonly bytes?: number | undefined }): Fault => ({
  _tag: "TruncatedBody",
  bytes: Option.map(Option.fromNullable(options?.bytes), (bytes) => Check.count("Faults.truncatedBody: bytes", bytes))
})

/**
 * Sends a JSON body of exactly this many bytes, piece by piece and without a `content-length`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const oversizedBody = (bytes: number, options?: { readonly status?: number | undefined }): Fault => ({
  _tag: "OversizedBody",
  bytes: Check.count("Faults.oversizedBody: bytes", bytes),
  status: Check.statusWithBody("Faults.oversizedBody: status", options?.status ?? 200)
})

/**
 * Accepts the request and never answers.
 *
 * @since 0.1.0
 * @category constructors
 */
export const never: Fault = { _tag: "Never" }

/**
 * Redirects; the in-memory client does not follow.
 *
 * @since 0.1.0
 * @category constructors
 */
export const redirect = (location: string, status = 302): Fault => {
  if (![301, 302, 303, 307, 308].includes(status)) {
    throw new RangeError(`Faults.redirect: status must be 301, 302, 303, 307 or 308, not ${status}.`)
  }
  return respond({ status, headers: { location } })
}

/**
 * Says 429 as Hub's gateway does: JSON, `X-RateLimit-*`, and the time to come back (default `Retry-After: 60`).
 *
 * **Details**
 *
 * Times count from the emulator's clock at the moment of the answer. `header: "x-retry-after"` is the header that
 * Docker's documentation named until 2025 (hub-api.md §3).
 *
 * @since 0.1.0
 * @category constructors
 */
export const rateLimited = (options?: {
  /** Default `"seconds"`. */
  readonly retryAfter?: RetryAfterFormat | undefined
  /** Default one minute. */
  readonly after?: Duration.DurationInput | undefined
  /** Default `"retry-after"`. */
  readonly header?: "retry-after" | "x-retry-after" | undefined
  /** Whether `X-RateLimit-Limit`, `-Remaining` and `-Reset` come along. Default true. */
  readonly rateLimitHeaders?: boolean | undefined
  /** Default the gateway's envelope, since no body was ever captured (hub-api.md §8). */
  readonly body?: unknown
}): Fault => ({
  _tag: "RateLimited",
  retryAfter: options?.retryAfter ?? "seconds",
  after: Check.duration("Faults.rateLimited: after", options?.after ?? "1 minute"),
  header: options?.header ?? "retry-after",
  rateLimitHeaders: options?.rateLimitHeaders ?? true,
  body: Check.json("Faults.rateLimited: body", options?.body ?? { message: "too many requests", errinfo: {} }),
  contentType: typeof options?.body === "string" ? "text/plain; charset=utf-8" : "application/json"
})

/**
 * HAProxy's plain-text 429 of the abuse limit (hub-api.md §2b).
 *
 * **Gotchas**
 *
 * The original separates its headers by bare line feeds, which no HTTP library can be made to send.
 *
 * @since 0.1.0
 * @category constructors
 */
export const hap429: Fault = respond({
  status: 429,
  body: "Too Many Requests (HAP429).\n",
  headers: { "content-type": "text/plain", "retry-after": "60", connection: "close" }
})

/**
 * The edge's page for a browser, where a program expects JSON (hub-api.md §2b).
 *
 * @since 0.1.0
 * @category constructors
 */
export const challengePage = (options?: {
  /** Default 403. */
  readonly status?: number | undefined
  /** Default `"9a1b2c3d4e5f6a7b-FRA"`. */
  readonly rayId?: string | undefined
}): Fault =>
  respond({
    status: options?.status ?? 403,
    body: '<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title></head><body></body></html>\n',
    headers: edgeHeaders("text/html; charset=UTF-8", options?.rayId, { "cf-mitigated": "challenge" })
  })

/**
 * Cloudflare's refusal of a client signature, sixteen bytes of text (hub-api.md §2b).
 *
 * @since 0.1.0
 * @category constructors
 */
export const errorCode1010: Fault = /* @__PURE__ */ edge1010()

function edge1010(): Fault {
  return respond({
    status: 403,
    body: "error code: 1010",
    headers: edgeHeaders("text/plain; charset=UTF-8", undefined, { "set-cookie": "__cf_bm=edge; path=/; HttpOnly" })
  })
}

function edgeHeaders(
  contentType: string,
  rayId: string | undefined,
  more: Readonly<Record<string, string>>
): Readonly<Record<string, string>> {
  return {
    "content-type": contentType,
    server: "cloudflare",
    "cf-ray": rayId ?? "9a1b2c3d4e5f6a7b-FRA",
    "cache-control": "private, max-age=0, no-store, no-cache, must-revalidate",
    ...more
  }
}
