// What the person at the terminal sees while something takes long: a spinner on stderr, and nothing where there is none.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/** Keeps the spinner away from what an effect prints or asks. */
export type Hold = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]

/** Whoever has an answer at once sees no spinner. */
const PATIENCE = Duration.millis(300)

const ERASE_LINE = "\r\u001b[K"

/** Whether colours and moving things are welcome on stderr. */
export const isLively = (): boolean =>
  process.stderr.isTTY && (process.env["NO_COLOR"] ?? "") === "" && process.env["TERM"] !== "dumb"

/** Show that something is under way, once it has taken a while. */
export const whileWaiting = <A, E, R>(
  label: string,
  effect: (hold: Hold) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    if (!isLively()) return effect((held) => held)
    let shown = false
    let holds = 0
    const erase = Effect.sync(() => {
      if (shown) process.stderr.write(ERASE_LINE)
      shown = false
    })
    const hold: Hold = (held) =>
      Effect.acquireUseRelease(
        Effect.zipRight(
          Effect.sync(() => holds++),
          erase
        ),
        () => held,
        () => Effect.sync(() => holds--)
      )
    const frame = (count: number) =>
      Effect.sync(() => {
        if (holds > 0) return
        shown = true
        process.stderr.write(`${ERASE_LINE}${FRAMES[count % FRAMES.length]} ${label}`)
      })
    const spin = Effect.iterate(0, {
      while: () => true,
      body: (count) => Effect.as(Effect.zipRight(frame(count), Effect.sleep("80 millis")), count + 1)
    }).pipe(Effect.delay(PATIENCE))
    return Effect.acquireUseRelease(
      Effect.fork(Effect.interruptible(spin)),
      () => effect(hold),
      (spinner) => Effect.zipRight(Fiber.interrupt(spinner), erase)
    )
  })
