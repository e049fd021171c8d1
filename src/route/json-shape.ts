/**
 * What JSON.parse does not tell of a JSON-RPC message: keys that two readers could read differently (written twice, or in
 * other letters than the protocol's, which some parsers take for the same), how deep it is, and the id as it was
 * written. Pure. Expects text that JSON.parse has taken.
 */

/** Containers within each other. Some readers overflow their stack; no tool's arguments come near it. */
export const MOST_NESTED = 100

/** Keys of a message, or of its params: several times what any revision has. */
export const MOST_KEYS = 256

/** Folded, as they are written. */
const MESSAGE_KEYS = foldedKeys(['jsonrpc', 'id', 'method', 'params', 'result', 'error'])
const PARAMS_KEYS = foldedKeys(['name', 'requestId'])
/** What some readers end a text at, leave out, or take for something else than a key. */
const ODD = /[\p{Cc}\p{Cs}]|^__proto__$/u

export interface JsonShape {
  /** Why two readers could read it differently; undefined when they could not. */
  readonly problem: string | undefined
  /** The text of each message's `id`, in order; undefined for a message without one. */
  readonly ids: readonly (string | undefined)[]
}

type Role = 'batch' | 'message' | 'params' | 'other'

interface Frame {
  readonly role: Role
  readonly isObject: boolean
  /** Of a message and its params; nobody looks at others. */
  readonly keys: Set<string> | undefined
  /** The next string is a key. */
  isAtKey: boolean
  key: string
}

const SCALAR_END = /[\s,\]}]/g

export function shapeOf(text: string): JsonShape {
  return new Reader(text).read()
}

class Reader {
  readonly #text: string
  readonly #frames: Frame[] = []
  readonly #ids: (string | undefined)[] = []
  #problem: string | undefined

  constructor(text: string) {
    this.#text = text
  }

  read(): JsonShape {
    const text = this.#text
    for (let at = 0; at < text.length && this.#problem === undefined;) {
      const letter = text[at] as string
      if (letter === '"') at = this.#string(at)
      else if (letter === '{' || letter === '[') at = this.#open(letter === '{', at)
      else if (letter === '}' || letter === ']') {
        this.#frames.pop()
        at++
      } else if (letter === ',' || letter === ':') {
        const frame = this.#frames.at(-1)
        if (frame !== undefined) frame.isAtKey = letter === ','
        at++
      } else if (letter === ' ' || letter === '\n' || letter === '\r' || letter === '\t') at++
      else at = this.#scalar(at)
    }
    return { problem: this.#problem, ids: this.#ids }
  }

  #open(isObject: boolean, at: number): number {
    const above = this.#frames.at(-1)
    const role = roleOf(above, isObject)
    if (role === 'message') this.#ids.push(undefined)
    if (this.#frames.length >= MOST_NESTED) this.#problem = `it is nested more than ${MOST_NESTED} deep`
    const keys = role === 'message' || role === 'params' ? new Set<string>() : undefined
    this.#frames.push({ role, isObject, keys, isAtKey: isObject, key: '' })
    return at + 1
  }

  #string(at: number): number {
    const end = endOfString(this.#text, at)
    const frame = this.#frames.at(-1)
    if (frame?.keys === undefined) return end
    if (frame.isAtKey) this.#key(frame, frame.keys, JSON.parse(this.#text.slice(at, end)) as string)
    else this.#value(frame, at, end)
    return end
  }

  #scalar(at: number): number {
    SCALAR_END.lastIndex = at
    const end = SCALAR_END.exec(this.#text)?.index ?? this.#text.length
    const frame = this.#frames.at(-1)
    if (frame !== undefined) this.#value(frame, at, end)
    return end
  }

  #key(frame: Frame, keys: Set<string>, key: string): void {
    const known = (frame.role === 'message' ? MESSAGE_KEYS : PARAMS_KEYS).get(folded(key))
    if (keys.has(key)) this.#problem = `the key ${named(key)} is there twice`
    else if (known !== undefined && known !== key)
      this.#problem = `the key ${named(key)} is another only by its letters' case`
    else if (ODD.test(key)) this.#problem = `the key ${named(key)} is none that every reader takes alike`
    else if (keys.size >= MOST_KEYS) this.#problem = `it has more than ${MOST_KEYS} keys`
    keys.add(key)
    frame.key = key
  }

  #value(frame: Frame, at: number, end: number): void {
    if (frame.role !== 'message' || frame.key !== 'id') return
    this.#ids[this.#ids.length - 1] = this.#text.slice(at, end)
  }
}

function roleOf(above: Frame | undefined, isObject: boolean): Role {
  if (above === undefined) return isObject ? 'message' : 'batch'
  if (above.role === 'batch') return isObject ? 'message' : 'other'
  return above.role === 'message' && above.key === 'params' && isObject ? 'params' : 'other'
}

/** After the closing quote. */
function endOfString(text: string, at: number): number {
  for (let quote = text.indexOf('"', at + 1); ; quote = text.indexOf('"', quote + 1)) {
    if (quote === -1) return text.length
    let before = quote - 1
    while (text[before] === '\\') before--
    if ((quote - before) % 2 === 1) return quote + 1
  }
}

function foldedKeys(keys: readonly string[]): ReadonlyMap<string, string> {
  return new Map(keys.map((key) => [folded(key), key]))
}

/** As parsers fold that do not mind case: also the long s and the Kelvin sign. */
function folded(key: string): string {
  return key.toUpperCase().toLowerCase()
}

function named(key: string): string {
  return JSON.stringify(key.slice(0, 32))
}
