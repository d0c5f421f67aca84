import { assert, describe, it } from "@effect/vitest"
import { Credentials } from "@effect-dockerhub/core"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { inspect } from "node:util"
import * as DockerConfig from "../src/DockerConfig.ts"
import { base64, KEY, machine, TOKEN_KEY } from "./DockerConfigMachine.ts"

/** It stands wherever a secret could, in clear, and in base64 at each of the three offsets. */
const CANARY = "c4n4ry-s3cr3t-t0ken"
const traces = [CANARY, ...["", "a", "ab"].map((before) => base64(before + CANARY).slice(4, 20))]

const printed = (exit: Exit.Exit<unknown, unknown>): string =>
  [
    inspect(exit, { depth: 8, showHidden: true }),
    JSON.stringify(exit),
    Exit.isFailure(exit) ? Cause.pretty(exit.cause, { renderErrorCause: true }) : ""
  ].join("\n")

/** A mistake can put the canary where the user name is, and a user name is no secret. */
const nameIn = (exit: Exit.Exit<unknown, unknown>): string => {
  return Exit.isSuccess(exit) && exit.value instanceof Credentials.Password ? exit.value.username : "<name>"
}

/** Credentials, none, or a DockerConfigError; no defect, and no trace of the canary in anything that can be printed. */
const check = <A>(effect: Effect.Effect<A, DockerConfig.DockerConfigError>) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const logger = Logger.make((entry) => void lines.push(inspect(entry, { depth: 8 })))
    const exit = yield* effect.pipe(
      Effect.tapErrorCause(Effect.logError),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
      Logger.withMinimumLogLevel(LogLevel.All),
      Effect.exit
    )
    if (Exit.isFailure(exit)) {
      const error = Cause.failureOption(exit.cause)
      assert.isTrue(
        Option.isSome(error) && error.value instanceof DockerConfig.DockerConfigError,
        Cause.pretty(exit.cause)
      )
    }
    const everything = (printed(exit) + lines.join("\n")).replaceAll(nameIn(exit), "<name>")
    for (const trace of traces) assert.notInclude(everything, trace)
    return exit
  })

const secret = FastCheck.constantFrom(
  CANARY,
  base64(`ada:${CANARY}`),
  base64(`${CANARY}:`),
  base64(`:${CANARY}`),
  base64(CANARY),
  base64(`ada:${CANARY}`).slice(1),
  `${base64(`a:${CANARY}`)}\n`,
  ""
)
const leaf = FastCheck.oneof(secret, FastCheck.jsonValue({ maxDepth: 1 }))
const entry = FastCheck.oneof(
  {
    weight: 4,
    arbitrary: FastCheck.record(
      { auth: leaf, username: leaf, password: leaf, identitytoken: leaf, registrytoken: leaf, email: leaf },
      { requiredKeys: [] }
    )
  },
  leaf
)
const hub = FastCheck.constantFrom(KEY, TOKEN_KEY, "docker.io", "https://hub.docker.com/", "__proto__", "ghcr.io")
const auths = FastCheck.oneof({ weight: 5, arbitrary: FastCheck.dictionary(hub, entry) }, leaf)
const config = FastCheck.oneof(
  { weight: 5, arbitrary: FastCheck.record({ auths, psFormat: leaf, ["__proto__"]: leaf }, { requiredKeys: [] }) },
  leaf
)
/** JSON, JSON with a mistake in it, or no JSON at all. */
const text = FastCheck.oneof(
  {
    weight: 3,
    arbitrary: FastCheck.tuple(config, FastCheck.constantFrom("", "\t")).map(([value, space]) =>
      JSON.stringify(value, null, space)
    )
  },
  FastCheck.tuple(config, FastCheck.nat(), FastCheck.constantFrom("", "}", '"', CANARY, ",")).map(
    ([value, at, noise]) => {
      const json = JSON.stringify(value)
      const cut = at % (json.length + 1)
      return json.slice(0, cut) + noise + json.slice(cut + 1)
    }
  ),
  FastCheck.string().map((noise) => noise + CANARY)
)

const runs = FastCheck.asyncProperty
const scoped = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) => Effect.runPromise(Effect.scoped(effect))

describe("whatever is read", () => {
  it("a config.json gives credentials, none or a DockerConfigError, and tells no secret", () =>
    scoped(
      Effect.gen(function* () {
        const { on, write } = yield* machine
        const property = runs(text, (given) => {
          write(given)
          return Effect.runPromise(
            Effect.all([check(on()(DockerConfig.credentials)), check(on()(DockerConfig.accessToken))])
          ).then(() => {})
        })
        yield* Effect.promise(() => FastCheck.assert(property, { numRuns: 150 }))
      })
    ))

  it("so does DOCKER_AUTH_CONFIG", () =>
    scoped(
      Effect.gen(function* () {
        const { on } = yield* machine
        const property = runs(text, (given) =>
          Effect.runPromise(check(on({ DOCKER_AUTH_CONFIG: given })(DockerConfig.credentials))).then(() => {})
        )
        yield* Effect.promise(() => FastCheck.assert(property, { numRuns: 150 }))
      })
    ))

  it("what erase and store leave is JSON whenever it was JSON, and never half of anything", () =>
    scoped(
      Effect.gen(function* () {
        const { on, read, write } = yield* machine
        const property = runs(text, (given) => {
          write(given)
          return Effect.runPromise(check(on()(DockerConfig.erase))).then((exit) => {
            if (Exit.isFailure(exit)) assert.strictEqual(read(), given)
            else if (read() !== given) JSON.parse(read())
          })
        })
        yield* Effect.promise(() => FastCheck.assert(property, { numRuns: 200 }))
      })
    ))

  it("so does a helper, whatever it prints and however it ends", () =>
    scoped(
      Effect.gen(function* () {
        const { home, on, write } = yield* machine
        write({ credsStore: "any" })
        // In sh, which starts ten times as fast as node.
        const output = Path.join(home, "output")
        const program = `#!/bin/sh\nread -r code <"${output}.code"\ncat "${output}"\nexit "$code"\n`
        Fs.writeFileSync(Path.join(home, "bin", "docker-credential-any"), program, { mode: 0o755 })
        const credentials = FastCheck.record(
          { ServerURL: leaf, Username: FastCheck.oneof(FastCheck.constant("ada"), leaf), Secret: leaf },
          { requiredKeys: [] }
        ).map((value) => JSON.stringify(value))
        const words = FastCheck.constantFrom(
          "credentials not found in native keychain\n",
          `gpg: decryption failed: ${CANARY}`
        )
        const outputs = FastCheck.oneof(credentials, words, text)
        const property = runs(outputs, FastCheck.constantFrom("0", "1", "255"), (given, code) => {
          Fs.writeFileSync(output, given)
          Fs.writeFileSync(`${output}.code`, `${code}\n`)
          return Effect.runPromise(check(on()(DockerConfig.credentials))).then(() => {})
        })
        yield* Effect.promise(() => FastCheck.assert(property, { numRuns: 120 }))
      })
    ))
})
