// HubSession: one account's token, kept fresh for everyone who asks.
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { AccessToken } from "./AccessToken.ts"
import { fromString, isExpired } from "./AccessToken.ts"
import type { AuthenticateError, MalformedToken, SessionStoreError } from "./AuthError.ts"
import { InvalidCredentials, UnexpectedResponse } from "./AuthError.ts"
import type { Credentials } from "./Credentials.ts"
import { config as CredentialsConfig } from "./Credentials.ts"
import * as HubAuth from "./HubAuth.ts"
import * as HubConfig from "./HubConfig.ts"
import * as HubPolicy from "./HubPolicy.ts"
import { authenticateWith } from "./internal/authenticate.ts"
import { checkDuration } from "./internal/checkDuration.ts"
import { fingerprint } from "./internal/fingerprint.ts"
import type { Lifetime } from "./internal/lifetime.ts"
import { lifetimeOf } from "./internal/lifetime.ts"
import { countRefresh, recordAge } from "./internal/metrics.ts"
import * as Refusals from "./internal/refusals.ts"
import type { Mode } from "./internal/singleFlight.ts"
import * as SingleFlight from "./internal/singleFlight.ts"
import * as StoredLogin from "./internal/storedLogin.ts"
import * as SecondFactor from "./SecondFactor.ts"
import * as SessionStore from "./SessionStore.ts"

/**
 * What happens to a session's token; never a secret.
 *
 * @since 0.1.0
 * @category models
 */
export type SessionEvent = Data.TaggedEnum<{
  /** The first login. */
  Authenticated: { readonly expiresAt: Option.Option<DateTime.Utc> }
  /** A later login, ahead of the token's end or after it. */
  Refreshed: { readonly expiresAt: Option.Option<DateTime.Utc> }
  /** A token was found in the store, and no login was needed. */
  Restored: { readonly expiresAt: Option.Option<DateTime.Utc> }
  /** A login in the background failed; the token at hand is still served. */
  RefreshFailed: { readonly error: AuthenticateError["_tag"]; readonly retryIn: Duration.Duration }
  /** A login failed in a way that is remembered: until then, or until `reset`, nobody asks again. */
  Refused: { readonly error: AuthenticateError["_tag"]; readonly until: Option.Option<DateTime.Utc> }
}>

/**
 * The constructors and matchers of `SessionEvent`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const SessionEvent: Data.TaggedEnum.Constructor<SessionEvent> = Data.taggedEnum<SessionEvent>()

/**
 * One account's token, shared by everyone who asks.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * A token that is good for now: the one at hand, or else the outcome of one login that all who ask meanwhile share.
   * Near its end it is replaced in the background.
   */
  readonly token: Effect.Effect<AccessToken, AuthenticateError>
  /** Say that the server refused a token. Nothing happens unless it is the one at hand. */
  readonly invalidate: (rejected: AccessToken) => Effect.Effect<void>
  /** Forget the token and any remembered refusal: the next who asks causes a login. */
  readonly reset: Effect.Effect<void>
  /** Forget the token everywhere. Fails with `SessionStoreError` when the store could not. */
  readonly logout: Effect.Effect<void, SessionStoreError>
  /** What happens from now on; whoever is slow misses the oldest but 64. */
  readonly events: Stream.Stream<SessionEvent>
  /** The Hub it logs in to, for what is built upon it. A service of your own may leave it out. */
  readonly config?: HubConfig.Service
}

/**
 * What `make` and `layer` take.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly credentials: Credentials
  /** The last share of a token's life in which it is replaced in the background, 0 to 0.5. Default 0.2. */
  readonly refreshAhead?: number
  /** How long a token is taken to live that does not say. Default 5 minutes. */
  readonly fallbackLifetime?: Duration.DurationInput
}

/**
 * The session of the program at hand.
 *
 * @since 0.1.0
 * @category tags
 */
export class HubSession extends Context.Tag("@effect-dockerhub/core/HubSession")<HubSession, Service>() {}

/**
 * A session over the `HubAuth` in context, and over the `SessionStore` if there is one. It lives as long as the scope.
 * `HubPolicy` and `SecondFactor` are read here, once: no caller's override, span or interruption reaches its logins.
 * Throws a `TypeError` for an option that cannot be.
 *
 * @example
 * ```ts
 * import { Credentials, HubAuth, HubSession } from "@effect-dockerhub/core"
 * import { FetchHttpClient } from "@effect/platform"
 * import { Effect, Layer } from "effect"
 *
 * const Session = HubSession.layer({ credentials: Credentials.password("ada", "correct horse") }).pipe(
 *   Layer.provide(HubAuth.layer),
 *   Layer.provide(FetchHttpClient.layer)
 * )
 * const program = Effect.provide(HubSession.token, Session)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Service, never, HubAuth.HubAuth | Scope.Scope> =>
  makeSession(check(options))

/**
 * `make` as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<HubSession, never, HubAuth.HubAuth> =>
  Layer.scoped(HubSession, make(options))

/**
 * `layer` with the credentials of `Credentials.config`. Fails with a `ConfigError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options?: Omit<Options, "credentials">
): Layer.Layer<HubSession, ConfigError, HubAuth.HubAuth> =>
  Layer.unwrapEffect(Effect.map(CredentialsConfig, (credentials) => layer({ ...options, credentials })))

/**
 * A session of one bearer that came from elsewhere, which nobody can renew: after `invalidate` or its expiry `token`
 * fails with `InvalidCredentials`. Fails with `MalformedToken`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerToken = (bearer: string | Redacted.Redacted<string>): Layer.Layer<HubSession, MalformedToken> =>
  Layer.effect(HubSession, Effect.map(fromString(bearer), makeFixed))

/**
 * `Service.token` of the session in context.
 *
 * @since 0.1.0
 * @category accessors
 */
export const token: Effect.Effect<AccessToken, AuthenticateError, HubSession> = Effect.flatMap(
  HubSession,
  (session) => session.token
)

/**
 * `Service.invalidate` of the session in context.
 *
 * @since 0.1.0
 * @category accessors
 */
export const invalidate = (rejected: AccessToken): Effect.Effect<void, never, HubSession> =>
  Effect.flatMap(HubSession, (session) => session.invalidate(rejected))

/**
 * `Service.reset` of the session in context.
 *
 * @since 0.1.0
 * @category accessors
 */
export const reset: Effect.Effect<void, never, HubSession> = Effect.flatMap(HubSession, (session) => session.reset)

/**
 * `Service.logout` of the session in context.
 *
 * @since 0.1.0
 * @category accessors
 */
export const logout: Effect.Effect<void, SessionStoreError, HubSession> = Effect.flatMap(
  HubSession,
  (session) => session.logout
)

/**
 * `Service.events` of the session in context.
 *
 * @since 0.1.0
 * @category accessors
 */
export const events: Stream.Stream<SessionEvent, never, HubSession> = Stream.unwrap(
  Effect.map(HubSession, (session) => session.events)
)

interface Checked {
  readonly credentials: Credentials
  readonly refreshAhead: number
  readonly fallbackLifetime: Duration.Duration
}

const LONGEST_FALLBACK = Duration.days(365)

const check = ({ credentials, fallbackLifetime = "5 minutes", refreshAhead = 0.2 }: Options): Checked => {
  if (!(refreshAhead >= 0 && refreshAhead <= 0.5)) {
    throw new TypeError("HubSession: refreshAhead must be a share of a token's life from 0 to 0.5")
  }
  checkDuration("HubSession: fallbackLifetime", fallbackLifetime, { allowZero: false })
  const lifetime = Duration.decode(fallbackLifetime)
  if (Duration.greaterThan(lifetime, LONGEST_FALLBACK)) {
    throw new TypeError("HubSession: fallbackLifetime must not be longer than a year")
  }
  return { credentials, refreshAhead, fallbackLifetime: lifetime }
}

/** The token at hand. */
interface Held extends Lifetime {
  readonly token: AccessToken
  /** `token` as an effect, made once: it is asked for on every request. */
  readonly served: Effect.Effect<AccessToken>
}

/** A refresh in the background would have to ask a person: it waits for a caller. */
class CallerNeeded extends Data.TaggedError("CallerNeeded") {}

const makeSession = (options: Checked): Effect.Effect<Service, never, HubAuth.HubAuth | Scope.Scope> =>
  Effect.gen(function* () {
    const { credentials } = options
    const auth = yield* HubAuth.HubAuth
    const runtime = yield* Effect.runtime<never>()
    const clock = yield* Effect.clock
    const config = auth.builtWith?.config ?? (yield* HubConfig.HubConfig)
    const secondFactor = SecondFactor.resolve(auth.builtWith?.secondFactor ?? SecondFactor.none, runtime.context)
    const policy = HubPolicy.resolve(HubPolicy.standard, runtime.context)
    const shared = yield* Effect.serviceOption(SessionStore.SessionStore)
    const store = Option.isSome(shared) ? shared.value : yield* SessionStore.makeMemory
    // A store of its own holds nothing else.
    const key = Option.isSome(shared) ? yield* fingerprint(config.baseUrl, credentials) : "token"
    const events = yield* PubSub.sliding<SessionEvent>(64)
    const share = {
      // Sessions that were started together must not refresh together.
      refreshAhead: options.refreshAhead * (yield* Random.nextRange(0.9, 1.1)),
      fallback: Duration.toMillis(options.fallbackLifetime)
    }
    const asksAPerson = credentials._tag === "Password" && secondFactor._tag === "Codes" && secondFactor.interactive

    let held: Held | undefined
    let dead: Redacted.Redacted<string> | undefined
    let metRefusal = Option.none<number>()
    let closed = false
    const refusals = Refusals.make()
    const background = { failures: 0, notBefore: 0, callerNeeded: false }
    const open = Effect.unsafeMakeLatch(true)
    const leaving = Effect.unsafeMakeSemaphore(1)

    const stored = StoredLogin.make({
      store,
      key,
      patience: policy.attemptTimeout,
      isWanted: ({ restored, since, token }, now) => {
        const { expiresAt, servedUntil } = lifetimeOf(token, since, share)
        const isNew = !restored || ((held === undefined || expiresAt > held.expiresAt) && !isSame(token, dead))
        return now < servedUntil && isNew
      },
      expiresAt: ({ since, token }) => lifetimeOf(token, since, share).expiresAt + token.clockSkew,
      hasToken: (now) => held !== undefined && now < held.servedUntil,
      onRefusal: (until) => {
        metRefusal = Option.some(until)
      },
      fallback: share.fallback,
      // The key says nothing of a password, and with another the next login may well succeed; an access token is in it.
      refusalLifetime: credentials._tag === "Password" ? Duration.seconds(15) : Duration.minutes(10),
      shared: [
        "InvalidCredentials",
        "AccessDenied",
        "RateLimited",
        ...(asksAPerson ? [] : ["InvalidTwoFactorCode" as const])
      ]
    })

    const login = (mode: Mode): Effect.Effect<StoredLogin.Obtained, AuthenticateError | CallerNeeded> => {
      if (!asksAPerson) return stored.run(auth.authenticate(credentials))
      if (mode === "background") {
        return auth.authenticate(credentials).pipe(
          Effect.provideService(SecondFactor.SecondFactor, SecondFactor.none),
          stored.run,
          Effect.catchTag("TwoFactorRequired", () => new CallerNeeded())
        )
      }
      // Each request takes the store's lock by itself, so that nobody else waits while a person looks for a code.
      return authenticateWith({
        login: stored.run(auth.login(credentials)),
        twoFactorLogin: (answer) => stored.run(auth.twoFactorLogin(answer)),
        secondFactor
      })
    }

    const accept = ({ restored, since, token }: StoredLogin.Obtained) =>
      Effect.gen(function* () {
        const now = clock.unsafeCurrentTimeMillis()
        const lifetime = lifetimeOf(token, since, share)
        if (now >= lifetime.servedUntil) {
          return yield* new UnexpectedResponse({ status: 200, reason: "the token had expired when it arrived" })
        }
        const previous = held
        if (previous !== undefined) yield* recordAge(now - previous.since)
        held = { ...lifetime, token, served: Effect.succeed(token) }
        refusals.forget()
        Object.assign(background, { failures: 0, notBefore: 0 })
        const { expiresAt } = token
        const isFirst = dead === undefined && previous === undefined
        yield* PubSub.publish(
          events,
          restored
            ? SessionEvent.Restored({ expiresAt })
            : isFirst
              ? SessionEvent.Authenticated({ expiresAt })
              : SessionEvent.Refreshed({ expiresAt })
        )
        return token
      })

    const fail = (mode: Mode, error: AuthenticateError) =>
      Effect.gen(function* () {
        const now = clock.unsafeCurrentTimeMillis()
        const until = refusals.remember(error, now, metRefusal)
        if (Option.isSome(until)) {
          const end = Option.flatMap(Option.filter(until, Number.isFinite), DateTime.make)
          yield* PubSub.publish(events, SessionEvent.Refused({ error: error._tag, until: end }))
        } else if (mode === "background" && held !== undefined) {
          const retryIn = yield* backoff(held, ++background.failures)
          background.notBefore = now + Duration.toMillis(retryIn)
          yield* PubSub.publish(events, SessionEvent.RefreshFailed({ error: error._tag, retryIn }))
        }
      })

    const fly = (mode: Mode): Effect.Effect<AccessToken, AuthenticateError | CallerNeeded> =>
      Effect.gen(function* () {
        yield* open.await
        if (closed) return yield* Effect.interrupt
        metRefusal = Option.none()
        const found = held === undefined ? yield* stored.find : Option.none()
        return yield* accept(Option.isSome(found) ? found.value : yield* login(mode))
      }).pipe(
        Effect.tapError((error) =>
          error._tag === "CallerNeeded" ? Effect.sync(() => void (background.callerNeeded = true)) : fail(mode, error)
        ),
        Effect.tapBoth({
          onSuccess: () => countRefresh("AccessToken"),
          onFailure: (error) => countRefresh(error._tag === "CallerNeeded" ? "TwoFactorRequired" : error._tag)
        }),
        Effect.withSpan("HubSession.refresh", {
          root: true,
          attributes: { "dockerhub.attempts": background.failures + 1 }
        })
      )

    // A scope that is closed before it is closing: what begins while the session's own is closing has an owner.
    const flights = yield* Scope.make()
    const flight = SingleFlight.make(fly, (effect) => Runtime.runFork(runtime)(effect, { scope: flights }))

    const joined: Effect.Effect<AccessToken, AuthenticateError> = Effect.catchTag(
      flight.join,
      "CallerNeeded",
      () => joined
    )

    const refresh = (now: number): void => {
      const mayTry = now >= background.notBefore && !background.callerNeeded && Option.isNone(refusals.current(now))
      if (mayTry) flight.launch()
    }

    const forget = Effect.sync(() => {
      held = undefined
      dead = undefined
      refusals.forget()
      Object.assign(background, { failures: 0, notBefore: 0, callerNeeded: false })
    })

    /** Nothing new begins until it is done; what was under way is ended first, so that nothing is stored after it. */
    const leave = <E>(forgetStored: Effect.Effect<void, E>): Effect.Effect<void, E> =>
      Effect.gen(function* () {
        yield* open.close
        // Nobody is served while the flight ends, nor what it may still have brought.
        yield* forget
        yield* flight.cancel
        yield* forget
        yield* forgetStored
      }).pipe(Effect.ensuring(open.open), leaving.withPermits(1))

    yield* Effect.addFinalizer((exit) =>
      Effect.gen(function* () {
        held = undefined
        closed = true
        yield* Scope.close(flights, exit)
        yield* PubSub.shutdown(events)
      })
    )

    return {
      token: Effect.suspend(() => {
        const now = clock.unsafeCurrentTimeMillis()
        if (held !== undefined && now < held.servedUntil) {
          if (now >= held.refreshAt) refresh(now)
          return held.served
        }
        if (closed) return Effect.interrupt
        return Option.match(refusals.current(now), { onNone: () => joined, onSome: Effect.fail })
      }),
      invalidate: (rejected) =>
        Effect.suspend(() => {
          if (held === undefined || !isSame(held.token, rejected.value)) return Effect.void
          const { since } = held
          dead = held.token.value
          held = undefined
          return recordAge(clock.unsafeCurrentTimeMillis() - since)
        }),
      reset: leave(Effect.ignore(stored.forget)),
      logout: leave(stored.forget),
      events: Stream.fromPubSub(events),
      config
    }
  })

/** Pauses after failures in the background grow to a minute, and stay well within the time that is left. */
const backoff = ({ expiresAt, refreshAt }: Lifetime, failures: number): Effect.Effect<Duration.Duration> => {
  const shortest = Math.min(5000, (expiresAt - refreshAt) / 8)
  const longest = Math.min(shortest * 2 ** (failures - 1), 60_000)
  return Effect.map(Random.nextRange(longest / 2, longest), (millis) => Duration.millis(Math.round(millis)))
}

const isSame = (token: AccessToken, value: Redacted.Redacted<string> | undefined): boolean =>
  value !== undefined && Redacted.value(token.value) === Redacted.value(value)

const makeFixed = (bearer: AccessToken): Service => {
  let known: AccessToken | undefined = bearer
  let refused = false
  const over = new InvalidCredentials({
    detail: "the fixed bearer was refused, has expired or was forgotten; provide another"
  })
  return {
    token: Effect.suspend(() => (known === undefined || refused ? Effect.fail(over) : Effect.succeed(known))).pipe(
      Effect.tap((token) => Effect.flatMap(isExpired(token), (expired) => (expired ? Effect.fail(over) : Effect.void)))
    ),
    invalidate: (rejected) =>
      Effect.sync(() => {
        refused ||= known !== undefined && isSame(known, rejected.value)
      }),
    reset: Effect.sync(() => {
      refused = false
    }),
    logout: Effect.sync(() => {
      known = undefined
    }),
    events: Stream.empty
  }
}
