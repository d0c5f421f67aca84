// A login in the company of others: what another process has stored is taken, and what a login brings is stored.
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as AccessToken from "../AccessToken.ts"
import type { AuthenticateError } from "../AuthError.ts"
import { AccessDenied, InvalidCredentials, InvalidTwoFactorCode, RateLimited, SessionStoreError } from "../AuthError.ts"
import * as SessionStore from "../SessionStore.ts"

/** A token, and since when it lives by our clock. */
export interface Obtained {
  readonly token: AccessToken.AccessToken
  readonly since: number
  readonly restored: boolean
}

export interface Options {
  readonly store: SessionStore.Service
  readonly key: string
  /** The longest a store may take for one step before it counts as failed. */
  readonly patience: Duration.Duration
  /** Whether the session has a use for this token. */
  readonly isWanted: (obtained: Obtained, now: number) => boolean
  /** When it ends, by the server's clock, for a token that may not say. */
  readonly expiresAt: (obtained: Obtained) => number
  /** A stored refusal was met, and is about to be the failure: it holds until then. */
  readonly onRefusal: (until: number) => void
  /** Whether the session still has a token to serve, which a refusal must not take the place of. */
  readonly hasToken: (now: number) => boolean
  /** How long a token lives that does not say, in milliseconds. */
  readonly fallback: number
  /** How long others are kept from repeating a refusal. */
  readonly refusalLifetime: Duration.Duration
  /** Which refusals are shared: a code that a person mistyped is nobody else's. */
  readonly shared: ReadonlyArray<SessionStore.Refusal["error"]>
}

export interface StoredLogin {
  /** What is stored and wanted. */
  readonly find: Effect.Effect<Option.Option<Obtained>, AuthenticateError>
  /** What is stored meanwhile, or else what this login brings; nobody else logs in until it is done. */
  readonly run: (
    login: Effect.Effect<AccessToken.AccessToken, AuthenticateError>
  ) => Effect.Effect<Obtained, AuthenticateError>
  readonly forget: Effect.Effect<void, SessionStoreError>
}

/** How long an account is left alone by others after a 429 that told no time: it may be locked. */
const UNTOLD = Duration.minutes(1)

const errors: {
  readonly [Tag in SessionStore.Refusal["error"]]: (detail: string, left: Duration.Duration) => AuthenticateError
} = {
  InvalidCredentials: (detail) => new InvalidCredentials({ detail }),
  InvalidTwoFactorCode: (detail) => new InvalidTwoFactorCode({ detail }),
  AccessDenied: (detail) => new AccessDenied({ detail }),
  RateLimited: (detail, left) => new RateLimited({ retryAfter: Option.some(left), rateLimit: Option.none(), detail })
}

export const make = ({
  expiresAt,
  hasToken,
  isWanted,
  key,
  onRefusal,
  patience,
  fallback,
  refusalLifetime,
  shared,
  store
}: Options): StoredLogin => {
  /** What a step dies of may hold a token. Caught within, since Effect logs what a disconnected fiber dies of. */
  const step = <A>(operation: SessionStoreError["operation"], run: () => Effect.Effect<A, SessionStoreError>) =>
    Effect.suspend(run).pipe(
      Effect.catchAllDefect(() => new SessionStoreError({ operation, reason: "it died" })),
      // A store that does not let itself be interrupted is not waited for either.
      Effect.disconnect,
      Effect.timeoutFail({
        duration: patience,
        onTimeout: () => new SessionStoreError({ operation, reason: "it did not answer in time" })
      })
    )

  /** What is written is waited for, also when it is interrupted: a `forget` must come after it. */
  const put = (entry: SessionStore.StoredToken) =>
    Effect.uninterruptible(
      Effect.flatMap(
        Effect.forkDaemon(Effect.interruptible(whatever(step("write", () => store.write(key, entry))))),
        Fiber.join
      )
    )

  const find: StoredLogin["find"] = Effect.gen(function* () {
    const entry = Option.flatten(yield* whatever(step("read", () => store.read(key))))
    const now = yield* Clock.currentTimeMillis
    if (Option.isNone(entry)) return Option.none()
    if (entry.value._tag === "Token") {
      const obtained = yield* restore(entry.value, now, fallback)
      return Option.filter(obtained, (found) => isWanted(found, now))
    }
    const { error, until } = entry.value
    const left = DateTime.toEpochMillis(until) - now
    if (left <= 0 || !shared.includes(error)) return Option.none()
    const remembered = errors[error](
      "another login for this account was refused a moment ago; nothing was sent",
      Duration.millis(left)
    )
    onRefusal(now + left)
    return yield* Effect.fail(remembered)
  })

  const write = (obtained: Obtained) => {
    const { clockSkew, value } = obtained.token
    const entry = new SessionStore.Token({ value, clockSkew, expiresAt: DateTime.unsafeMake(expiresAt(obtained)) })
    return put(entry)
  }

  const writeRefusal = (error: AuthenticateError) =>
    Effect.gen(function* () {
      const tag = shared.find((candidate) => candidate === error._tag)
      const now = yield* Clock.currentTimeMillis
      if (tag === undefined || hasToken(now)) return
      const lifetime = error._tag === "RateLimited" ? Option.getOrElse(error.retryAfter, () => UNTOLD) : refusalLifetime
      const until = DateTime.make(now + Duration.toMillis(lifetime))
      if (Option.isSome(until)) {
        yield* put(new SessionStore.Refusal({ error: tag, until: until.value }))
      }
    })

  return {
    find,
    run: (login) =>
      store.exclusively(key)(
        Effect.gen(function* () {
          const found = yield* find
          if (Option.isSome(found)) return found.value
          const token = yield* Effect.tapError(login, writeRefusal)
          const obtained = { token, since: yield* Clock.currentTimeMillis, restored: false }
          if (isWanted(obtained, obtained.since)) yield* write(obtained)
          return obtained
        })
      ),
    forget: store.exclusively(key)(step("remove", () => store.remove(key)))
  }
}

/** A store that fails must not fail the login. */
const whatever = <A>(effect: Effect.Effect<A, SessionStoreError>): Effect.Effect<Option.Option<A>> =>
  effect.pipe(
    Effect.tapError((error) => Effect.logWarning(error.message)),
    Effect.option
  )

/** A clock that was set back by more than this since is not the one the stored skew was measured by. */
const LARGEST_STEP_BACK = 2000

/** A stored token as a token; none when it cannot be one any more. */
const restore = (stored: SessionStore.Token, now: number, fallback: number): Effect.Effect<Option.Option<Obtained>> =>
  AccessToken.fromString(stored.value, { clockSkew: stored.clockSkew }).pipe(
    Effect.map((read) => {
      const expiresAt = Option.getOrElse(read.expiresAt, () => stored.expiresAt)
      const token = new AccessToken.AccessToken({ ...read, expiresAt: Option.some(expiresAt) })
      const issued = Option.map(token.issuedAt, (time) => DateTime.toEpochMillis(time) - token.clockSkew)
      const guess = Math.min(now, DateTime.toEpochMillis(expiresAt) - token.clockSkew - fallback)
      return { token, since: Option.getOrElse(issued, () => guess), restored: true }
    }),
    Effect.filterOrFail(({ since }) => since <= now + LARGEST_STEP_BACK),
    Effect.map((obtained) => ({ ...obtained, since: Math.min(obtained.since, now) })),
    Effect.option
  )
