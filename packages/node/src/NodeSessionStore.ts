// NodeSessionStore: a token file only its owner can read, and a lock that all processes of a user share.
import * as HubPolicy from "@effect-dockerhub/core/HubPolicy"
import { SessionStoreError } from "@effect-dockerhub/core/AuthError"
import * as SessionStore from "@effect-dockerhub/core/SessionStore"
import * as Clock from "effect/Clock"
import type { ConfigError } from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { createHash } from "node:crypto"
import * as Path from "node:path"
import * as PrivateFile from "./internal/privateFile.ts"
import * as ProcessLock from "./internal/processLock.ts"
import { stateDirectory } from "./internal/stateDirectory.ts"

/**
 * What `layerWith` takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Where the files are. Made with mode 0700 if there is none. Default: see `layer`. */
  readonly directory?: string | undefined
}

/**
 * A store in a directory of your own. Throws a `TypeError` for a directory that cannot be.
 *
 * @example
 * ```ts
 * import { NodeSessionStore } from "@effect-dockerhub/node"
 *
 * const Store = NodeSessionStore.layerWith({ directory: "/var/lib/my-service/dockerhub" })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = ({ directory }: Options): Layer.Layer<SessionStore.SessionStore, ConfigError> => {
  if (directory === undefined) return layer
  if (directory === "" || directory.includes("\0")) {
    throw new TypeError("NodeSessionStore: directory must be a path that is not empty")
  }
  return Layer.effect(SessionStore.SessionStore, make(directory))
}

/**
 * A store in the user's state directory, so that a token outlives the process and serves all processes of the user.
 *
 * **Details**
 *
 * The directory is `effect-dockerhub` in `XDG_STATE_HOME`; where that is not set, in `~/.local/state`, on macOS in
 * `~/Library/Application Support` and on Windows in `%LOCALAPPDATA%`. Nothing is touched before the store is used.
 *
 * There is one file for each account, with mode 0600 in a directory with mode 0700. A file or directory that is open to other
 * users, belongs to one, or is a symbolic link, is refused with a `SessionStoreError` that says what to do. A file is
 * replaced in one step: whoever is killed while writing leaves the old one, and what else is left the next who writes clears
 * away.
 *
 * `exclusively` holds between processes too. A holder that was killed is known at once; one on another machine or in another
 * container that shares the directory, or one that is suspended, counts as gone after 10 s without a sign of life.
 *
 * @example
 * ```ts
 * import { Credentials, HubAuth, HubSession } from "@effect-dockerhub/core"
 * import { NodeHubHttp, NodeSessionStore } from "@effect-dockerhub/node"
 * import { Layer } from "effect"
 *
 * const Session = HubSession.layer({ credentials: Credentials.password("ada", "correct horse") }).pipe(
 *   Layer.provide([HubAuth.layer, NodeSessionStore.layer]),
 *   Layer.provide(NodeHubHttp.layer)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<SessionStore.SessionStore, ConfigError> = Layer.effect(
  SessionStore.SessionStore,
  Effect.suspend(() => Effect.flatMap(stateDirectory("effect-dockerhub"), make))
)

/** An entry names its key, so that one that was moved or copied is known for foreign. */
const Entry = Schema.parseJson(
  Schema.Struct({ version: Schema.Literal(1), key: Schema.String, entry: SessionStore.StoredToken })
)
const encode = Schema.encodeSync(Entry)
const decodeEntry = Schema.decodeUnknownOption(Entry)

const make = (given: string): Effect.Effect<SessionStore.Service> =>
  Effect.gen(function* () {
    // Without a slash at the end, which would follow a symbolic link.
    const directory = Path.resolve(given)
    const { deadline } = yield* HubPolicy.HubPolicy
    // Of the memory store only its lock: one waiter of a process at a time goes for the file.
    const within = yield* SessionStore.makeMemory
    const sweep = Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.ignore(Effect.tryPromise(() => PrivateFile.sweep(directory, now)))
    )
    const sweepOnce = yield* Effect.once(sweep)

    const attempt =
      (operation: SessionStoreError["operation"], key: string) =>
      <A>(step: (name: string, signal: AbortSignal) => Promise<A>): Effect.Effect<A, SessionStoreError> => {
        const name = `${fileName(key)}.json`
        return Effect.tryPromise({
          try: (signal) => step(name, signal),
          catch: (error) =>
            new SessionStoreError({ operation, reason: PrivateFile.explain(error, Path.join(directory, name)) })
        })
      }

    return {
      read: (key) =>
        attempt(
          "read",
          key
        )((name) => PrivateFile.read(directory, name)).pipe(
          Effect.map((text) => Option.flatMap(Option.fromNullable(text), (found) => decode(key, found))),
          Effect.zipLeft(sweepOnce)
        ),
      write: (key, entry) =>
        attempt(
          "write",
          key
        )((name, signal) => PrivateFile.write(directory, name, encode({ version: 1, key, entry }), signal)).pipe(
          Effect.zipLeft(sweep)
        ),
      remove: (key) =>
        Effect.zipLeft(
          attempt("remove", key)((name) => PrivateFile.remove(directory, name)),
          sweep
        ),
      exclusively: (key) => (effect) =>
        Effect.flatMap(monotonic, (began) =>
          within.exclusively(key)(
            Effect.flatMap(monotonic, (now) => {
              // The deadline is one for both locks.
              const left = Duration.toMillis(deadline) - (now - began)
              if (left <= 0) return effect
              return ProcessLock.exclusively(directory, `${fileName(key)}.lock`, Duration.millis(left))(effect)
            })
          )
        )
    }
  })

const monotonic = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos) / 1_000_000)

/** A session's key is fit for a name; any other is not to be trusted with being one. */
const fileName = (key: string): string =>
  /^[0-9a-f]{32}$/.test(key) ? key : createHash("sha256").update(key).digest("hex")

const decode = (key: string, text: string): Option.Option<SessionStore.StoredToken> =>
  decodeEntry(text).pipe(
    Option.filter((found) => found.key === key),
    Option.map((found) => found.entry)
  )
