// A lock file: one attempt to become its only holder, the holder's sign of life, its end. Nothing here waits.
//
// Libraries that do this (proper-lockfile, lockfile) remove an abandoned lock and then make their own: of two who find it
// abandoned, the slower removes the lock of the faster (moxystudio/node-proper-lockfile#121). Here nobody removes what is
// another's. Whoever finds the lock abandoned makes a file that is named after it, which one can do and no more, and only then
// puts it in the lock's place. An heir who is killed in between has an heir in turn.
import type { FileHandle } from "node:fs/promises"
import { constants } from "node:fs"
import { copyFile, link, lstat, open, readdir, readFile, rename, rm } from "node:fs/promises"
import * as Path from "node:path"
import * as PrivateFile from "./privateFile.ts"
import * as ProcessTag from "./processTag.ts"

export interface Held {
  /** The sign of life, for those who cannot see whether this process runs. */
  readonly beat: () => Promise<void>
  readonly release: () => Promise<void>
}

/** Whether a holder has been silent for so long that it counts as gone. Each of its signs of life changes its mark. */
export type IsSilent = (mark: string) => boolean

/** The lock, `undefined` if somebody has it. */
export const attempt = async (directory: string, name: string, isSilent: IsSilent): Promise<Held | undefined> => {
  await PrivateFile.ensureDirectory(directory)
  const path = Path.join(directory, name)
  const tag = await ProcessTag.create()
  const temporary = Path.join(directory, `${name}.${ProcessTag.format(tag)}.tmp`)
  const handle = await open(temporary, "wx", 0o600)
  try {
    await handle.writeFile(ProcessTag.format(tag))
    if (await claim(path, temporary, tag, isSilent)) return held(path, tag, handle)
    await handle.close()
    return undefined
  } catch (error) {
    await handle.close().catch(() => undefined)
    throw error
  } finally {
    // The lock is a second name of the same file.
    await rm(temporary, { force: true }).catch(() => undefined)
  }
}

const held = (path: string, tag: ProcessTag.ProcessTag, handle: FileHandle): Held => ({
  // By the handle: it may be another's lock that has the name by now.
  beat: async () => {
    const now = new Date()
    await handle.utimes(now, now)
  },
  release: async () => {
    await handle.close().catch(() => undefined)
    if ((await holderOf(path))?.nonce === tag.nonce) await rm(path, { force: true })
  }
})

/** Whether the lock is ours. Where it was given free meanwhile, the next attempt will see. */
const claim = async (
  path: string,
  temporary: string,
  tag: ProcessTag.ProcessTag,
  isSilent: IsSilent
): Promise<boolean> => {
  if (await place(temporary, path)) return true
  const first = await holderOf(path)
  if (first === undefined) return false
  for (let holder: Holder | undefined = first; holder !== undefined;) {
    const isGone = isSilent(holder.mark) || (holder.tag !== undefined && (await ProcessTag.isGone(holder.tag)))
    if (!isGone) return false
    const inheritance = `${path}.${holder.nonce}`
    if (await place(temporary, inheritance)) return inherit(path, inheritance, first.nonce, tag)
    holder = await holderOf(inheritance)
  }
  return false
}

/** Put an inheritance in the lock's place. None but the one who made it comes here with it. */
const inherit = async (
  path: string,
  inheritance: string,
  first: string,
  tag: ProcessTag.ProcessTag
): Promise<boolean> => {
  // Another heir was through with it before we began: what we have inherited is from one who is long forgotten.
  if ((await holderOf(path))?.nonce !== first) {
    await rm(inheritance, { force: true })
    return false
  }
  try {
    await rename(inheritance, path)
  } catch (error) {
    // Taken for gone ourselves, for this process slept: somebody else is the heir.
    if (ProcessTag.codeOf(error) === "ENOENT") return false
    throw error
  }
  // What heirs who were killed have left; who adds to it now finds another lock in place, as above.
  const prefix = `${Path.basename(path)}.`
  for (const name of await readdir(Path.dirname(path))) {
    const isInheritance = name.startsWith(prefix) && /^[0-9a-f]{16}$/.test(name.slice(prefix.length))
    if (isInheritance && !name.endsWith(tag.nonce)) await rm(Path.join(Path.dirname(path), name), { force: true })
  }
  return true
}

/** Give a file a second name, whole from the first moment, unless that name is taken. */
const place = async (temporary: string, path: string): Promise<boolean> => {
  try {
    await link(temporary, path)
    return true
  } catch (error) {
    const code = ProcessTag.codeOf(error)
    if (code === "EEXIST") return false
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes(code)) throw error
  }
  // No hard links here (exFAT, some network drives): exclusive too, and for a moment without content.
  try {
    await copyFile(temporary, path, constants.COPYFILE_EXCL)
    return true
  } catch (error) {
    if (ProcessTag.codeOf(error) === "EEXIST") return false
    throw error
  }
}

interface Holder {
  readonly nonce: string
  readonly mark: string
  readonly tag: ProcessTag.ProcessTag | undefined
}

const holderOf = async (path: string): Promise<Holder | undefined> => {
  try {
    const { ino, mtimeMs } = await lstat(path)
    const tag = ProcessTag.parse(await readFile(path, "utf8"))
    // Something that says nothing of its holder is known by what it is.
    const nonce = tag?.nonce ?? Math.trunc(ino).toString(16).padStart(16, "0").slice(-16)
    return { nonce, mark: `${nonce} ${mtimeMs}`, tag }
  } catch (error) {
    if (ProcessTag.codeOf(error) === "ENOENT") return undefined
    throw error
  }
}
