// FaultAnswer: carries out a fault on one request.

import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Fault, OversizedBody, RateLimited } from "../Fault.ts"
import { ConnectionReset } from "../Fault.ts"
import * as Reply from "./reply.ts"

/** One request, as a fault can handle it. */
export interface Request {
  readonly serverMillis: Effect.Effect<number>
  /** Reads the whole body, once. */
  readonly read: Effect.Effect<unknown>
  /** Does what an emulator without faults does. */
  readonly serve: Effect.Effect<HttpServerResponse.HttpServerResponse>
}

export const perform = (
  fault: Fault,
  request: Request
): Effect.Effect<HttpServerResponse.HttpServerResponse, ConnectionReset> => {
  switch (fault._tag) {
    case "Respond":
      return Effect.as(
        request.read,
        Option.match(fault.body, {
          onNone: () => HttpServerResponse.empty({ status: fault.status, headers: fault.headers }),
          onSome: (body) => Reply.text(fault.status, body, fault.headers)
        })
      )
    case "RateLimited":
      return Effect.map(Effect.zipRight(request.read, request.serverMillis), (now) => rateLimited(fault, now))
    case "Delay": {
      const then = Option.match(fault.fault, {
        onNone: () => request.serve,
        onSome: (inner) => perform(inner, request)
      })
      return fault.acted
        ? Effect.tap(request.serve, Effect.sleep(fault.duration))
        : request.read.pipe(Effect.zipRight(Effect.sleep(fault.duration)), Effect.zipRight(then))
    }
    case "Reset": {
      const reset = new ConnectionReset({ when: fault.when })
      if (fault.when === "beforeBody") return Effect.fail(reset)
      return Effect.zipRight(fault.acted ? request.serve : request.read, Effect.fail(reset))
    }
    case "TruncatedBody":
      return Effect.map(request.serve, (response) => truncated(response, fault.bytes))
    case "OversizedBody":
      return Effect.as(request.read, oversized(fault))
    case "Never":
      return Effect.zipRight(request.read, Effect.never)
  }
}

const rateLimited = (fault: RateLimited, now: number): HttpServerResponse.HttpServerResponse => {
  const resetAtMillis = now + Duration.toMillis(fault.after)
  return Reply.text(429, fault.body, {
    "content-type": fault.contentType,
    ...(fault.rateLimitHeaders && Number.isFinite(resetAtMillis)
      ? Reply.rateLimitHeaders({ limit: 180, remaining: 0, resetAtMillis, exceeded: true })
      : {}),
    ...Reply.retryAfter(fault.retryAfter, resetAtMillis, now, fault.header)
  })
}

const truncated = (
  response: HttpServerResponse.HttpServerResponse,
  bytes: Option.Option<number>
): HttpServerResponse.HttpServerResponse => {
  // Every answer of the emulator's own routes is text, held as bytes.
  const whole = response.body._tag === "Uint8Array" ? response.body.body : new TextEncoder().encode("{}")
  const sent = Math.min(
    whole.length - 1,
    Option.getOrElse(bytes, () => Math.floor(whole.length / 2))
  )
  return HttpServerResponse.stream(
    Stream.concat(Stream.succeed(whole.subarray(0, sent)), Stream.fail(new ConnectionReset({ when: "duringAnswer" }))),
    { status: response.status, headers: response.headers, contentLength: whole.length }
  )
}

const piece = 64 * 1024

const oversized = (fault: OversizedBody): HttpServerResponse.HttpServerResponse => {
  const encoder = new TextEncoder()
  const head = encoder.encode('{"padding":"')
  const tail = encoder.encode('"}')
  const padding = new Uint8Array(piece).fill(0x61)
  const middle = fault.bytes - head.length - tail.length
  const filler = (bytes: number) =>
    Stream.unfold(bytes, (left) =>
      left <= 0 ? Option.none() : Option.some([padding.subarray(0, Math.min(piece, left)), left - piece] as const)
    )
  // Too small for JSON: only letters.
  const body =
    middle < 0
      ? filler(fault.bytes)
      : Stream.concat(Stream.concat(Stream.succeed(head), filler(middle)), Stream.succeed(tail))
  return HttpServerResponse.stream(body, { status: fault.status, contentType: "application/json" })
}
