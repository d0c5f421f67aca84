// The whole login of a password: a challenge, a code, and as many fresh starts as the second factor is worth.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { AuthenticateError, TwoFactorChallenge, TwoFactorRequired } from "../AuthError.ts"
import { InvalidTwoFactorCode } from "../AuthError.ts"
import type * as SecondFactor from "../SecondFactor.ts"
import { monotonic } from "./monotonic.ts"
import { typedCode } from "./typedCode.ts"

/** `A` is what a login brings: a token, and for a session also where it came from. */
export interface Steps<A> {
  readonly login: Effect.Effect<A, AuthenticateError>
  readonly twoFactorLogin: (input: {
    readonly challenge: TwoFactorChallenge
    readonly code: Redacted.Redacted<string>
  }) => Effect.Effect<A, AuthenticateError>
  readonly secondFactor: SecondFactor.Service
}

const ATTEMPTS_OF_A_PERSON = 3
const ATTEMPTS_OF_A_SEED = 2

/** Docker calls a challenge "short time lived": a code that took longer is sent with a fresh one. */
const FRESH = Duration.seconds(60)

export const authenticateWith = <A>(steps: Steps<A>): Effect.Effect<A, AuthenticateError> =>
  Effect.gen(function* () {
    const { secondFactor, twoFactorLogin } = steps
    const sent = new Set<string>()
    let attempt = 1
    let rejection = Option.none<{ readonly code: Redacted.Redacted<string>; readonly detail: string }>()
    let lost = Option.none<AuthenticateError>()

    // A wrong code and a dead challenge look the same on the wire, so every round begins with a login.
    while (true) {
      const first = yield* challenged(steps.login)
      if (first._tag === "LoggedIn") return first.value
      if (secondFactor._tag === "None") return yield* first.error

      const challengedAt = yield* monotonic
      const code = yield* secondFactor.code({
        attempt,
        rejected: Option.map(rejection, (last) => last.code),
        detail: Option.match(rejection, { onNone: () => first.error.detail, onSome: (last) => last.detail }),
        serverTime: first.error.challenge.serverTime
      })
      const late = (yield* monotonic) - challengedAt > Duration.toMillis(FRESH)
      const second = late ? yield* challenged(steps.login) : first
      if (second._tag === "LoggedIn") return second.value

      const outcome = yield* Effect.either(
        once(sent, code, lost, () => twoFactorLogin({ challenge: second.error.challenge, code }))
      )
      if (Either.isRight(outcome)) return outcome.right
      const error = outcome.left
      if (error._tag === "InvalidTwoFactorCode" && attempt < attemptsOf(secondFactor)) {
        attempt++
        rejection = Option.some({ code, detail: error.detail })
      } else if (isAmbiguous(error) && !secondFactor.interactive && Option.isNone(lost)) {
        lost = Option.some(error)
      } else {
        return yield* Effect.fail(error)
      }
    }
  })

type Challenged<A> =
  | { readonly _tag: "LoggedIn"; readonly value: A }
  | { readonly _tag: "Challenge"; readonly error: TwoFactorRequired }

const challenged = <A>(
  login: Effect.Effect<A, AuthenticateError>
): Effect.Effect<Challenged<A>, Exclude<AuthenticateError, TwoFactorRequired>> =>
  login.pipe(
    Effect.map((value): Challenged<A> => ({ _tag: "LoggedIn", value })),
    Effect.catchTag("TwoFactorRequired", (error) => Effect.succeed<Challenged<A>>({ _tag: "Challenge", error }))
  )

const attemptsOf = ({ interactive }: { readonly interactive: boolean }): number =>
  interactive ? ATTEMPTS_OF_A_PERSON : ATTEMPTS_OF_A_SEED

/**
 * Send a code unless this login has sent it before: it would be refused, and count as one more wrong one. Where the
 * answer to it was lost, that is still what went wrong.
 */
const once = <A>(
  sent: Set<string>,
  code: Redacted.Redacted<string>,
  lost: Option.Option<AuthenticateError>,
  send: () => Effect.Effect<A, AuthenticateError>
): Effect.Effect<A, AuthenticateError> =>
  Effect.suspend(() => {
    const typed = Redacted.value(typedCode(code))
    if (sent.has(typed)) {
      const detail = "the same code was sent before, and was not sent again"
      return Effect.fail(Option.getOrElse(lost, () => new InvalidTwoFactorCode({ detail })))
    }
    // A blank one is never sent.
    if (typed !== "") sent.add(typed)
    return send()
  })

/** The request may have reached the server and spent the code, and no answer came. */
const isAmbiguous = (error: AuthenticateError): boolean =>
  error._tag === "RequestTimedOut" || (error._tag === "TransportFailure" && error.sent)
