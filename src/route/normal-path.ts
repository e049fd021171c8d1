/**
 * The normal form of a path, in which lanes are compared: percent-decoded once, empty segments merged away, without
 * path parameters. Servers do not agree on all of it (is %2F a slash? does %3B start a parameter?), so a path has one
 * reading per way in which it can be read, the normal form first; a router asks whether they choose the same lane.
 * Pure. Must not know lanes. RFC 3986, 2.1, 3.3 and 6.2.2; docs/decisions/0027-routing-on-a-normal-form.md.
 */

export interface Reading {
  /** The segments in normal form: `a` for `%61`, `%2F` for a slash that is part of a name. */
  readonly names: readonly string[]
  /** Where the segment of each name ends in the decoded text, which is the same for all readings. */
  readonly ends: readonly number[]
  /** The first segment of which servers make very different things (`%zz`); undefined when there is none. */
  readonly doubtAt: number | undefined
  /** The reading of a few servers, which drop odd characters: spaces and dots at an end, everything after a %3F. */
  readonly isLoose: boolean
}

interface Manner {
  /** Bits of what ends a segment, and of what starts its parameters. */
  readonly separators: number
  readonly parameters: number
  readonly isLoose: boolean
}

/** Anything but characters that are themselves in every reading. */
const ODD = /[^A-Za-z0-9\-._~!$&'()*+,=:@/]|\/\/|\.(?:\/|$)/
const NO_NAME_CHARACTER = /[^A-Za-z0-9\-._~!$&'()*+,=:@]/g
const ESCAPE = /%([0-9A-Fa-f]{2})?/g

// Decoded text is bytes, one a character. What servers read differently stands as a character that is no byte.
const SLASH = '\u0100'
const BACKSLASH = '\u0101'
const SEMICOLON = '\u0102'
/** A % that starts no escape: servers keep it, drop it, drop more, or refuse. */
const STRAY = '\u0103'

const MARKS: ReadonlyMap<string, string> = new Map([
  ['/', SLASH],
  ['\\', BACKSLASH],
  [';', SEMICOLON],
])
const BACK: ReadonlyMap<string, string> = new Map([
  [SLASH, '/'],
  [BACKSLASH, '\\'],
  [SEMICOLON, ';'],
  [STRAY, '%'],
])

const BIT = {
  slash: 1,
  encodedSlash: 2,
  encodedBackslash: 4,
  semicolon: 8,
  encodedSemicolon: 16,
  doubtful: 32,
}
const BITS: ReadonlyMap<number, number> = new Map([
  ['/'.charCodeAt(0), BIT.slash],
  [SLASH.charCodeAt(0), BIT.encodedSlash],
  [BACKSLASH.charCodeAt(0), BIT.encodedBackslash],
  [';'.charCodeAt(0), BIT.semicolon],
  [SEMICOLON.charCodeAt(0), BIT.encodedSemicolon],
  [STRAY.charCodeAt(0), BIT.doubtful],
])
const LAST_CONTROL = 0x1f
const DELETE = 0x7f
const COULD_BE_LOOSE = /[ ?#]|\.(?:[/;\u0100-\u0102]|$)/
const QUERY = /[?#]/
/** Characters of a name that are compared: no rule is longer. */
const LONGEST_NAME = 1024

/** Whether every server reads this path as it is written. The test that each request pays for. */
export function isPlain(path: string): boolean {
  return !ODD.test(path)
}

/** The ways to read a path that starts with `/`, the normal form first; of each at most `most` segments. */
export function readingsOf(path: string, most = Infinity): readonly [Reading, ...Reading[]] {
  const text = decoded(path)
  const bits = Uint8Array.from(text, bitOf)
  const [normal, ...others] = mannersFor(text)
  return [read({ text, bits, most }, normal), ...others.map((manner) => read({ text, bits, most }, manner))]
}

/** Names as one text, which starts with `/` unless there are none. */
export function keyOf(names: readonly string[]): string {
  return names.length === 0 ? '' : `/${names.join('/')}`
}

/** What servers that read paths without regard to letter case take for the same, for any of their alphabets. */
export function foldCase(key: string): string {
  return key.replace(/(?:%[89A-F][0-9A-F])+/g, foldLetters).toLowerCase()
}

/** The path as it was written, without its first `count` segments of the normal form. */
export function withoutSegments(path: string, count: number): string {
  let at = 0
  let parameters = ''
  for (let left = count; left > 0 && at < path.length;) {
    const slash = path.indexOf('/', at + 1)
    const end = slash === -1 ? path.length : slash
    const segment = path.slice(at + 1, end)
    if (segment !== '' && !segment.startsWith(';')) left--
    parameters = segment.includes(';') ? segment.slice(segment.indexOf(';')) : ''
    at = end
  }
  // A session in `/tool;id=1` is for the tool: its root stands for the segment that was cut off.
  return at === path.length ? `/${parameters}` : path.slice(at)
}

function decoded(path: string): string {
  return path.replace(ESCAPE, (_, hex: string | undefined) => {
    if (hex === undefined) return STRAY
    const character = String.fromCharCode(parseInt(hex, 16))
    return MARKS.get(character) ?? character
  })
}

function bitOf(character: string): number {
  const code = character.charCodeAt(0)
  return BITS.get(code) ?? (code <= LAST_CONTROL || code === DELETE ? BIT.doubtful : 0)
}

/** A server reads all of a path in one manner, so each mark that is there doubles the manners: 16 at most. */
function mannersFor(text: string): readonly [Manner, ...Manner[]] {
  const slashes = [BIT.slash]
  if (text.includes(SLASH)) slashes.push(...slashes.map((each) => each | BIT.encodedSlash))
  if (text.includes(BACKSLASH)) slashes.push(...slashes.map((each) => each | BIT.encodedBackslash))
  const starts = [BIT.semicolon]
  if (text.includes(SEMICOLON)) starts.push(BIT.semicolon | BIT.encodedSemicolon)
  const loose = COULD_BE_LOOSE.test(text) ? [false, true] : [false]
  const manners = loose.flatMap((isLoose) =>
    starts.flatMap((parameters) => slashes.map((separators) => ({ separators, parameters, isLoose }))),
  )
  return manners as [Manner, ...Manner[]]
}

interface Decoded {
  readonly text: string
  readonly bits: Uint8Array
  readonly most: number
}

/** Splits by hand: a path may be nothing but separators, and lists of them 16 times over would hold up everyone else. */
function read({ text, bits, most }: Decoded, { separators, parameters, isLoose }: Manner): Reading {
  const names: string[] = []
  const ends: number[] = []
  let doubtAt: number | undefined
  const query = isLoose ? text.search(QUERY) : -1
  const end = query === -1 ? text.length : query
  for (let at = 0; at < end && names.length < most; at++) {
    const start = at
    let cut = -1
    let seen = 0
    for (let bit = bits[at] ?? 0; at < end && (bit & separators) === 0; bit = bits[++at] ?? 0) {
      seen |= bit
      if (cut === -1 && (bit & parameters) !== 0) cut = at
    }
    if ((seen & BIT.doubtful) !== 0) doubtAt ??= names.length
    const name = nameOf(text.slice(start, cut === -1 ? at : cut), isLoose)
    if (name === '') continue
    names.push(name)
    ends.push(at)
  }
  return { names, ends, doubtAt, isLoose }
}

function nameOf(text: string, isLoose: boolean): string {
  if (text === '') return ''
  return (isLoose ? trimmed(text) : text).slice(0, LONGEST_NAME + 1).replace(NO_NAME_CHARACTER, escaped)
}

/** As Windows does with the name of a file. A name of dots alone is kept: target.ts refuses dot segments. */
function trimmed(name: string): string {
  let end = name.length
  while (end > 0 && (name[end - 1] === ' ' || name[end - 1] === '.')) end--
  const kept = name.slice(0, end).trimStart()
  return kept === '' && name.includes('.') ? name : kept
}

function escaped(character: string): string {
  const byte = (BACK.get(character) ?? character).charCodeAt(0)
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
}

/** By way of capitals, as regular expressions do: the long s is an s, the Kelvin sign a k. */
function foldLetters(escapes: string): string {
  try {
    return encodeURIComponent(decodeURIComponent(escapes).toUpperCase().toLowerCase())
  } catch {
    // Not UTF-8: bytes have no case.
    return escapes
  }
}
