// A request's body, and whether it can be sent again.
import * as HttpBody from "@effect/platform/HttpBody"
import * as Stream from "effect/Stream"

export interface Outgoing {
  readonly body: HttpBody.HttpBody
  /** Whether sending it takes nothing away from it. */
  readonly resendable: boolean
  /** Whether nobody has begun to read a body that can be read once. */
  readonly untouched: () => boolean
}

/** The body of one call, watched: what begins to read a stream is only known to the stream. */
export const watch = (body: HttpBody.HttpBody): Outgoing => {
  if (body._tag !== "Stream") return { body, resendable: isResendable(body), untouched: () => false }
  let touched = false
  const stream = Stream.suspend(() => {
    touched = true
    return body.stream
  })
  return {
    body: HttpBody.stream(stream, body.contentType, body.contentLength),
    resendable: false,
    untouched: () => !touched
  }
}

const isResendable = (body: Exclude<HttpBody.HttpBody, HttpBody.Stream>): boolean =>
  body._tag !== "Raw" ||
  typeof body.body === "string" ||
  body.body instanceof ArrayBuffer ||
  ArrayBuffer.isView(body.body) ||
  body.body instanceof Blob ||
  body.body instanceof URLSearchParams
