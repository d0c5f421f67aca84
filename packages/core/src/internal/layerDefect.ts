// What an HTTP layer dies of: it may hold the request with all its secrets, and a crash prints it all.
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as Effect from "effect/Effect"

/** An error of the platform that somebody turned into a defect is an error again; of any other defect nothing is kept. */
export const withoutDefects = <A, E, R>(
  self: Effect.Effect<A, E, R>
): Effect.Effect<A, E | HttpClientError.HttpClientError, R> =>
  Effect.catchAllDefect(self, (defect) =>
    HttpClientError.isHttpClientError(defect)
      ? Effect.fail(defect)
      : Effect.dieMessage("the HTTP layer died; what of is withheld, since it may hold a secret")
  )
