/**
 * Recognizes JSON-RPC messages of a server in JSON text that flows past. In: bytes, in pieces of any length. Out: each
 * message as data, once it has ended. Only ids and a few words are buffered, so the memory is constant however long a
 * message is. Malformed JSON gives wrong messages or none, but never an error: the text is not ours to refuse.
 */
import { idKeyOf } from './message.ts'

/** Bytes that are buffered of an id or a word. No call has a longer id (see message.ts). */
const MAX_WORD_BYTES = 8192
/** Bytes of the buffer at first: enough for keys, numbers and UUIDs. */
const FIRST_BUFFER_BYTES = 64
/** Bytes of the longest key that counts: `resultType`, each character as an escape of six bytes, and two quotes. */
const MAX_KEY_BYTES = 62

/** How the server answers a request. */
export type ResponseOutcome =
  | 'complete'
  /** The tool ran and failed (`isError`). */
  | 'tool-error'
  /** The server needs something from the caller first (`resultType` is `input_required`). */
  | 'input-required'
  /** A JSON-RPC error, for example for a tool that does not exist. */
  | 'protocol-error'

export interface ServerResponse {
  readonly kind: 'response'
  /** `idKeyOf` the id of the request; undefined for a missing, malformed or too long id. */
  readonly idKey: string | undefined
  readonly outcome: ResponseOutcome
}

/** What a server sends: answers, and messages of its own. */
export type ServerMessage = ServerResponse | { readonly kind: 'request' | 'notification' }

interface Draft {
  /** JSON text. */
  id: string | undefined
  hasMethod: boolean
  hasError: boolean
  isToolError: boolean
  needsInput: boolean
}

const newDraft = (): Draft => ({
  id: undefined,
  hasMethod: false,
  hasError: false,
  isToolError: false,
  needsInput: false,
})

function messageOf(draft: Draft): ServerMessage {
  const { id } = draft
  if (draft.hasMethod) return { kind: id === undefined ? 'notification' : 'request' }
  const idKey = id === undefined ? undefined : idKeyOf(JSON.parse(id))
  return { kind: 'response', idKey, outcome: outcomeOf(draft) }
}

function outcomeOf({ hasError, isToolError, needsInput }: Draft): ResponseOutcome {
  if (hasError) return 'protocol-error'
  if (isToolError) return 'tool-error'
  return needsInput ? 'input-required' : 'complete'
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const SPACE = 0x20

export class MessageScan {
  readonly #onMessage: (message: ServerMessage) => void
  #depth = 0
  /** Depth of the messages: 1 inside of a batch. */
  #base = 0
  #isInString = false
  #isEscaped = false
  /** The string, number or literal that is being read, where it counts. */
  #word = Buffer.allocUnsafe(FIRST_BUFFER_BYTES)
  #wordBytes = 0
  #isTooLong = false
  /** The current key of the message, and that of its result. */
  #key: string | undefined
  #resultKey: string | undefined
  #isInResult = false
  #draft = newDraft()

  constructor(onMessage: (message: ServerMessage) => void) {
    this.#onMessage = onMessage
  }

  /** A new text begins. An unfinished message is dropped. */
  reset(): void {
    this.#depth = 0
    this.#base = 0
    this.#isInString = false
    this.#isEscaped = false
    this.#begin()
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at++) {
      if (this.#isInString) {
        at = this.#string(bytes, at)
        continue
      }
      const byte = bytes[at] as number
      if (byte === QUOTE) {
        this.#isInString = true
        this.#append(byte)
      } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.#open(byte)
      else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) this.#close()
      else if (byte === COLON) this.#colon()
      else if (byte === COMMA) this.#endOfValue()
      else if (byte > SPACE) this.#append(byte)
    }
  }

  /** Keys and scalar values count directly in a message and directly in its result. */
  get #counts(): boolean {
    const level = this.#depth - this.#base
    return level === 1 || (level === 2 && this.#isInResult)
  }

  #begin(): void {
    this.#draft = newDraft()
    this.#key = undefined
    this.#resultKey = undefined
    this.#isInResult = false
    this.#clear()
  }

  #clear(): void {
    this.#wordBytes = 0
    this.#isTooLong = false
  }

  #append(byte: number): void {
    if (!this.#counts) return
    if (this.#wordBytes === this.#word.length) this.#grow()
    if (!this.#isTooLong) this.#word[this.#wordBytes++] = byte
  }

  #grow(): void {
    this.#isTooLong = this.#wordBytes === MAX_WORD_BYTES
    if (this.#isTooLong) return
    const larger = Buffer.allocUnsafe(2 * this.#wordBytes)
    this.#word.copy(larger)
    this.#word = larger
  }

  /** Returns the index of the closing quote, or the length where the string goes on in the next piece. */
  #string(bytes: Uint8Array, from: number): number {
    if (!this.#counts) return this.#skip(bytes, from)
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at] as number
      this.#append(byte)
      if (this.#isEscaped) this.#isEscaped = false
      else if (byte === BACKSLASH) this.#isEscaped = true
      else if (byte === QUOTE) {
        this.#isInString = false
        return at
      }
    }
    return bytes.length
  }

  /** The same for a string that does not count. Looks for quotes only: most bytes of a response are in such strings. */
  #skip(bytes: Uint8Array, from: number): number {
    let at = from
    if (this.#isEscaped && at < bytes.length) {
      this.#isEscaped = false
      at++
    }
    for (let quote = bytes.indexOf(QUOTE, at); ; quote = bytes.indexOf(QUOTE, quote + 1)) {
      const end = quote === -1 ? bytes.length : quote
      let before = end - 1
      while (before >= at && bytes[before] === BACKSLASH) before--
      const isEscaped = (end - before) % 2 === 0
      if (quote === -1) {
        this.#isEscaped = isEscaped
        return bytes.length
      }
      if (!isEscaped) {
        this.#isInString = false
        return quote
      }
    }
  }

  #open(byte: number): void {
    const level = this.#depth - this.#base
    if (level === 0) {
      if (byte === OPEN_ARRAY && this.#depth === 0) this.#base = 1
      else this.#begin()
    } else if (level === 1) {
      this.#isInResult = this.#key === 'result' && byte === OPEN_OBJECT
      if (this.#key === 'error') this.#draft.hasError = true
      this.#resultKey = undefined
    }
    this.#clear()
    this.#depth++
  }

  #close(): void {
    this.#endOfValue()
    this.#depth--
    const level = this.#depth - this.#base
    if (level === 1) {
      this.#isInResult = false
      this.#key = undefined
    } else if (level === 0) {
      this.#onMessage(messageOf(this.#draft))
      this.#begin()
    } else if (level < 0) this.reset()
    this.#clear()
  }

  #colon(): void {
    if (!this.#counts) return
    const key = unquoted(this.#take(MAX_KEY_BYTES))
    if (this.#depth - this.#base === 1) this.#key = key
    else this.#resultKey = key
  }

  /** A scalar value has ended. Objects and lists are handled where they open. */
  #endOfValue(): void {
    if (!this.#counts) return
    if (this.#depth - this.#base === 1) {
      if (this.#key === 'id') this.#draft.id = scalar(this.#take(MAX_WORD_BYTES))
      if (this.#key === 'method') this.#draft.hasMethod = true
      this.#key = undefined
    } else {
      if (this.#resultKey === 'isError') this.#draft.isToolError = this.#take(MAX_WORD_BYTES) === 'true'
      if (this.#resultKey === 'resultType')
        this.#draft.needsInput = this.#take(MAX_WORD_BYTES) === '"input_required"'
      this.#resultKey = undefined
    }
    this.#clear()
  }

  /** The buffered word, unless it is longer than `maxBytes`. Empties the buffer. */
  #take(maxBytes: number): string | undefined {
    const bytes = this.#wordBytes
    const isWhole = bytes > 0 && bytes <= maxBytes && !this.#isTooLong
    const word = isWhole ? this.#word.toString('utf8', 0, bytes) : undefined
    this.#clear()
    return word
  }
}

/**
 * Well-formed JSON strings and other scalars. Tested before JSON.parse, because JSON.parse takes long to throw, and a stream
 * of malformed ids would use up the process's time.
 */
const STRING = /^"(?:[\u0020-\u0021\u0023-\u005b\u005d-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"$/
const OTHER_SCALAR = /^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)$/

function scalar(word: string | undefined): string | undefined {
  return word !== undefined && (word.startsWith('"') ? STRING : OTHER_SCALAR).test(word) ? word : undefined
}

function unquoted(word: string | undefined): string | undefined {
  if (word?.startsWith('"') !== true) return undefined
  if (!word.includes('\\')) return word.slice(1, -1)
  return STRING.test(word) ? (JSON.parse(word) as string) : undefined
}
