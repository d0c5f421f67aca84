// A response and its errors as a caller may see them: with the request the caller made, never the one that held a bearer.
import type * as Cookies from "@effect/platform/Cookies"
import * as Headers from "@effect/platform/Headers"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import type * as UrlParams from "@effect/platform/UrlParams"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import type * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import { failureOf } from "./transportFailure.ts"

type ResponseError = HttpClientError.ResponseError

export class CallersResponse extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly request: HttpClientRequest.HttpClientRequest
  /** Private to the engine: what prints an object shows every other kind of field. */
  readonly #sent: HttpClientResponse.HttpClientResponse

  constructor(request: HttpClientRequest.HttpClientRequest, sent: HttpClientResponse.HttpClientResponse) {
    super()
    this.request = request
    this.#sent = sent
  }

  get status(): number {
    return this.#sent.status
  }

  get headers(): Headers.Headers {
    return this.#sent.headers
  }

  get cookies(): Cookies.Cookies {
    return this.#sent.cookies
  }

  get remoteAddress(): Option.Option<string> {
    return this.#sent.remoteAddress
  }

  get text(): Effect.Effect<string, ResponseError> {
    return Effect.mapError(this.#sent.text, (error) => this.error(error))
  }

  get json(): Effect.Effect<unknown, ResponseError> {
    return Effect.mapError(this.#sent.json, (error) => this.error(error, "JSON"))
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, ResponseError> {
    return Effect.mapError(this.#sent.urlParamsBody, (error) => this.error(error))
  }

  get formData(): Effect.Effect<FormData, ResponseError> {
    return Effect.mapError(this.#sent.formData, (error) => this.error(error, "form data"))
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, ResponseError> {
    return Effect.mapError(this.#sent.arrayBuffer, (error) => this.error(error))
  }

  get stream(): Stream.Stream<Uint8Array, ResponseError> {
    return Stream.mapError(this.#sent.stream, (error) => this.error(error))
  }

  /** An error of the response below as one of this response: the reason is kept, what the layer said is not. */
  error(error: ResponseError, format?: Format): ResponseError {
    const { reason } = error
    const told = { request: this.request, response: this, reason }
    if (reason === "EmptyBody") {
      return new HttpClientError.ResponseError({ ...told, description: "the response has no body" })
    }
    if (format !== undefined && isMisformed[format](error.cause)) {
      return new HttpClientError.ResponseError({ ...told, description: `the body is not ${format}` })
    }
    const failure = failureOf(error)
    return new HttpClientError.ResponseError({ ...told, description: failure.message, cause: failure })
  }

  /** Without the body, unlike the platform's own: printing would begin to read it, and it may repeat a secret. */
  override toJSON(): unknown {
    return {
      _id: "@effect/platform/HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status,
      headers: Headers.redact(this.headers, ["authorization", "cookie", "set-cookie", "x-api-key"]),
      remoteAddress: this.remoteAddress.toJSON()
    }
  }
}

type Format = keyof typeof isMisformed

/** How parsers say so: `JSON.parse` in a class of its own, fetch's without the cause that a broken connection has. */
const isMisformed = {
  JSON: (cause: unknown) => cause instanceof SyntaxError,
  "form data": (cause: unknown) => cause instanceof TypeError && Predicate.isNullable(cause.cause)
}
