import { assert, describe, it } from "@effect/vitest"
import type { SecondFactor } from "@effect-dockerhub/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as NodeSecondFactor from "../src/NodeSecondFactor.ts"
import type { Fake } from "./NodeSecondFactorTerminal.ts"
import { makeFake } from "./NodeSecondFactorTerminal.ts"

const first: SecondFactor.SecondFactorRequest = {
  attempt: 1,
  rejected: Option.none(),
  detail: "two factor code required",
  serverTime: Option.none()
}

/** Asks on a made-up terminal. */
const ask = (fake: Fake, options: NodeSecondFactor.Options = {}, request: SecondFactor.SecondFactorRequest = first) => {
  const service = NodeSecondFactor.make({ ...options, terminal: Effect.succeed(fake.terminal) })
  if (service._tag === "None") throw new Error("it asks nobody")
  return Effect.map(service.code(request), Redacted.value)
}

/** Asks, and types once the question is there. */
const answer = (fake: Fake, keys: ReadonlyArray<string>, options: NodeSecondFactor.Options = {}) =>
  Effect.gen(function* () {
    const asking = yield* Effect.fork(Effect.either(ask(fake, options)))
    for (const key of keys) {
      yield* Effect.sleep("5 millis")
      fake.type(key)
    }
    const outcome = yield* Fiber.join(asking)
    return outcome._tag === "Right" ? outcome.right : outcome.left.message
  })

const isQuiet = ({ input }: Fake) => {
  assert.isFalse(input.isRaw)
  assert.isTrue(input.isPaused())
  assert.deepStrictEqual(
    ["data", "close", "error"].map((event) => input.listenerCount(event)),
    fresh
  )
}
const fresh = ["data", "close", "error"].map((event) => makeFake().input.listenerCount(event))

describe.each([
  ["shown", {}, []],
  ["hidden", { hidden: true }, ["<raw>"]]
] as const)("a question, %s,", (_, options, raw) => {
  const hint = raw.length > 0 ? " (it stays hidden)" : ""
  const after = raw.length > 0 ? ["<cooked>", "\n"] : []

  it.live("gives what is typed and leaves the terminal as it was", () =>
    Effect.gen(function* () {
      const fake = makeFake()
      assert.strictEqual(yield* answer(fake, ["123 ", "456\n"], options), "123 456")
      assert.deepStrictEqual(fake.log, [...raw, `Two-factor code${hint}: `, ...after])
      isQuiet(fake)
    })
  )

  it.live("says that a code was refused, and which attempt this is", () =>
    Effect.gen(function* () {
      const fake = makeFake()
      const request = { ...first, attempt: 2, rejected: Option.some(Redacted.make("111111")) }
      const asking = yield* Effect.fork(ask(fake, { ...options, prompt: "Code" }, request))
      yield* Effect.sleep("5 millis")
      fake.type("222222\n")
      assert.strictEqual(yield* Fiber.join(asking), "222222")
      assert.include(fake.log.join(""), `That code was refused.\nCode (attempt 2 of 3)${hint}: `)
      assert.notInclude(fake.log.join(""), "111111")
    })
  )

  it.live("is asked again after an empty line, twice", () =>
    Effect.gen(function* () {
      const fake = makeFake()
      assert.strictEqual(yield* answer(fake, ["\n", "  \n", "1\n"], options), "1")
      assert.match(yield* answer(fake, ["\n", "\n", "\n"], options), /none was typed/)
      isQuiet(fake)
    })
  )

  it.live("ends with the input, and so does every later one", () =>
    Effect.gen(function* () {
      const fake = makeFake()
      const asking = yield* Effect.fork(Effect.flip(ask(fake, options)))
      yield* Effect.sleep("5 millis")
      fake.type("12")
      fake.input.end()
      assert.strictEqual((yield* Fiber.join(asking)).message, "No two-factor code could be had: none was typed")
      assert.strictEqual((yield* Effect.flip(ask(fake, options)))._tag, "SecondFactorUnavailable")
      assert.isFalse(fake.input.isRaw)
    })
  )

  it.live("ends when the terminal goes away", () =>
    Effect.gen(function* () {
      const fake = makeFake()
      const asking = yield* Effect.fork(Effect.flip(ask(fake, options)))
      yield* Effect.sleep("5 millis")
      fake.input.destroy(new Error("EIO"))
      assert.strictEqual((yield* Fiber.join(asking))._tag, "SecondFactorUnavailable")
    })
  )

  it.live("puts the terminal right when it is interrupted", () =>
    Effect.gen(function* () {
      const fake = makeFake()
      const asking = yield* Effect.fork(ask(fake, options))
      yield* Effect.sleep("5 millis")
      fake.type("12")
      yield* Fiber.interrupt(asking)
      isQuiet(fake)
      assert.strictEqual(fake.log.at(-1), "\n")
      assert.strictEqual(yield* answer(fake, ["3\n"], options), "3")
    })
  )

  it.live("gives a program that reads the terminal itself its mode and its stream back", () =>
    Effect.gen(function* () {
      const fake = makeFake()
      fake.input.isRaw = raw.length === 0
      fake.input.on("data", () => {})
      assert.strictEqual(yield* answer(fake, ["1\n"], options), "1")
      assert.strictEqual(fake.input.isRaw, raw.length === 0)
      assert.isFalse(fake.input.isPaused())
    })
  )

  it.live("takes a line, and leaves what was typed ahead to the next", () =>
    Effect.gen(function* () {
      const fake = makeFake()
      assert.strictEqual(yield* answer(fake, ["1\n2\n3"], options), "1")
      assert.strictEqual(yield* answer(fake, [], options), "2")
      assert.strictEqual(yield* answer(fake, ["4\n"], options), "34")
    })
  )
})

describe("a hidden question", () => {
  it.live.each([
    ["backspace", ["12x\u007f3", "\b", "4\r"], "124"],
    ["backspace, half a code point at a time", ["1\u{1F600}\u007f2\r"], "12"],
    ["Ctrl-U", ["999\u0015", "123\r"], "123"],
    ["arrows, function keys and a lone Escape", ["1\u001b[D2\u001bOP", "\u001b", "3\u001b[15~\r"], "123"],
    ["the marks of a paste", ["\u001b[200~123456\u001b[201~\r"], "123456"],
    ["other control keys", ["1\u0001\u001a\t2\u0004\r"], "12"]
  ] as const)("understands %s", ([, keys, code]) =>
    Effect.map(answer(makeFake(), keys, { hidden: true }), (found) => assert.strictEqual(found, code))
  )

  it.live("ends by Ctrl-D on an empty line, and by Ctrl-C, which is SIGINT once the terminal is right again", () =>
    Effect.gen(function* () {
      const fake = makeFake()
      assert.match(yield* answer(fake, ["1\u007f", "\u0004"], { hidden: true }), /none was typed/)
      fake.log.length = 0
      assert.match(yield* answer(fake, ["12\u0003"], { hidden: true }), /cancelled with Ctrl-C/)
      assert.deepStrictEqual(fake.log.slice(2), ["<cooked>", "\n", "<SIGINT>"])
      isQuiet(fake)
    })
  )
})

describe("questions", () => {
  it.live("that are put at once are asked one after the other, whoever leaves meanwhile", () =>
    Effect.gen(function* () {
      const fake = makeFake()
      const asking = yield* Effect.forEach(["One", "Two", "Three"], (prompt) => Effect.fork(ask(fake, { prompt })))
      const [one, two, three] = asking
      yield* Effect.sleep("5 millis")
      assert.deepStrictEqual(fake.log, ["One: "])
      if (two !== undefined) yield* Fiber.interrupt(two)
      fake.type("1\n")
      yield* Effect.sleep("5 millis")
      assert.deepStrictEqual(fake.log, ["One: ", "Three: "])
      fake.type("3\n")
      assert.strictEqual(one === undefined ? "" : yield* Fiber.join(one), "1")
      assert.strictEqual(three === undefined ? "" : yield* Fiber.join(three), "3")
    })
  )

  it("that say nothing are a mistake in the program", () => {
    assert.throws(() => NodeSecondFactor.terminalWith({ prompt: " " }), TypeError)
  })

  it("are for a person", () => {
    const { terminal } = NodeSecondFactor
    assert.isTrue(terminal._tag === "Codes" && terminal.interactive)
  })
})
