// Small files of a person's: read whole but never without bound, and replaced in one step.
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import { randomUUID } from "node:crypto"
import * as Path from "node:path"
import type { DockerConfigError } from "./dockerConfigError.ts"
import { problem } from "./dockerConfigError.ts"

/** A `config.json` has a few KiB; what is larger by far is something else. */
const MAX_BYTES = 1024 * 1024

/** The text of a file, none if there is no such file. */
export const read = (path: string): Effect.Effect<Option.Option<string>, DockerConfigError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    // Looked at first: to open a FIFO would wait for its writer.
    const { type } = yield* fs.stat(path)
    if (type !== "File") return yield* problem("Unreadable", path, `it is no file (${type})`)
    const bytes = yield* fs.stream(path, { bytesToRead: FileSystem.Size(MAX_BYTES + 1) }).pipe(
      Stream.runCollect,
      Effect.map((chunks) => Buffer.concat(Array.from(chunks)))
    )
    if (bytes.length > MAX_BYTES) return yield* problem("TooLarge", path, "1 MiB")
    return Option.some(
      yield* Effect.try({
        try: () => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
        catch: () => problem("NotJson", path)
      })
    )
  }).pipe(
    Effect.catchTag("SystemError", (error) =>
      error.reason === "NotFound" ? Effect.succeedNone : Effect.fail(problem("Unreadable", path, describe(error)))
    ),
    Effect.catchTag("BadArgument", () => problem("Unreadable", path, "its name is not one a file can have"))
  )

/**
 * Put a text in a file's place, so that whoever reads meets the old or the new one whole, and a crash or a full disk leaves
 * the old. The file is its owner's alone (0600) from the first byte; a symbolic link stays one.
 */
export const replace = (path: string, text: string): Effect.Effect<void, DockerConfigError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const target = yield* Effect.orElseSucceed(fs.realPath(path), () => path)
    const directory = Path.dirname(target)
    yield* ensureDirectory(fs, directory)
    // In the same directory, for a rename is atomic within one file system only.
    const temporary = Path.join(directory, `.${Path.basename(target)}.${randomUUID()}.tmp`)
    yield* Effect.gen(function* () {
      yield* writeAndSync(temporary, text)
      // With sudo the file stays the person's, who could not read it otherwise.
      yield* Effect.ignore(Effect.flatMap(fs.stat(target), (old) => chown(fs, temporary, old)))
      yield* fs.rename(temporary, target)
    }).pipe(Effect.ensuring(Effect.ignore(fs.remove(temporary, { force: true }))))
    // The rename itself outlives a power failure only now; not every system can do it.
    yield* fs.open(directory).pipe(
      Effect.flatMap((opened) => opened.sync),
      Effect.scoped,
      Effect.ignore
    )
  }).pipe(
    Effect.mapError((error) =>
      problem(
        "Unwritable",
        path,
        error._tag === "SystemError" ? describe(error) : "its name is not one a file can have"
      )
    )
  )

/** Step by step: Node's own `recursive` never ends where a directory cannot be made though its parent is there (/proc). */
const ensureDirectory = (fs: FileSystem.FileSystem, path: string): Effect.Effect<void, PlatformError.PlatformError> => {
  const make = fs.makeDirectory(path, { mode: 0o700 })
  const parent = Path.dirname(path)
  return make.pipe(
    Effect.catchIf(
      (error) => error._tag === "SystemError" && error.reason === "NotFound" && parent !== path,
      () => Effect.zipRight(ensureDirectory(fs, parent), make)
    ),
    Effect.catchIf(
      (error) => error._tag === "SystemError" && error.reason === "AlreadyExists",
      () => Effect.void
    )
  )
}

const writeAndSync = (path: string, text: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const file = yield* fs.open(path, { flag: "wx", mode: 0o600 })
    yield* file.writeAll(new TextEncoder().encode(text))
    yield* file.sync
  }).pipe(Effect.scoped)

const chown = (fs: FileSystem.FileSystem, path: string, owner: FileSystem.File.Info) =>
  Option.match(Option.all([owner.uid, owner.gid]), {
    onNone: () => Effect.void,
    onSome: ([uid, gid]) => fs.chown(path, uid, gid)
  })

const reasons: { readonly [reason: string]: string } = {
  PermissionDenied: "permission denied",
  NotFound: "there is no such directory",
  BadResource: "its path leads through something that is no directory, or is one itself"
}

/** Only the kind of failure; Node's code where Effect has no name for it, such as ENOSPC. */
const describe = (error: PlatformError.SystemError): string => {
  const code = Predicate.hasProperty(error.cause, "code") ? error.cause.code : undefined
  return reasons[error.reason] ?? (typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : error.reason)
}
