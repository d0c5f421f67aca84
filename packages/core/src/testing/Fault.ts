// Fault: one misbehaviour of the emulated server, as plain data.

import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type * as Option from "effect/Option"

/**
 * How a server writes the moment after which to try again.
 *
 * **Details**
 *
 * Docker Hub has used whole seconds and, in 2025, epoch seconds in the same header (hub-api.md §3); an HTTP-date is
 * what RFC 9110 also allows.
 *
 * **Gotchas**
 *
 * A `TestClock` starts in 1970, where epoch seconds look like seconds: set it to a date of this century first.
 *
 * @since 0.1.0
 * @category models
 */
export type RetryAfterFormat = "seconds" | "epoch" | "http-date" | "none"

/**
 * One misbehaviour of the server, as plain data.
 *
 * @since 0.1.0
 * @category models
 */
export type Fault = Respond | RateLimited | Delay | Reset | TruncatedBody | OversizedBody | Never

/**
 * A made-up answer.
 *
 * @since 0.1.0
 * @category models
 */
export interface Respond {
  readonly _tag: "Respond"
  readonly status: number
  readonly body: Option.Option<string>
  readonly headers: Readonly<Record<string, string>>
}

/**
 * A 429 whose times are read from the clock when it is sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface RateLimited {
  readonly _tag: "RateLimited"
  readonly retryAfter: RetryAfterFormat
  readonly after: Duration.Duration
  readonly header: "retry-after" | "x-retry-after"
  readonly rateLimitHeaders: boolean
  readonly body: string
  readonly contentType: string
}

/**
 * A slow answer, or a slow fault.
 *
 * @since 0.1.0
 * @category models
 */
export interface Delay {
  readonly _tag: "Delay"
  readonly duration: Duration.Duration
  readonly acted: boolean
  readonly fault: Option.Option<Fault>
}

/**
 * A connection that breaks before any answer.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reset {
  readonly _tag: "Reset"
  readonly when: "beforeBody" | "afterBody"
  readonly acted: boolean
}

/**
 * The true answer, cut off.
 *
 * @since 0.1.0
 * @category models
 */
export interface TruncatedBody {
  readonly _tag: "TruncatedBody"
  readonly bytes: Option.Option<number>
}

/**
 * An answer far larger than any that Hub gives.
 *
 * @since 0.1.0
 * @category models
 */
export interface OversizedBody {
  readonly _tag: "OversizedBody"
  readonly bytes: number
  readonly status: number
}

/**
 * No answer at all.
 *
 * @since 0.1.0
 * @category models
 */
export interface Never {
  readonly _tag: "Never"
}

/**
 * The signal by which the emulator's app says that the connection breaks here.
 *
 * **Details**
 *
 * The in-memory client turns it into the error that `fetch` gives for a reset; the server on a real port breaks the
 * socket. It is an error of the app's own contract and never one that a client sees.
 *
 * @since 0.1.0
 * @category errors
 */
export class ConnectionReset extends Data.TaggedError("ConnectionReset")<{
  readonly when: "beforeBody" | "afterBody" | "duringAnswer"
}> {
  /**
   * @since 0.1.0
   */
  override get message(): string {
    return `The emulator broke the connection (${this.when}).`
  }
}
