// A lock for each key: one holder at a time, and a limit to how long anybody waits for it.
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

interface Lock {
  readonly semaphore: Effect.Semaphore
  users: number
}

/** After `longest` an effect runs although another holds the lock. */
export const keyedLock = (
  longest: Duration.Duration
): ((key: string) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>) => {
  const locks = new Map<string, Lock>()

  // A fiber of its own keeps the permit: to end it gives the permit back, whether it had it yet or not.
  const hold = (key: string) =>
    Effect.gen(function* () {
      const lock = locks.get(key) ?? { semaphore: Effect.unsafeMakeSemaphore(1), users: 0 }
      locks.set(key, lock)
      lock.users++
      const held = yield* Deferred.make<void>()
      const holder = yield* Effect.forkDaemon(
        Effect.interruptible(
          lock.semaphore.withPermits(1)(Effect.zipRight(Deferred.succeed(held, undefined), Effect.never))
        )
      )
      return { held, holder, lock }
    })

  return (key) => (effect) =>
    Effect.acquireUseRelease(
      hold(key),
      ({ held }) => Effect.zipRight(Effect.timeoutOption(Deferred.await(held), longest), effect),
      ({ holder, lock }) =>
        Effect.zipRight(
          Fiber.interrupt(holder),
          Effect.sync(() => {
            if (--lock.users === 0) locks.delete(key)
          })
        )
    )
}
