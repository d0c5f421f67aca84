// Private files: only their owner can read them, and a reader meets a whole one or none. No Effect here: the command's
// warm path reads with it.
import type { Stats } from "node:fs"
import { constants, renameSync } from "node:fs"
import { lstat, mkdir, open, readdir, rm, unlink } from "node:fs/promises"
import * as Path from "node:path"
import * as ProcessTag from "./processTag.ts"

/** A path that is not as it must be; the message says what to do. */
export class Refused extends Error {}

/** An entry has a few KiB; what is larger by far is none. */
const MAX_BYTES = 1024 * 1024

/** After that, what a process of another machine left behind is taken for abandoned. */
const ABANDONED = 60 * 60 * 1000

/** The text of a file, `undefined` if there is none. Throws `Refused` if others have access to it or to its directory. */
export const read = async (directory: string, name: string): Promise<string | undefined> => {
  if (!(await hasDirectory(directory))) return undefined
  const path = Path.join(directory, name)
  const handle = await orMissing(
    // To open a FIFO without O_NONBLOCK would wait for its writer. Windows has neither flag.
    open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)).catch((error) => {
      throw ProcessTag.codeOf(error) === "ELOOP" ? symbolicLink(path) : error
    })
  )
  if (handle === undefined) return undefined
  try {
    // Of what is open, not of what the path leads to by now.
    const stats = await handle.stat()
    if (!stats.isFile()) throw new Refused(`${path} is no regular file; remove it`)
    refuseOthers(path, stats, "600")
    return stats.size > MAX_BYTES ? undefined : await handle.readFile("utf8")
  } finally {
    await handle.close()
  }
}

/**
 * Put a text in a file's place in one step. Whoever is killed on the way leaves the old file and a temporary one, which
 * `sweep` removes. Once `signal` is aborted the file does not change any more.
 */
export const write = async (directory: string, name: string, text: string, signal: AbortSignal): Promise<void> => {
  await ensureDirectory(directory)
  const temporary = await temporaryPath(directory, name)
  try {
    const handle = await open(temporary, "wx", 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    // In one turn with the rename: a write that was given up must not undo a removal that came after it.
    signal.throwIfAborted()
    renameSync(temporary, Path.join(directory, name))
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw error
  }
  await syncDirectory(directory)
}

/** Others may have had access to it: then it has all the more to go. */
export const remove = async (directory: string, name: string): Promise<void> => {
  await orMissing(unlink(Path.join(directory, name)))
  await syncDirectory(directory)
}

/** Removes the temporary files of processes that are no more; they may hold a token. */
export const sweep = async (directory: string, now: number): Promise<void> => {
  for (const name of await readdir(directory).catch(() => [])) {
    const [, text] = TEMPORARY.exec(name) ?? []
    const tag = text === undefined ? undefined : ProcessTag.parse(text)
    if (tag === undefined) continue
    const path = Path.join(directory, name)
    if (await isAbandoned(tag, path, now)) await rm(path, { force: true }).catch(() => undefined)
  }
}

/** Makes the directory if there is none. Throws `Refused` if others have access to it. */
export const ensureDirectory = async (directory: string): Promise<void> => {
  if (await hasDirectory(directory)) return
  await makeDirectory(directory)
  await hasDirectory(directory)
}

/** Step by step: Node's own `recursive` never ends where the parent is there and takes nothing, as under /proc. */
const makeDirectory = async (directory: string): Promise<void> => {
  const missing: Array<string> = []
  for (let path = directory; !(await isThere(path)); path = Path.dirname(path)) missing.unshift(path)
  for (const path of missing) {
    await mkdir(path, { mode: 0o700 }).catch((error: unknown) => {
      // Another process may have been faster.
      if (ProcessTag.codeOf(error) !== "EEXIST") throw error
    })
  }
}

const isThere = async (path: string): Promise<boolean> => (await lstat(path).catch(() => undefined)) !== undefined

/** A name for a file in the making, which says who makes it. */
export const temporaryPath = async (directory: string, name: string): Promise<string> =>
  Path.join(directory, `${name}.${ProcessTag.format(await ProcessTag.create())}.tmp`)

const TEMPORARY = /\.(?:json|lock)\.([0-9a-f-]+)\.tmp$/

const isAbandoned = async (tag: ProcessTag.ProcessTag, path: string, now: number): Promise<boolean> => {
  if (await ProcessTag.isGone(tag)) return true
  const stats = await lstat(path).catch(() => undefined)
  return stats !== undefined && now - stats.mtimeMs > ABANDONED
}

/** What went wrong, for a person. Node's own messages are not repeated; ours name paths and nothing else. */
export const explain = (error: unknown, path: string): string => {
  if (error instanceof Refused) return error.message
  const code = ProcessTag.codeOf(error)
  return `${path}: ${sentences[code] ?? (/^E[A-Z0-9]+$/.test(code) ? code : "an unknown failure")}`
}

const sentences: { readonly [code: string]: string } = {
  EACCES: "permission denied (EACCES)",
  EPERM: "permission denied (EPERM)",
  EROFS: "the file system is read-only (EROFS)",
  ENOSPC: "the disk is full (ENOSPC)",
  EDQUOT: "the disk quota is used up (EDQUOT)",
  ENOTDIR: "a part of its path is no directory (ENOTDIR)",
  EISDIR: "it is a directory (EISDIR)",
  EMFILE: "too many files are open (EMFILE)",
  EIO: "the disk failed (EIO)"
}

/** Whether there is such a directory. Throws `Refused` for one that others have access to, and for what is none. */
const hasDirectory = async (directory: string): Promise<boolean> => {
  const stats = await orMissing(lstat(directory))
  if (stats === undefined) return false
  if (stats.isSymbolicLink()) throw symbolicLink(directory)
  if (!stats.isDirectory()) throw new Refused(`${directory} is no directory; move it away`)
  refuseOthers(directory, stats, "700")
  return true
}

const symbolicLink = (path: string): Refused =>
  new Refused(`${path} is a symbolic link, which is not followed; remove it, or name the place it leads to`)

/** Windows knows neither owner nor mode; there the profile of a user is closed to others. */
const refuseOthers = (path: string, { mode, uid }: Stats, wanted: "600" | "700"): void => {
  const user = process.geteuid?.()
  if (user === undefined) return
  if (uid !== user)
    throw new Refused(`${path} belongs to another user (id ${uid}; this is ${user}); remove it as that user`)
  if ((mode & 0o077) !== 0) {
    const now = (mode & 0o777).toString(8).padStart(3, "0")
    throw new Refused(`${path} is open to other users (its mode is ${now}); run: chmod ${wanted} ${path}`)
  }
}

/** A rename outlives a power failure only then; not every system can do it. */
const syncDirectory = async (directory: string): Promise<void> => {
  const handle = await open(directory, constants.O_RDONLY).catch(() => undefined)
  await handle?.sync().catch(() => undefined)
  await handle?.close()
}

const orMissing = <A>(promise: Promise<A>): Promise<A | undefined> =>
  promise.catch((error: unknown) => {
    if (ProcessTag.codeOf(error) === "ENOENT") return undefined
    throw error
  })
