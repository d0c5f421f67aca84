// Reply: the emulator's answers as HTTP, with the headers that tell time.

import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import type { RetryAfterFormat } from "../Fault.ts"
import type { Answer } from "../HubAnswers.ts"
import type { Taken } from "./rateWindow.ts"

type Headers = Readonly<Record<string, string>>

export const text = (status: number, body: string, headers: Headers): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(body, { status, headers })

export const json = (status: number, body: unknown, headers: Headers = {}): HttpServerResponse.HttpServerResponse =>
  text(status, JSON.stringify(body), { "content-type": "application/json", ...headers })

export const answer = (given: Answer, headers: Headers = {}): HttpServerResponse.HttpServerResponse =>
  typeof given.body === "string"
    ? text(given.status, given.body, { "content-type": "text/plain; charset=utf-8", ...headers })
    : json(given.status, given.body, headers)

/** A date as HTTP writes it (RFC 9110 §5.6.7). */
export const httpDate = (millis: number): string => new Date(millis).toUTCString()

export const retryAfter = (
  format: RetryAfterFormat,
  untilMillis: number,
  serverMillis: number,
  name = "retry-after"
): Headers => {
  // Rounded up: a client that comes back exactly when told must find the door open.
  const seconds = Math.ceil(untilMillis / 1000)
  if (format === "none" || !Number.isFinite(untilMillis)) return {}
  if (format === "http-date") return { [name]: httpDate(seconds * 1000) }
  return { [name]: String(format === "epoch" ? seconds : Math.ceil((untilMillis - serverMillis) / 1000)) }
}

export const rateLimitHeaders = (taken: Taken): Headers => ({
  "x-ratelimit-limit": String(taken.limit),
  "x-ratelimit-remaining": String(taken.remaining),
  "x-ratelimit-reset": String(Math.ceil(taken.resetAtMillis / 1000))
})
