/**
 * What of a JSON-RPC message says where it goes: method, id, the name or requestId in its params. And whether two readers
 * could read it differently: keys written twice, or in other letters than the protocol's, which some parsers take for the
 * same. Looks at the bytes in steps, so that no message keeps the process from other work; the rest of it is only
 * checked to be JSON. Pure. Must not know what a method means.
 */
import { JsonScan } from './json-scan.ts'
import type { JsonSink } from './json-scan.ts'

/** Keys of a message, or of its params: several times what any revision has. */
export const MOST_KEYS = 256
/** Bytes of such a key as it is written: the longest that the protocol has is 16. */
export const LONGEST_KEY_BYTES = 1024
/** Messages in one batch. */
export const MOST_IN_BATCH = 64
/** Bytes of a value as it is written: 1,024 characters, each as six, and quotes. */
const LONGEST_VALUE_BYTES = 6146

/** A value that matters. Containers are `other`: nothing that matters is one. */
export type Field =
  | { readonly kind: 'absent' | 'other' | 'too long' }
  /** JSON text of a string, a number, true, false or null. */
  | { readonly kind: 'scalar'; readonly json: string }

export interface MessageShape {
  readonly method: Field
  readonly id: Field
  /** It has a result or an error. */
  readonly isAnswer: boolean
  /** Of `params`. */
  readonly name: Field
  readonly requestId: Field
}

export type BodyShape =
  | { readonly kind: 'message'; readonly message: MessageShape }
  | { readonly kind: 'batch'; readonly messages: readonly MessageShape[] }
  | { readonly kind: 'problem'; readonly what: string }

const ABSENT: Field = { kind: 'absent' }
/** Folded, as they are written. */
const MESSAGE_KEYS = foldedKeys(['jsonrpc', 'id', 'method', 'params', 'result', 'error'])
const PARAMS_KEYS = foldedKeys(['name', 'requestId'])
/** What some readers end a text at, leave out, or take for something else than a key. */
const ODD = /[\p{Cc}\p{Cs}]|^__proto__$/u

export class ShapeReader {
  readonly #messages: Messages
  readonly #scan: JsonScan

  constructor(bytes: Buffer) {
    this.#messages = new Messages(bytes)
    this.#scan = new JsonScan(bytes, this.#messages)
  }

  /** Looks at so many bytes more; undefined while there are others. */
  step(mostBytes: number): BodyShape | undefined {
    if (!this.#scan.step(mostBytes)) return undefined
    const { problem } = this.#scan
    if (problem !== undefined) return { kind: 'problem', what: problem }
    const { isBatch, drafts } = this.#messages
    const [message] = drafts
    if (isBatch) return { kind: 'batch', messages: drafts }
    return message === undefined ? { kind: 'problem', what: NO_OBJECT } : { kind: 'message', message }
  }
}

const NO_OBJECT = 'a JSON-RPC message is an object'

interface Draft {
  method: Field
  id: Field
  isAnswer: boolean
  name: Field
  requestId: Field
}

/** An object whose keys matter; the batch around them has none. */
interface Level {
  readonly role: 'message' | 'params'
  readonly keys: Set<string>
  /** The value that comes is this one's. */
  key: string
}

class Messages implements JsonSink {
  isBatch = false
  readonly drafts: Draft[] = []
  problem: string | undefined
  readonly #bytes: Buffer
  readonly #levels: Level[] = []

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  open(isObject: boolean): boolean {
    const level = this.#levels.at(-1)
    if (level !== undefined) {
      this.#note(level, { kind: 'other' })
      if (level.role !== 'message' || level.key !== 'params' || !isObject) return false
      this.#levels.push({ role: 'params', keys: new Set(), key: '' })
      return true
    }
    if (!isObject && !this.isBatch) this.isBatch = true
    else if (!isObject) this.problem = NO_OBJECT
    else if (this.drafts.length === MOST_IN_BATCH)
      this.problem = `the batch holds more than ${MOST_IN_BATCH} messages`
    else {
      this.drafts.push({ method: ABSENT, id: ABSENT, isAnswer: false, name: ABSENT, requestId: ABSENT })
      this.#levels.push({ role: 'message', keys: new Set(), key: '' })
    }
    return true
  }

  close(): void {
    this.#levels.pop()
  }

  key(from: number, to: number): void {
    const level = this.#levels.at(-1)
    if (level === undefined) return
    const what =
      to - from > LONGEST_KEY_BYTES ? `it has a key of ${to - from} bytes` : this.#key(level, from, to)
    if (what !== undefined) this.problem = `the message is ambiguous: ${what}`
  }

  value(from: number, to: number): void {
    const level = this.#levels.at(-1)
    if (level === undefined) this.problem = NO_OBJECT
    else if (!MATTERS.has(level.key)) return
    else if (to - from > LONGEST_VALUE_BYTES) this.#note(level, { kind: 'too long' })
    else this.#note(level, { kind: 'scalar', json: this.#bytes.toString('utf8', from, to) })
  }

  /** What is wrong with it. */
  #key(level: Level, from: number, to: number): string | undefined {
    const { role, keys } = level
    const text = this.#bytes.toString('utf8', from + 1, to - 1)
    const key = text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text
    const known = (role === 'message' ? MESSAGE_KEYS : PARAMS_KEYS).get(folded(key))
    if (keys.has(key)) return `the key ${named(key)} is there twice`
    if (known !== undefined && known !== key)
      return `the key ${named(key)} is another only by its letters' case`
    if (ODD.test(key)) return `the key ${named(key)} is none that every reader takes alike`
    if (keys.size >= MOST_KEYS) return `it has more than ${MOST_KEYS} keys`
    keys.add(key)
    level.key = key
    return undefined
  }

  #note({ role, key }: Level, field: Field): void {
    const draft = this.drafts.at(-1)
    if (draft === undefined) return
    if (role === 'params') {
      if (key === 'name' || key === 'requestId') draft[key] = field
    } else if (key === 'method' || key === 'id') draft[key] = field
    else if (key === 'result' || key === 'error') draft.isAnswer = true
  }
}

const MATTERS: ReadonlySet<string> = new Set(['method', 'id', 'result', 'error', 'name', 'requestId'])

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
