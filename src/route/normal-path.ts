/**
 * The normal form of a path, in which paths are compared: percent-decoded once, without empty segments, without path
 * parameters. Servers disagree on some marks (is %2F a slash? does %3B start a parameter?). Each combination of answers is
 * a dialect, and a path has one reading in each dialect that makes a difference; the normal form is the first.
 * Pure. Must not know lanes. RFC 3986, 2.1, 3.3 and 6.2.2; docs/decisions/0027-routing-on-a-normal-form.md.
 */

export interface PathReading {
  /** The segments in normal form: `a` for `%61`, and `%2F` for a slash that is part of a name. */
  readonly names: readonly string[]
  /** Offset in the decoded text at which the segment of each name ends. All readings have the same decoded text. */
  readonly ends: readonly number[]
  /** Index of the first segment whose meaning depends on the server (`%zz`); undefined when there is none. */
  readonly unclearAt: number | undefined
  /** In a dialect of few servers: they drop spaces and dots at the end of a segment, and everything after a %3F or %23. */
  readonly isLoose: boolean
}

interface Dialect {
  /** Bits of the marks that end a segment. */
  readonly separators: number
  /** Bits of the marks that start the parameters of a segment. */
  readonly parameters: number
  readonly isLoose: boolean
}

/** A character that is not itself in every reading, an empty segment, or a dot at the end of a segment. */
const NOT_PLAIN = /[^A-Za-z0-9\-._~!$&'()*+,=:@/]|\/\/|\.(?:\/|$)/
const NOT_IN_NAMES = /[^A-Za-z0-9\-._~!$&'()*+,=:@]/g
const ESCAPE = /%([0-9A-Fa-f]{2})?/g

// Decoded text has one character for each byte. An encoded mark that servers read in different ways is written as a
// character above 0xff, so that it stays distinct from the mark itself.
const SLASH = '\u0100'
const BACKSLASH = '\u0101'
const SEMICOLON = '\u0102'
/** A % that starts no escape: some servers keep it, some drop it or more, and some refuse the path. */
const STRAY = '\u0103'

const MARKS: ReadonlyMap<string, string> = new Map([
  ['/', SLASH],
  ['\\', BACKSLASH],
  [';', SEMICOLON],
])
const UNMARKED: ReadonlyMap<string, string> = new Map([
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
  unclear: 32,
}
const BITS: ReadonlyMap<number, number> = new Map([
  ['/'.charCodeAt(0), BIT.slash],
  [SLASH.charCodeAt(0), BIT.encodedSlash],
  [BACKSLASH.charCodeAt(0), BIT.encodedBackslash],
  [';'.charCodeAt(0), BIT.semicolon],
  [SEMICOLON.charCodeAt(0), BIT.encodedSemicolon],
  [STRAY.charCodeAt(0), BIT.unclear],
])
const LAST_CONTROL = 0x1f
const DELETE = 0x7f
const COULD_BE_LOOSE = /[ ?#]|\.(?:[/;\u0100-\u0102]|$)/
const QUERY = /[?#]/
/** Characters of a name that are compared. No rule has a longer name. */
const MAX_NAME_CHARACTERS = 1024

/** Every server reads this path as it is written. This test is all that most requests need. */
export function isPlain(path: string): boolean {
  return !NOT_PLAIN.test(path)
}

/** The readings of a path that starts with `/`, the normal form first; of each at most `maxSegments` segments. */
export function readingsOf(path: string, maxSegments = Infinity): readonly [PathReading, ...PathReading[]] {
  const text = decoded(path)
  const bits = Uint8Array.from(text, bitOf)
  const [normal, ...others] = dialectsFor(text)
  const source = { text, bits, maxSegments }
  return [read(source, normal), ...others.map((dialect) => read(source, dialect))]
}

/** One string for the names of a path; empty for none. */
export function pathKey(names: readonly string[]): string {
  return names.length === 0 ? '' : `/${names.join('/')}`
}

/** Equal for keys that differ in letter case only, in any alphabet. */
export function foldCase(key: string): string {
  return key.replace(/(?:%[89A-F][0-9A-F])+/g, foldLetters).toLowerCase()
}

/** The path as it was written, without the first `count` segments of its normal form. */
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
  // Parameters of the last segment that is cut off are for the tool (a session in `/tool;id=1`): they go to its root.
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
  return BITS.get(code) ?? (code <= LAST_CONTROL || code === DELETE ? BIT.unclear : 0)
}

/** A server reads the whole path in one dialect, so each kind of mark in the path doubles the number: 16 at most. */
function dialectsFor(text: string): readonly [Dialect, ...Dialect[]] {
  const slashes = [BIT.slash]
  if (text.includes(SLASH)) slashes.push(...slashes.map((each) => each | BIT.encodedSlash))
  if (text.includes(BACKSLASH)) slashes.push(...slashes.map((each) => each | BIT.encodedBackslash))
  const starts = [BIT.semicolon]
  if (text.includes(SEMICOLON)) starts.push(BIT.semicolon | BIT.encodedSemicolon)
  const loose = COULD_BE_LOOSE.test(text) ? [false, true] : [false]
  const dialects = loose.flatMap((isLoose) =>
    starts.flatMap((parameters) => slashes.map((separators) => ({ separators, parameters, isLoose }))),
  )
  return dialects as [Dialect, ...Dialect[]]
}

interface Decoded {
  readonly text: string
  readonly bits: Uint8Array
  readonly maxSegments: number
}

/** Splits without lists: for a path of separators alone, 16 lists of them would take too long. */
function read(
  { text, bits, maxSegments }: Decoded,
  { separators, parameters, isLoose }: Dialect,
): PathReading {
  const names: string[] = []
  const ends: number[] = []
  let unclearAt: number | undefined
  const query = isLoose ? text.search(QUERY) : -1
  const end = query === -1 ? text.length : query
  for (let at = 0; at < end && names.length < maxSegments; at++) {
    const start = at
    let cut = -1
    let seen = 0
    for (let bit = bits[at] ?? 0; at < end && (bit & separators) === 0; bit = bits[++at] ?? 0) {
      seen |= bit
      if (cut === -1 && (bit & parameters) !== 0) cut = at
    }
    if ((seen & BIT.unclear) !== 0) unclearAt ??= names.length
    const name = nameOf(text.slice(start, cut === -1 ? at : cut), isLoose)
    if (name === '') continue
    names.push(name)
    ends.push(at)
  }
  return { names, ends, unclearAt, isLoose }
}

function nameOf(text: string, isLoose: boolean): string {
  if (text === '') return ''
  return (isLoose ? trimmed(text) : text).slice(0, MAX_NAME_CHARACTERS + 1).replace(NOT_IN_NAMES, escaped)
}

/** As Windows treats the name of a file. A name of dots alone is kept: target.ts refuses dot segments. */
function trimmed(name: string): string {
  let end = name.length
  while (end > 0 && (name[end - 1] === ' ' || name[end - 1] === '.')) end--
  const kept = name.slice(0, end).trimStart()
  return kept === '' && name.includes('.') ? name : kept
}

function escaped(character: string): string {
  const byte = (UNMARKED.get(character) ?? character).charCodeAt(0)
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
}

/** Through upper case, as regular expressions fold: the long s becomes s, the Kelvin sign becomes k. */
function foldLetters(escapes: string): string {
  try {
    return encodeURIComponent(decodeURIComponent(escapes).toUpperCase().toLowerCase())
  } catch {
    // Bytes that are not UTF-8 have no case.
    return escapes
  }
}
