// Credential helpers: programs named docker-credential-… that keep secrets for Docker (docker/docker-credential-helpers).
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { runProgram } from "./boundedProgram.ts"
import type { Entry } from "./dockerAuth.ts"
import type { DockerConfigError } from "./dockerConfigError.ts"
import { problem } from "./dockerConfigError.ts"

export interface CredentialHelper {
  /** The program's name, as errors name it. */
  readonly program: string
  readonly get: (key: string) => Effect.Effect<Option.Option<Entry>, DockerConfigError>
  readonly store: (
    key: string,
    username: string,
    secret: Redacted.Redacted<string>
  ) => Effect.Effect<void, DockerConfigError>
  /** A key that the helper does not know is erased already. */
  readonly erase: (key: string) => Effect.Effect<void, DockerConfigError>
}

/** The user name of an identity token, which opens the registry and nothing else. */
const IDENTITY_TOKEN = "<token>"

const NOT_FOUND = "credentials not found in native keychain"

/** Helpers print their errors on stdout, where secrets go too: of their words only those known are told, in ours. */
const KNOWN_FAILURES: ReadonlyArray<readonly [theirs: string, ours: string]> = [
  ["not initialized", `its password store is not initialized: run "pass init"`],
  ["password store is empty", `its password store is not initialized: run "pass init"`],
  ["decryption failed", "GnuPG could not decrypt the secret: check that its key is there and can be unlocked"],
  ["org.freedesktop.secrets", "no secret service answers on the session's D-Bus: start one, such as gnome-keyring"],
  ["autolaunch D-Bus", "there is no D-Bus session here: use another helper on a machine without a desktop"],
  ["stub received bad data", "the secret is too long for the Windows Credential Manager, which takes 2560 bytes"],
  ["interaction is not allowed", "the keychain is locked and may not ask here: unlock it first"],
  ["no credentials server URL", "it got no server URL"],
  ["no credentials username", "it got no user name"]
]

const Output = Schema.parseJson(Schema.Struct({ Username: Schema.String, Secret: Schema.String }))
// Schema's own error would hold the output.
const decodeOutput = Schema.decodeUnknownOption(Output)
const encodeInput = Schema.encodeSync(
  Schema.parseJson(Schema.Struct({ ServerURL: Schema.String, Username: Schema.String, Secret: Schema.String }))
)

export const make = (name: string, timeout: Duration.Duration): CredentialHelper => {
  const program = `docker-credential-${name}`

  /** What it printed, none when it said that it has no such entry. */
  const run = (action: "get" | "store" | "erase", input: string) =>
    Effect.gen(function* () {
      const path = yield* Effect.orElseSucceed(Config.option(Config.string("PATH")), Option.none<string>)
      const result = yield* runProgram({ program, argument: action, input, path, timeout })
      const text = yield* decodeText(result.stdout)
      if (result.code === 0) return Option.some(text)
      if (text.trim() === NOT_FOUND) return Option.none()
      return yield* problem("HelperFailed", program, failure(program, action, result, text))
    }).pipe(
      Effect.catchTag("ProgramProblem", ({ detail, reason }) =>
        Effect.fail(problem(reason, program, reason === "HelperTimedOut" ? Duration.format(timeout) : detail))
      )
    )

  const get: CredentialHelper["get"] = (key) =>
    Effect.flatMap(
      run("get", key),
      Option.match({
        onNone: () => Effect.succeedNone,
        onSome: (text) => understand(program, text)
      })
    )

  return {
    program,
    get,
    store: (key, username, secret) =>
      run("store", encodeInput({ ServerURL: key, Username: username, Secret: Redacted.value(secret) })).pipe(
        Effect.filterOrFail(Option.isSome, () => problem("HelperFailed", program, `it did not store: "${NOT_FOUND}"`)),
        Effect.asVoid
      ),
    erase: (key) =>
      run("erase", key).pipe(
        Effect.asVoid,
        // Some, such as pass, fail where nothing was stored; so it is gone if it cannot be had.
        Effect.catchIf(
          ({ reason }) => reason === "HelperFailed",
          (error) => Effect.flatMap(get(key), (left) => (Option.isNone(left) ? Effect.void : Effect.fail(error)))
        )
      )
  }
}

/** What replacement characters stand for is no secret that was ever stored. */
const decodeText = (bytes: Uint8Array) =>
  Effect.try(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes)).pipe(Effect.orElseSucceed(() => ""))

const understand = (program: string, text: string): Effect.Effect<Option.Option<Entry>, DockerConfigError> => {
  const noise = Effect.fail(problem("HelperOutput", program, "printed something else than credentials"))
  return Option.match(decodeOutput(text), {
    onNone: () => noise,
    onSome: ({ Secret, Username }) => {
      if (Secret === "") return Username === "" ? Effect.succeedNone : noise
      if (Username === IDENTITY_TOKEN) return Effect.succeedSome<Entry>({ _tag: "IdentityToken" })
      if (Username.trim() === "") return noise
      return Effect.succeedSome<Entry>({ _tag: "Pair", username: Username, secret: Redacted.make(Secret) })
    }
  })
}

const failure = (
  program: string,
  action: string,
  { code, signal }: { readonly code: number | null; readonly signal: string | null },
  text: string
): string => {
  if (code === null) return `it was ended by ${signal ?? "a signal"}`
  const known = KNOWN_FAILURES.find(([theirs]) => text.includes(theirs))
  if (known !== undefined) return known[1]
  const byHand = action === "get" ? `; to see what it says: echo https://index.docker.io/v1/ | ${program} get` : ""
  return `"${action}" ended with exit code ${code}${byHand}`
}
