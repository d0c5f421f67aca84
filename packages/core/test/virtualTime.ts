// Virtual time for simulations of days: a clock that jumps from sleep to sleep as soon as nothing else is left to do.
// Effect's TestClock would take milliseconds for each of some hundred thousand steps.
import type * as Clock from "effect/Clock"
import { ClockTypeId } from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"

interface Sleep {
  readonly at: number
  readonly wake: () => void
}

/** A binary heap of sleeps, the earliest first. */
class Sleeps {
  private readonly heap: Array<Sleep> = []

  push(sleep: Sleep): void {
    let index = this.heap.push(sleep) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!this.swapIfLater(parent, index)) return
      index = parent
    }
  }

  pop(): Sleep | undefined {
    const first = this.heap[0]
    const last = this.heap.pop()
    if (first === undefined || last === undefined || this.heap.length === 0) return first
    this.heap[0] = last
    let index = 0
    while (true) {
      const left = 2 * index + 1
      const child = this.isLater(left, left + 1) ? left + 1 : left
      if (child >= this.heap.length || !this.swapIfLater(index, child)) return first
      index = child
    }
  }

  private isLater(a: number, b: number): boolean {
    return (this.heap[a]?.at ?? Number.POSITIVE_INFINITY) > (this.heap[b]?.at ?? Number.POSITIVE_INFINITY)
  }

  private swapIfLater(a: number, b: number): boolean {
    const [first, second] = [this.heap[a], this.heap[b]]
    if (first === undefined || second === undefined || first.at <= second.at) return false
    this.heap[a] = second
    this.heap[b] = first
    return true
  }
}

const idle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Run an effect from `start` (epoch milliseconds) on; whatever sleeps in it takes no time. */
export const runVirtually = <A, E>(effect: Effect.Effect<A, E>, start: number): Promise<A> => {
  const sleeps = new Sleeps()
  let now = start
  const clock: Clock.Clock = {
    [ClockTypeId]: ClockTypeId,
    unsafeCurrentTimeMillis: () => now,
    unsafeCurrentTimeNanos: () => BigInt(Math.round(now * 1_000_000)),
    currentTimeMillis: Effect.sync(() => now),
    currentTimeNanos: Effect.sync(() => BigInt(Math.round(now * 1_000_000))),
    sleep: (duration) =>
      Effect.async((resume) => {
        const millis = Duration.toMillis(duration)
        if (!Number.isFinite(millis)) return
        let asleep = true
        sleeps.push({ at: now + millis, wake: () => void (asleep && resume(Effect.void)) })
        return Effect.sync(() => {
          asleep = false
        })
      })
  }

  const drive = async (): Promise<A> => {
    const fiber = Effect.runFork(Effect.withClock(effect, clock))
    const ended: Array<Exit.Exit<A, E>> = []
    fiber.addObserver((exit) => void ended.push(exit))
    let patience = 100
    while (true) {
      await idle()
      await idle()
      const [exit] = ended
      if (exit !== undefined) {
        return Exit.getOrElse(exit, (cause) => {
          throw new Error(`failed: ${String(cause)}`)
        })
      }
      const next = sleeps.pop()
      if (next !== undefined) {
        patience = 100
        now = Math.max(now, next.at)
        next.wake()
      } else if (patience-- > 0) {
        // Effect's scheduler hands over to a timer now and then.
        await new Promise((resolve) => setTimeout(resolve, 1))
      } else {
        await Effect.runPromise(Fiber.interruptFork(fiber))
        throw new Error("everybody waits, and nobody for a time")
      }
    }
  }
  return drive()
}
