// A lock between processes: who waits for it and how long, and who keeps it alive.
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as LockFile from "./lockFile.ts"

export interface Rhythm {
  /** How often a holder gives a sign of life. */
  readonly beat: Duration.Duration
  /**
   * How long a holder may be silent. It counts only for one whose process cannot be seen from here, that hangs or sleeps: one
   * that was killed is known at once. Measured by the waiter's own clock, so that no difference between two clocks matters.
   */
  readonly silence: Duration.Duration
}

export const standard: Rhythm = { beat: Duration.seconds(2), silence: Duration.seconds(10) }

/**
 * Run an effect while no other process does under the same name. It runs without the lock once `longest` has passed, and at
 * once where no lock file can be made: a full disk must not keep anybody from logging in.
 */
export const exclusively =
  (directory: string, name: string, longest: Duration.Duration, rhythm: Rhythm = standard) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.acquireUseRelease(
      Effect.gen(function* () {
        const settled = yield* Deferred.make<void>()
        // A fiber of its own, so that a file system that hangs holds up neither who waits nor who is interrupted.
        const holder = yield* Effect.forkDaemon(Effect.interruptible(hold(directory, name, rhythm, settled)))
        return { settled, holder }
      }),
      ({ settled }) => Effect.zipRight(Effect.timeoutOption(Deferred.await(settled), longest), effect),
      ({ holder }) =>
        // Waited for, lest the process ends first and leaves a lock.
        Effect.zipRight(
          Fiber.interruptFork(holder),
          Effect.timeoutOption(Effect.interruptible(Fiber.await(holder)), "1 seconds")
        )
    )

const hold = (directory: string, name: string, rhythm: Rhythm, settled: Deferred.Deferred<void>): Effect.Effect<void> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const lock = yield* acquire(directory, name, rhythm, restore)
      yield* Deferred.succeed(settled, undefined)
      if (Option.isNone(lock)) return
      yield* Effect.ensuring(restore(beating(lock.value, rhythm)), tried(lock.value.release))
    })
  )

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** None where there can be no lock. Interruptible between attempts, and never in the middle of one. */
const acquire = (
  directory: string,
  name: string,
  { silence }: Rhythm,
  restore: Restore
): Effect.Effect<Option.Option<LockFile.Held>> =>
  Effect.gen(function* () {
    // Since when the holders that are in the way give no sign of life.
    let silentSince = new Map<string, number>()
    let pause = 20
    while (true) {
      const now = yield* monotonic
      const met = new Map<string, number>()
      const isSilent = (mark: string) => {
        const since = silentSince.get(mark) ?? now
        met.set(mark, since)
        return now - since >= Duration.toMillis(silence)
      }
      const attempt = yield* tried(() => LockFile.attempt(directory, name, isSilent))
      if (Option.isNone(attempt)) return Option.none()
      if (attempt.value !== undefined) return Option.some(attempt.value)
      silentSince = met
      yield* restore(Effect.sleep(Duration.millis(yield* Random.nextIntBetween(pause / 2, pause))))
      pause = Math.min(pause * 1.5, 100)
    }
  })

const beating = (lock: LockFile.Held, { beat }: Rhythm): Effect.Effect<never> =>
  Effect.forever(Effect.zipRight(Effect.sleep(beat), tried(lock.beat)))

const tried = <A>(step: () => Promise<A>): Effect.Effect<Option.Option<A>> => Effect.option(Effect.tryPromise(step))

const monotonic = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos) / 1_000_000)
