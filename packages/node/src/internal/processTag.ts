// Process tags: which process made a file, written so that any other can tell whether it still runs.
import { createHash, randomBytes } from "node:crypto"
import { readFile, readlink } from "node:fs/promises"
import { hostname } from "node:os"

/**
 * `nonce` makes each tag its own. `place` stands for the machine since it was booted, and the container: a process id means
 * something within one place only.
 */
export interface ProcessTag {
  readonly place: string
  readonly pid: number
  /** When the process began, so that a later one with the same id is not taken for it; 0 where no system tells. */
  readonly start: string
  readonly nonce: string
}

const TAG = /^([0-9a-f]{12})-([0-9]{1,10})-([0-9]{1,20})-([0-9a-f]{16})$/

/** Fit for a file's content and for a part of its name. */
export const format = ({ nonce, pid, place, start }: ProcessTag): string => `${place}-${pid}-${start}-${nonce}`

export const parse = (text: string): ProcessTag | undefined => {
  const [, place, pid, start, nonce] = TAG.exec(text.trim()) ?? []
  if (place === undefined || start === undefined || nonce === undefined) return undefined
  return { place, pid: Number(pid), start, nonce }
}

/** A new tag of this process. */
export const create = async (): Promise<ProcessTag> => ({
  ...(await (self ??= identify())),
  nonce: randomBytes(8).toString("hex")
})

/** Whether the process surely runs no more. It may well be gone where that cannot be seen from here. */
export const isGone = async ({ pid, place, start }: ProcessTag): Promise<boolean> => {
  const here = await (self ??= identify())
  if (place !== here.place) return false
  try {
    // Signal 0 is never delivered; another user's process answers EPERM and runs.
    process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) === "ESRCH"
  }
  const now = await startOf(pid)
  return now !== undefined && (now === "zombie" || (start !== "0" && now !== start))
}

export const codeOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "code" in error && typeof error.code === "string" ? error.code : ""

let self: Promise<Omit<ProcessTag, "nonce">> | undefined

const identify = async (): Promise<Omit<ProcessTag, "nonce">> => {
  const parts = await Promise.all([
    hostname(),
    readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => ""),
    readlink("/proc/self/ns/pid").catch(() => "")
  ])
  const place = createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 12)
  return { place, pid: process.pid, start: (await startOf(process.pid)) ?? "0" }
}

/** The start of a process in ticks since boot (proc(5): field 22 of stat), where there is a Linux to tell. */
const startOf = async (pid: number): Promise<string | undefined> => {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")
  // The name of the program, in parentheses, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  // A killed process that its parent has not looked at yet holds nothing any more, and answers signals.
  if (fields[0] === "Z" || fields[0] === "X") return "zombie"
  return /^[0-9]+$/.test(fields[19] ?? "") ? fields[19] : undefined
}
