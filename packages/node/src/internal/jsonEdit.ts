// Edits of a JSON text that leave every byte but the members in question as it was: order, indentation, numbers, duplicates.

/** Where a member of an object is: its key's first quote, its value, and just past it. */
interface Member {
  readonly key: string
  readonly start: number
  readonly valueStart: number
  readonly end: number
}

/** An object in the text, from its opening to its closing brace. */
interface Span {
  readonly open: number
  readonly close: number
  readonly members: ReadonlyArray<Member>
}

/**
 * The text with `object[outer][key] = value`, where `text` is a JSON object. Either member is added at the end if it is
 * missing. Of duplicates the last is changed, as it is the one that counts.
 */
export const setMember = (text: string, outer: string, key: string, value: unknown): string => {
  const style = styleOf(text)
  const root = spanAt(text, skipSpace(text, 0))
  const member = root.members.findLast((candidate) => candidate.key === outer)
  if (member === undefined) return insert(text, root, style, 1, outer, { [key]: value })
  if (text[member.valueStart] !== "{") return replace(text, member, style, 1, { [key]: value })
  const inner = spanAt(text, member.valueStart)
  const old = inner.members.findLast((candidate) => candidate.key === key)
  return old === undefined ? insert(text, inner, style, 2, key, value) : replace(text, old, style, 2, value)
}

/** The text without the members of `object[outer]` whose key matches, duplicates included. */
export const removeMembers = (text: string, outer: string, matches: (key: string) => boolean): string =>
  spanAt(text, skipSpace(text, 0))
    .members.filter((member) => member.key === outer && text[member.valueStart] === "{")
    .flatMap((member) => deletions(spanAt(text, member.valueStart), matches))
    .reduceRight((edited, [start, end]) => edited.slice(0, start) + edited.slice(end), text)

/** What to cut, in order: a member goes with the comma before it, the first ones with the comma after. */
const deletions = (span: Span, matches: (key: string) => boolean): ReadonlyArray<readonly [number, number]> => {
  const { members } = span
  const firstKept = members.findIndex((member) => !matches(member.key))
  if (firstKept === -1) return members.length === 0 ? [] : [[span.open + 1, span.close]]
  return members.flatMap((member, index): ReadonlyArray<readonly [number, number]> => {
    if (!matches(member.key)) return []
    const next = members[index + 1]
    const previous = members[index - 1]
    if (index < firstKept) return next === undefined ? [] : [[member.start, next.start]]
    return previous === undefined ? [] : [[previous.end, member.end]]
  })
}

interface Style {
  readonly newline: string
  readonly indent: string
}

/** Docker writes tabs; a text on one line stays on one line, unless there is nothing in it yet. */
const styleOf = (text: string): Style => {
  const indent = /\n([ \t]+)"/.exec(text)?.[1]
  if (indent !== undefined) return { newline: text.includes("\r\n") ? "\r\n" : "\n", indent }
  return text.includes('"') && !text.includes("\n") ? { newline: "", indent: "" } : { newline: "\n", indent: "\t" }
}

const render = (value: unknown, { indent, newline }: Style, depth: number): string =>
  newline === ""
    ? JSON.stringify(value)
    : JSON.stringify(value, null, indent).replaceAll("\n", newline + indent.repeat(depth))

const renderMember = (key: string, value: unknown, style: Style, depth: number): string =>
  `${style.newline}${style.indent.repeat(depth)}${JSON.stringify(key)}:${style.newline === "" ? "" : " "}${render(value, style, depth)}`

const replace = (text: string, member: Member, style: Style, depth: number, value: unknown): string =>
  text.slice(0, member.valueStart) + render(value, style, depth) + text.slice(member.end)

const insert = (text: string, span: Span, style: Style, depth: number, key: string, value: unknown): string => {
  const added = renderMember(key, value, style, depth)
  const last = span.members.at(-1)
  return last === undefined
    ? text.slice(0, span.open + 1) + added + style.newline + style.indent.repeat(depth - 1) + text.slice(span.close)
    : `${text.slice(0, last.end)},${added}${text.slice(last.end)}`
}

/** The object that begins at `open`. From here on the text is known to be JSON: `JSON.parse` has read it. */
const spanAt = (text: string, open: number): Span => {
  const members: Array<Member> = []
  let at = skipSpace(text, open + 1)
  while (text[at] === '"') {
    const start = at
    const keyEnd = skipString(text, start)
    const key: unknown = JSON.parse(text.slice(start, keyEnd))
    const valueStart = skipSpace(text, skipSpace(text, keyEnd) + 1)
    const end = skipValue(text, valueStart)
    members.push({ key: String(key), start, valueStart, end })
    at = skipSpace(text, end)
    if (text[at] === ",") at = skipSpace(text, at + 1)
  }
  return { open, close: at, members }
}

const skipSpace = (text: string, from: number): number => {
  let at = from
  while (isOneOf(text[at], " \t\n\r")) at++
  return at
}

const skipString = (text: string, from: number): number => {
  let at = from + 1
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1
  return at + 1
}

const skipValue = (text: string, from: number): number => {
  let at = from
  let depth = 0
  do {
    const character = text[at]
    if (isOneOf(character, "{[")) depth++
    if (isOneOf(character, "}]")) depth--
    if (character === '"') at = skipString(text, at)
    else if (depth > 0 || isOneOf(character, "}]")) at++
    else while (at < text.length && !isOneOf(text[at], ",]} \t\n\r")) at++
  } while (depth > 0 && at < text.length)
  return at
}

const isOneOf = (character: string | undefined, set: string): boolean =>
  character !== undefined && set.includes(character)
