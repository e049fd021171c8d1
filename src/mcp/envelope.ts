/**
 * The envelope of a JSON-RPC message: the members that say what kind of message it is and where it goes, which are method,
 * id, result, error, and name or requestId in its params. In: bytes, in steps. Out: the envelopes, or why two parsers
 * could interpret the body differently: a duplicate key, or a key that a parser without regard to case takes for another.
 * The rest of the body is only checked to be JSON. Pure. Must not know what a method means.
 */
import { JsonScan } from './json-scan.ts'
import type { JsonSink } from './json-scan.ts'

/** Keys of a message, or of its params: several times as many as any revision has. */
export const MAX_KEYS = 256
/** Bytes of such a key as it is written: the longest key of the protocol has 16. */
export const MAX_KEY_BYTES = 1024
export const MAX_BATCH_MESSAGES = 64
/** Bytes of a value as it is written: 1,024 characters, each as an escape of six bytes, and two quotes. */
const MAX_VALUE_BYTES = 6146

/** The value of a member that counts. None of these members is an object or a list in a valid message. */
export type JsonMember =
  | { readonly kind: 'absent' | 'container' | 'too-long' }
  /** JSON text of a string, a number, true, false or null. */
  | { readonly kind: 'scalar'; readonly json: string }

export interface Envelope {
  readonly method: JsonMember
  readonly id: JsonMember
  /** It has a result or an error. */
  readonly isResponse: boolean
  /** `params.name`: the tool of a tools/call. */
  readonly name: JsonMember
  /** `params.requestId`: the request that a notifications/cancelled is about. */
  readonly requestId: JsonMember
}

export type BodyEnvelopes =
  | { readonly kind: 'message'; readonly message: Envelope }
  | { readonly kind: 'batch'; readonly messages: readonly Envelope[] }
  | BodyProblem

/** Why a body must not be forwarded. */
export interface BodyProblem {
  readonly kind: 'problem'
  /** For the caller. */
  readonly what: string
}

export function problem(what: string): BodyProblem {
  return { kind: 'problem', what }
}

const ABSENT: JsonMember = { kind: 'absent' }
/** By their folded form (see `folded`). */
const MESSAGE_KEYS = foldedKeys(['jsonrpc', 'id', 'method', 'params', 'result', 'error'])
const PARAMS_KEYS = foldedKeys(['name', 'requestId'])
/** Keys that some parsers truncate, drop, or take for the prototype. */
const UNSAFE_KEY = /[\p{Cc}\p{Cs}]|^__proto__$/u

export class EnvelopeReader {
  readonly #sink: EnvelopeSink
  readonly #scan: JsonScan

  constructor(bytes: Buffer) {
    this.#sink = new EnvelopeSink(bytes)
    this.#scan = new JsonScan(bytes, this.#sink)
  }

  /** Reads `maxBytes` more. Undefined while there is more to read. */
  step(maxBytes: number): BodyEnvelopes | undefined {
    if (!this.#scan.step(maxBytes)) return undefined
    if (this.#scan.problem !== undefined) return problem(this.#scan.problem)
    const { isBatch, drafts } = this.#sink
    const [message] = drafts
    if (isBatch) return { kind: 'batch', messages: drafts }
    return message === undefined ? problem(NO_OBJECT) : { kind: 'message', message }
  }
}

const NO_OBJECT = 'a JSON-RPC message is an object'

interface Draft {
  method: JsonMember
  id: JsonMember
  isResponse: boolean
  name: JsonMember
  requestId: JsonMember
}

/** An open object whose keys are read. The list of a batch is not tracked. */
interface OpenObject {
  readonly role: 'message' | 'params'
  readonly keys: Set<string>
  /** The key whose value comes next. */
  key: string
}

/** Collects the envelopes from what the scan reports. */
class EnvelopeSink implements JsonSink {
  isBatch = false
  readonly drafts: Draft[] = []
  problem: string | undefined
  readonly #bytes: Buffer
  readonly #objects: OpenObject[] = []

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  open(isObject: boolean): boolean {
    const object = this.#objects.at(-1)
    if (object !== undefined) {
      this.#setMember(object, { kind: 'container' })
      if (object.role !== 'message' || object.key !== 'params' || !isObject) return false
      this.#objects.push({ role: 'params', keys: new Set(), key: '' })
      return true
    }
    if (!isObject && !this.isBatch) this.isBatch = true
    else if (!isObject) this.problem = NO_OBJECT
    else if (this.drafts.length === MAX_BATCH_MESSAGES)
      this.problem = `the batch holds more than ${MAX_BATCH_MESSAGES} messages`
    else {
      this.drafts.push({ method: ABSENT, id: ABSENT, isResponse: false, name: ABSENT, requestId: ABSENT })
      this.#objects.push({ role: 'message', keys: new Set(), key: '' })
    }
    return true
  }

  close(): void {
    this.#objects.pop()
  }

  key(from: number, to: number): void {
    const object = this.#objects.at(-1)
    if (object === undefined) return
    const what =
      to - from > MAX_KEY_BYTES ? `it has a key of ${to - from} bytes` : this.#addKey(object, from, to)
    if (what !== undefined) this.problem = `the message is ambiguous: ${what}`
  }

  value(from: number, to: number): void {
    const object = this.#objects.at(-1)
    if (object === undefined) this.problem = NO_OBJECT
    else if (!VALUES.has(object.key)) return
    else if (to - from > MAX_VALUE_BYTES) this.#setMember(object, { kind: 'too-long' })
    else this.#setMember(object, { kind: 'scalar', json: this.#bytes.toString('utf8', from, to) })
  }

  /** Why the key makes the message ambiguous; undefined for a good one. */
  #addKey(object: OpenObject, from: number, to: number): string | undefined {
    const { role, keys } = object
    const text = this.#bytes.toString('utf8', from + 1, to - 1)
    const key = text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text
    const known = (role === 'message' ? MESSAGE_KEYS : PARAMS_KEYS).get(folded(key))
    if (keys.has(key)) return `the key ${quoted(key)} is there twice`
    if (known !== undefined && known !== key)
      return `the key ${quoted(key)} differs from ${quoted(known)} only in letter case`
    if (UNSAFE_KEY.test(key)) return `parsers differ on the key ${quoted(key)}`
    if (keys.size >= MAX_KEYS) return `it has more than ${MAX_KEYS} keys`
    keys.add(key)
    object.key = key
    return undefined
  }

  #setMember({ role, key }: OpenObject, member: JsonMember): void {
    const draft = this.drafts.at(-1)
    if (draft === undefined) return
    if (role === 'params') {
      if (key === 'name' || key === 'requestId') draft[key] = member
    } else if (key === 'method' || key === 'id') draft[key] = member
    else if (key === 'result' || key === 'error') draft.isResponse = true
  }
}

/** The keys whose values are kept, or tell a response. */
const VALUES: ReadonlySet<string> = new Set(['method', 'id', 'result', 'error', 'name', 'requestId'])

function foldedKeys(keys: readonly string[]): ReadonlyMap<string, string> {
  return new Map(keys.map((key) => [folded(key), key]))
}

/** The form that parsers without regard to case compare; it also folds the long s into s and the Kelvin sign into k. */
function folded(key: string): string {
  return key.toUpperCase().toLowerCase()
}

function quoted(key: string): string {
  return JSON.stringify(key.slice(0, 32))
}
