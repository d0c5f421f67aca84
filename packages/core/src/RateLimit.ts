// RateLimit: what Docker Hub's rate-limit headers say, read strictly.
import type * as Headers from "@effect/platform/Headers"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/**
 * The window a caller is in: `X-RateLimit-Limit`, `-Remaining` and `-Reset`.
 *
 * @since 0.1.0
 * @category models
 */
export class RateLimit extends Schema.Class<RateLimit>("@effect-dockerhub/core/RateLimit")({
  /** Requests allowed in a window (a minute, as observed). */
  limit: Schema.NonNegativeInt,
  /** Requests left in this window. */
  remaining: Schema.NonNegativeInt,
  /** When the window ends, by the server's clock. */
  resetAt: Schema.DateTimeUtc
}) {}

/** No header makes anybody wait longer: past 2³¹−1 ms a timer would never fire. */
const LONGEST_DELAY = Duration.days(1)

/** Docker has sent both: a number from here on (in 2001) is a time of day, a smaller one a number of seconds. */
const FIRST_EPOCH = 1_000_000_000

/**
 * The rate limit a response tells of, if all three headers are there and readable.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromHeaders = (headers: Headers.Headers, now: DateTime.DateTime.Input): Option.Option<RateLimit> =>
  Option.all({
    limit: Option.flatMap(header(headers, "x-ratelimit-limit"), wholeNumber),
    remaining: Option.flatMap(header(headers, "x-ratelimit-remaining"), wholeNumber),
    resetAt: Option.flatMap(header(headers, "x-ratelimit-reset"), wholeNumber).pipe(
      Option.map((value) => (value < FIRST_EPOCH ? serverTime(headers, now) + value * 1000 : value * 1000)),
      Option.flatMap(DateTime.make)
    )
  }).pipe(Option.map((fields) => new RateLimit(fields)))

/**
 * How long a response asks to wait: `Retry-After` in seconds, in epoch seconds or as an HTTP-date, else
 * `X-Retry-After` in epoch seconds. `now` is our clock, used for a date only where the response carries no `Date` of
 * its own. A `Retry-After` that cannot be read is no time at all; no wait is longer than a day.
 *
 * Docker has sent seconds and epoch seconds under the same name: docker/hub-feedback#2459.
 *
 * @since 0.1.0
 * @category constructors
 */
export const retryAfter = (
  headers: Headers.Headers,
  now: DateTime.DateTime.Input
): Option.Option<Duration.Duration> => {
  const clock = serverTime(headers, now)
  const until = (millis: number) => Duration.millis(millis - clock)
  const ofNumber = (value: number) => (value < FIRST_EPOCH ? Duration.seconds(value) : until(value * 1000))
  return Option.match(header(headers, "retry-after"), {
    onSome: (text) =>
      Option.orElse(Option.map(wholeNumber(text), ofNumber), () => Option.map(httpDate(text, clock), until)),
    onNone: () =>
      header(headers, "x-retry-after").pipe(
        Option.flatMap(wholeNumber),
        Option.filter((value) => value >= FIRST_EPOCH),
        Option.map(ofNumber)
      )
  }).pipe(Option.map(Duration.min(LONGEST_DELAY)))
}

/**
 * The server's clock, from the response's `Date`.
 *
 * @internal
 */
export const date = (headers: Headers.Headers, now: number): Option.Option<number> =>
  Option.flatMap(header(headers, "date"), (text) => httpDate(text, now))

const serverTime = (headers: Headers.Headers, now: DateTime.DateTime.Input): number => {
  const ours = DateTime.toEpochMillis(DateTime.unsafeMake(now))
  return Option.getOrElse(date(headers, ours), () => ours)
}

const header = (headers: Headers.Headers, name: string): Option.Option<string> =>
  Option.map(Option.fromNullable(headers[name]), (value) => value.trim())

const wholeNumber = (text: string): Option.Option<number> =>
  /^\d+$/.test(text) ? Option.some(Math.min(Number(text), Number.MAX_SAFE_INTEGER)) : Option.none()

const RFC_850 = /^(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d{2})-([A-Z][a-z]{2})-(\d{2}) (\d{2}:\d{2}:\d{2}) GMT$/
const ASCTIME = /^([A-Z][a-z]{2}) ([A-Z][a-z]{2}) ([ \d]\d) (\d{2}:\d{2}:\d{2}) (\d{4})$/

/** The three date forms of RFC 9110 §5.6.7. `toUTCString` writes the preferred one, so a round trip is the strict check. */
const httpDate = (text: string, now: number): Option.Option<number> => {
  const preferred = text
    .replace(
      ASCTIME,
      (_, day, month, date: string, time, year) => `${day}, ${date.replace(" ", "0")} ${month} ${year} ${time} GMT`
    )
    .replace(
      RFC_850,
      (_, day: string, date, month, year: string, time) =>
        `${day.slice(0, 3)}, ${date} ${month} ${fullYear(year, now)} ${time} GMT`
    )
  const millis = Date.parse(preferred)
  return Number.isFinite(millis) && new Date(millis).toUTCString() === preferred ? Option.some(millis) : Option.none()
}

/** RFC 9110: a two-digit year that seems over 50 years ahead is the last one in the past with the same digits. */
const fullYear = (digits: string, now: number): number => {
  const thisYear = new Date(now).getUTCFullYear()
  const year = thisYear - (thisYear % 100) + Number(digits)
  return year > thisYear + 50 ? year - 100 : year
}
