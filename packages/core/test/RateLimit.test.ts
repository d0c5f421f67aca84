import { assert, describe, it } from "@effect/vitest"
import { RateLimit } from "@effect-dockerhub/core"
import * as Headers from "@effect/platform/Headers"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"

// 2025-05-01T22:01:18Z, the moment of docker/hub-feedback#2459.
const NOW = 1_746_136_878_000
const DATE = "Thu, 01 May 2025 22:01:18 GMT"

const secondsToWait = (headers: Record<string, string>, now: number = NOW) =>
  RateLimit.retryAfter(Headers.fromInput(headers), now).pipe(Option.map(Duration.toSeconds), Option.getOrNull)

describe("retryAfter", () => {
  it("reads seconds", () => {
    assert.strictEqual(secondsToWait({ "Retry-After": "2" }), 2)
    assert.strictEqual(secondsToWait({ "Retry-After": "0" }), 0)
    assert.strictEqual(secondsToWait({ "Retry-After": "\t60 " }), 60)
  })

  it("reads epoch seconds against the response's own Date, whatever our clock says", () => {
    assert.strictEqual(secondsToWait({ "Retry-After": "1746136938" }), 60)
    assert.strictEqual(secondsToWait({ "Retry-After": "1746136938", Date: DATE }, NOW + 3_600_000), 60)
    assert.strictEqual(secondsToWait({ "Retry-After": "1746136938", Date: DATE }, NOW - 3_600_000), 60)
  })

  it.each(["Thu, 01 May 2025 22:02:18 GMT", "Thursday, 01-May-25 22:02:18 GMT", "Thu May  1 22:02:18 2025"])(
    "reads the HTTP-date %s",
    (date) => {
      assert.strictEqual(secondsToWait({ "Retry-After": date }), 60)
      assert.strictEqual(secondsToWait({ "Retry-After": date, Date: DATE }, 0), 60)
    }
  )

  it("takes a two-digit year over fifty years ahead for the last one in the past", () => {
    assert.strictEqual(secondsToWait({ "Retry-After": "Sunday, 06-Nov-94 08:49:37 GMT" }), 0)
    assert.strictEqual(secondsToWait({ "Retry-After": "Wednesday, 01-May-75 22:02:18 GMT" }), 86_400)
    assert.strictEqual(secondsToWait({ "Retry-After": "Saturday, 01-May-76 22:02:18 GMT" }), 0)
  })

  it("takes a value with sixty thousand blanks in it for none", () => {
    for (const text of [
      `1${" ".repeat(60_000)}1`,
      `Thu, 01 May${" ".repeat(60_000)}2025`,
      `1${"\t ".repeat(30_000)}x`
    ]) {
      assert.isNull(secondsToWait({ "Retry-After": text }))
      assert.isNull(secondsToWait({ "X-Retry-After": text }))
    }
  })

  it("asks for no wait once the time has passed", () => {
    assert.strictEqual(secondsToWait({ "Retry-After": "1746136000" }), 0)
    assert.strictEqual(secondsToWait({ "Retry-After": "Thu, 01 May 2025 22:00:00 GMT" }), 0)
  })

  it.each([
    "",
    " ",
    "junk",
    "-1",
    "+1",
    "1.5",
    "0x10",
    "1e3",
    "1,2",
    "2 s",
    "٢",
    "NaN",
    "Infinity",
    "Thu, 01 May 2025",
    "Thu, 1 May 2025 22:02:18 GMT",
    "Fri, 01 May 2025 22:02:18 GMT",
    "Thu, 01 May 2025 22:02:18 +0200",
    "thu, 01 may 2025 22:02:18 gmt",
    "Thu, 32 May 2025 22:02:18 GMT",
    "Thuuuursday, 01-May-25 22:02:18 GMT",
    "2025-05-01T22:02:18Z"
  ])("takes %j for no time at all, and falls back to nothing weaker", (text) => {
    assert.isNull(secondsToWait({ "Retry-After": text }))
    assert.isNull(secondsToWait({ "Retry-After": text, "X-Retry-After": "1746136938" }))
  })

  it("reads X-Retry-After in epoch seconds only where there is no Retry-After", () => {
    assert.strictEqual(secondsToWait({ "X-Retry-After": "1746136938" }), 60)
    assert.strictEqual(secondsToWait({ "X-Retry-After": "1746136938", "Retry-After": "2" }), 2)
    assert.isNull(secondsToWait({ "X-Retry-After": "60" }))
    assert.isNull(secondsToWait({ "X-Retry-After": DATE }))
  })

  it("never makes anybody wait longer than a day", () => {
    for (const text of ["999999999", "99999999999", "9".repeat(400), "Fri, 31 Dec 9999 23:59:59 GMT"]) {
      assert.strictEqual(secondsToWait({ "Retry-After": text }), 86_400)
    }
  })

  it("is none without a header", () => {
    assert.isNull(secondsToWait({}))
  })

  it.prop(
    "reads whatever it is given as a time of 0 to 86,400 s or as none",
    { text: FastCheck.string() },
    ({ text }) => {
      const seconds = secondsToWait({ "retry-after": text, date: text })
      assert.isTrue(seconds === null || (seconds >= 0 && seconds <= 86_400))
    }
  )

  it.prop(
    "reads every date that RFC 9110 would write",
    { date: FastCheck.date({ min: new Date(NOW), max: new Date(NOW + 86_000_000), noInvalidDate: true }) },
    ({ date }) => {
      const wait = Math.floor(date.getTime() / 1000) - NOW / 1000
      assert.strictEqual(secondsToWait({ "Retry-After": date.toUTCString() }), wait)
    }
  )
})

describe("fromHeaders", () => {
  const headers = { "X-RateLimit-Limit": "180", "X-RateLimit-Remaining": "175", "X-RateLimit-Reset": "1746136938" }

  it("reads what the headers say", () => {
    const rateLimit = Option.getOrThrow(RateLimit.fromHeaders(Headers.fromInput(headers), NOW))
    assert.strictEqual(rateLimit.limit, 180)
    assert.strictEqual(rateLimit.remaining, 175)
    assert.strictEqual(DateTime.toEpochMillis(rateLimit.resetAt), 1_746_136_938_000)
  })

  it.each(["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"])("is none where %s is junk", (name) => {
    for (const junk of ["", "abc", "-1", "1.5"]) {
      assert.isTrue(Option.isNone(RateLimit.fromHeaders(Headers.fromInput({ ...headers, [name]: junk }), NOW)))
    }
    const without: Record<string, string> = { ...headers }
    delete without[name]
    assert.isTrue(Option.isNone(RateLimit.fromHeaders(Headers.fromInput(without), NOW)))
  })

  it("is none where the reset is no time a clock can show", () => {
    const distant = Headers.fromInput({ ...headers, "X-RateLimit-Reset": "9".repeat(30) })
    assert.isTrue(Option.isNone(RateLimit.fromHeaders(distant, NOW)))
  })

  it("reads a small reset as seconds from now", () => {
    const relative = Headers.fromInput({ ...headers, "X-RateLimit-Reset": "60" })
    const { resetAt } = Option.getOrThrow(RateLimit.fromHeaders(relative, NOW))
    assert.strictEqual(DateTime.toEpochMillis(resetAt), NOW + 60_000)
  })
})
