/**
 * Reads JSON-RPC messages as they flow by and says of each, once it is whole: whose answer it is and of what kind. Keeps
 * a few bytes, however long a message is: texts and arguments are skipped, not held. Pure but for where it stands.
 */

/** Bytes of an id or a word that are held; a longer one is nobody's. */
const MOST_HELD = 8192
/** Bytes for which there is room before anything longer comes: keys, numbers, UUIDs. */
const FIRST_HELD = 64
/** Bytes of a key that is looked at: `resultType`, each letter written as six, and quotes. */
const LONGEST_KEY = 62

export interface SeenMessage {
  /** The id's JSON text; undefined without one, or with one that is too long. */
  readonly id: string | undefined
  /** A request or a notification, not an answer. */
  readonly hasMethod: boolean
  readonly hasError: boolean
  /** The tool ran and says that it failed. */
  readonly isError: boolean
  /** JSON text, for example `"input_required"`. */
  readonly resultType: string | undefined
}

interface Draft {
  id: string | undefined
  hasMethod: boolean
  hasError: boolean
  isError: boolean
  resultType: string | undefined
}

const newDraft = (): Draft => ({
  id: undefined,
  hasMethod: false,
  hasError: false,
  isError: false,
  resultType: undefined,
})

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
  readonly #onMessage: (message: SeenMessage) => void
  #depth = 0
  /** 1 inside of a batch. */
  #base = 0
  #isInString = false
  #isEscaped = false
  /** The word being read, where it matters. */
  #held = Buffer.allocUnsafe(FIRST_HELD)
  #heldBytes = 0
  #isTooLong = false
  #key: string | undefined
  #resultKey: string | undefined
  #isInResult = false
  #draft = newDraft()

  constructor(onMessage: (message: SeenMessage) => void) {
    this.#onMessage = onMessage
  }

  /** A new text begins, whatever became of the last. */
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
        this.#hold(byte)
      } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.#open(byte)
      else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) this.#close()
      else if (byte === COLON) this.#colon()
      else if (byte === COMMA) this.#endOfValue()
      else if (byte > SPACE) this.#hold(byte)
    }
  }

  /** Where keys and plain values matter: in a message, and in its result. */
  get #matters(): boolean {
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
    this.#heldBytes = 0
    this.#isTooLong = false
  }

  #hold(byte: number): void {
    if (!this.#matters) return
    if (this.#heldBytes === this.#held.length) this.#grow()
    if (!this.#isTooLong) this.#held[this.#heldBytes++] = byte
  }

  #grow(): void {
    this.#isTooLong = this.#heldBytes === MOST_HELD
    if (this.#isTooLong) return
    const larger = Buffer.allocUnsafe(2 * this.#heldBytes)
    this.#held.copy(larger)
    this.#held = larger
  }

  /** The index of the last byte that belongs to the string, as far as there are bytes. */
  #string(bytes: Uint8Array, from: number): number {
    if (!this.#matters) return this.#skip(bytes, from)
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at] as number
      this.#hold(byte)
      if (this.#isEscaped) this.#isEscaped = false
      else if (byte === BACKSLASH) this.#isEscaped = true
      else if (byte === QUOTE) {
        this.#isInString = false
        return at
      }
    }
    return bytes.length
  }

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
      this.#onMessage(this.#draft)
      this.#begin()
    } else if (level < 0) this.reset()
    this.#clear()
  }

  #colon(): void {
    if (!this.#matters) return
    const key = unquoted(this.#take(LONGEST_KEY))
    if (this.#depth - this.#base === 1) this.#key = key
    else this.#resultKey = key
  }

  /** A value that is a word has come to its end; objects and lists were seen when they opened. */
  #endOfValue(): void {
    if (!this.#matters) return
    if (this.#depth - this.#base === 1) {
      if (this.#key === 'id') this.#draft.id = scalar(this.#take(MOST_HELD))
      if (this.#key === 'method') this.#draft.hasMethod = true
      this.#key = undefined
    } else {
      if (this.#resultKey === 'isError') this.#draft.isError = this.#take(MOST_HELD) === 'true'
      if (this.#resultKey === 'resultType') this.#draft.resultType = this.#take(MOST_HELD)
      this.#resultKey = undefined
    }
    this.#clear()
  }

  /** What is held, unless it is longer than `mostBytes`. */
  #take(mostBytes: number): string | undefined {
    const bytes = this.#heldBytes
    const isWhole = bytes > 0 && bytes <= mostBytes && !this.#isTooLong
    const word = isWhole ? this.#held.toString('utf8', 0, bytes) : undefined
    this.#clear()
    return word
  }
}

/** As JSON has them. Asked before JSON.parse: an error takes it so long that a stream of them would take all of the time. */
const STRING = /^"(?:[\u0020-\u0021\u0023-\u005b\u005d-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"$/
const OTHER = /^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)$/

function scalar(word: string | undefined): string | undefined {
  return word !== undefined && (word.startsWith('"') ? STRING : OTHER).test(word) ? word : undefined
}

function unquoted(word: string | undefined): string | undefined {
  if (word?.startsWith('"') !== true) return undefined
  if (!word.includes('\\')) return word.slice(1, -1)
  return STRING.test(word) ? (JSON.parse(word) as string) : undefined
}
