// Letting go of a response nobody will read, so that its connection serves the next request or is closed.
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as Stream from "effect/Stream"

/** A longer body costs more than the new connection that reading it would save. */
const MOST_BYTES = 64 * 1024

/** Read a response's body to its end, where that end is near; else cancel it. */
export const letGo = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<void> =>
  response.stream.pipe(
    // What goes wrong with it is nobody's concern any more. Caught here, since Effect logs a stream that fails in a run.
    Stream.catchAllCause(() => Stream.empty),
    Stream.runFoldWhile(
      0,
      (size) => size <= MOST_BYTES,
      (size, chunk) => size + chunk.byteLength
    ),
    // Not even a layer whose streams cannot be interrupted keeps us waiting.
    Effect.disconnect,
    Effect.timeoutTo({ duration: "1 seconds", onSuccess: constVoid, onTimeout: constVoid })
  )

/** The same in the background, for one who must go on at once. */
export const abandon = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<void> =>
  Effect.asVoid(Effect.forkDaemon(Effect.interruptible(letGo(response))))
