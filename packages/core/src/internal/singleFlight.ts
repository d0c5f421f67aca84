// Single flight: one run of an effect, shared by everyone who asks for its outcome meanwhile.
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"

/** Somebody waits for a flight in the foreground; one in the background goes on although nobody does. */
export type Mode = "foreground" | "background"

export interface SingleFlight<A, E> {
  /** The outcome of the flight under way, or else of a new one. It is ended when all who wait for it are gone. */
  readonly join: Effect.Effect<A, E>
  /** Start a flight that nobody waits for, unless one is under way. */
  readonly launch: () => void
  /** End the flight under way and wait until it has ended; those who wait for it join the next one. */
  readonly cancel: Effect.Effect<void>
}

interface Flight<A, E> {
  readonly mode: Mode
  /** None when the flight was cancelled. */
  readonly outcome: Deferred.Deferred<Option.Option<A>, E>
  waiters: number
  cancelled: boolean
  end: Effect.Effect<unknown>
}

/**
 * `run` makes one flight; `fork` starts it where no caller's interruption, fiber refs or spans reach it. Effect's own
 * caches do not hold here: one caller's interruption fails the others (`Effect.cached`, `Cache`).
 */
export const make = <A, E>(
  run: (mode: Mode) => Effect.Effect<A, E>,
  fork: <B>(effect: Effect.Effect<B>) => Fiber.RuntimeFiber<B>
): SingleFlight<A, E> => {
  let current: Flight<A, E> | undefined

  const start = (mode: Mode): Flight<A, E> => {
    const outcome = Deferred.unsafeMake<Option.Option<A>, E>(FiberId.none)
    const flight: Flight<A, E> = { mode, outcome, waiters: 0, cancelled: false, end: Effect.void }
    current = flight
    // As a value, since nobody would see it as a failure of this fiber: whoever waits gets it as his own.
    const fiber = fork(Effect.exit(Effect.interruptible(run(mode))))
    flight.end = Fiber.interrupt(fiber)
    fiber.addObserver((exit) => {
      clear(flight)
      const outcome = flight.cancelled ? Exit.succeed(Option.none()) : Exit.map(Exit.flatten(exit), Option.some)
      Deferred.unsafeDone(flight.outcome, outcome)
    })
    return flight
  }

  const clear = (flight: Flight<A, E>): void => {
    // A later flight may have taken the place.
    if (current === flight) current = undefined
  }

  const board = Effect.sync(() => {
    const flight = current ?? start("foreground")
    flight.waiters++
    return flight
  })

  const leave = (flight: Flight<A, E>): Effect.Effect<void> =>
    Effect.suspend(() => {
      flight.waiters--
      const hasLanded = current !== flight
      if (hasLanded || flight.waiters > 0 || flight.mode === "background") return Effect.void
      clear(flight)
      return Effect.asVoid(Effect.forkDaemon(flight.end))
    })

  const join: Effect.Effect<A, E> = Effect.acquireUseRelease(
    board,
    ({ outcome }) => Deferred.await(outcome),
    leave
  ).pipe(Effect.flatMap(Option.match({ onNone: () => join, onSome: Effect.succeed })))

  return {
    join,
    launch: () => {
      if (current === undefined) start("background")
    },
    cancel: Effect.suspend(() => {
      const flight = current
      if (flight === undefined) return Effect.void
      flight.cancelled = true
      clear(flight)
      return Effect.asVoid(flight.end)
    })
  }
}
