/**
 * Checks that bytes are JSON, accepting exactly what JSON.parse accepts of well-formed UTF-8, without building any value.
 * In: the bytes, in steps of any size. Out: calls of a sink for the keys and values of the outermost containers, and a
 * problem if the bytes are not JSON. The state is one byte per open container, so depth and time are bounded.
 * Grammar: RFC 8259; UTF-8: Unicode 16, table 3-7. Pure. Must not know what a key means.
 */

/** Receives the contents of the containers that it asked for. `from` and `to` are offsets; a string has its quotes. */
export interface JsonSink {
  /** An object or a list begins. True: its keys and values are to be reported, too. */
  open(isObject: boolean): boolean
  /** The innermost container that was asked for ends. */
  close(): void
  key(from: number, to: number): void
  /** A string, a number, true, false or null. */
  value(from: number, to: number): void
  /** Set by the sink to end the scan. */
  readonly problem: string | undefined
}

/** Containers within each other. A recursive parser could overflow its stack. No tool's arguments come near the bound. */
export const MAX_DEPTH = 100

// States: what may come next. From STRING on, the scan is inside of a token that may be long.
const VALUE = 0
const FIRST_VALUE = 1
const KEY = 2
const FIRST_KEY = 3
const COLON = 4
const AFTER = 5
const END = 6
const STRING = 7
const INTEGER = 8
const FRACTION = 9
const EXPONENT = 10

const QUOTE = 0x22
const BACKSLASH = 0x5c
const NOT_JSON = 'the body is not JSON'
const NOT_UTF8 = 'the body is not UTF-8'

/** 1 for ASCII bytes that need no escape in a string. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x80 && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
)
/** 1 for hexadecimal digits, as they follow \u. */
const HEX = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[0-9a-f]/i.test(String.fromCharCode(byte)) ? 1 : 0,
)
/** 1 for the characters that form an escape of two bytes with a backslash. */
const ESCAPED = Uint8Array.from({ length: 256 }, (_, byte) =>
  '"\\/bfnrt'.includes(String.fromCharCode(byte)) ? 1 : 0,
)

export class JsonScan {
  readonly #bytes: Uint8Array
  readonly #sink: JsonSink
  #at = 0
  #state = VALUE
  #isKey = false
  /** Offset at which the current string or number begins. */
  #from = 0
  /** Of each open container: 1 for an object, 0 for a list. */
  readonly #open = new Uint8Array(MAX_DEPTH)
  #depth = 0
  /** How many of the open containers the sink asked for: always the outermost. */
  #reported = 0
  #problem: string | undefined

  constructor(bytes: Uint8Array, sink: JsonSink) {
    this.#bytes = bytes
    this.#sink = sink
  }

  /**
   * Scans `maxBytes` more, and up to nine more bytes where a short token would be cut. True when the scan is over: at the
   * end, or at a problem.
   */
  step(maxBytes: number): boolean {
    const bytes = this.#bytes
    const end = Math.min(bytes.length, this.#at + maxBytes)
    while (this.#at < end && this.#problem === undefined) {
      if (this.#state === STRING) this.#string(end)
      else if (this.#state > STRING) this.#digits(end)
      else this.#token(bytes[this.#at] as number)
    }
    if (this.#problem !== undefined) return true
    if (this.#at < bytes.length) return false
    if (this.#state > STRING) this.#endValue()
    if (this.#state !== END) this.#fail()
    return true
  }

  /** Why the bytes are not JSON, or the problem that the sink reported. */
  get problem(): string | undefined {
    return this.#problem
  }

  #token(byte: number): void {
    const state = this.#state
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
      this.#at++
    } else if (byte === QUOTE) {
      if (state > FIRST_KEY) return this.#fail()
      this.#isKey = state >= KEY
      this.#from = this.#at++
      this.#state = STRING
    } else if (state === AFTER) {
      if (byte === 0x2c) {
        this.#at++
        this.#state = this.#open[this.#depth - 1] === 1 ? KEY : VALUE
      } else this.#close(byte)
    } else if (state === COLON) {
      if (byte !== 0x3a) return this.#fail()
      this.#at++
      this.#state = VALUE
    } else if (state <= FIRST_VALUE) {
      if (byte === 0x7b || byte === 0x5b) this.#begin(byte === 0x7b)
      else if (byte === 0x5d && state === FIRST_VALUE) this.#close(byte)
      else this.#scalar(byte)
    } else if (state === FIRST_KEY) this.#close(byte)
    else this.#fail()
  }

  #begin(isObject: boolean): void {
    if (this.#depth === MAX_DEPTH) {
      this.#problem = `the message is ambiguous: it is nested more than ${MAX_DEPTH} deep`
      return
    }
    if (this.#depth === this.#reported) {
      if (this.#sink.open(isObject)) this.#reported++
      this.#problem = this.#sink.problem
    }
    this.#open[this.#depth++] = isObject ? 1 : 0
    this.#state = isObject ? FIRST_KEY : FIRST_VALUE
    this.#at++
  }

  #close(byte: number): void {
    const isObject = this.#open[this.#depth - 1] === 1
    if (byte !== (isObject ? 0x7d : 0x5d)) return this.#fail()
    if (this.#depth === this.#reported) {
      this.#sink.close()
      this.#reported--
    }
    this.#depth--
    this.#at++
    this.#state = this.#depth === 0 ? END : AFTER
  }

  #string(end: number): void {
    const bytes = this.#bytes
    let at = this.#at
    while (at < end) {
      while (at < end && PLAIN[bytes[at] as number] === 1) at++
      if (at >= end) break
      const byte = bytes[at] as number
      if (byte === QUOTE) {
        this.#at = at + 1
        return this.#isKey ? this.#endKey() : this.#endValue()
      }
      const length = byte === BACKSLASH ? escapeLength(bytes, at) : byte < 0x80 ? 0 : utf8Length(bytes, at)
      if (length === 0) {
        this.#problem = byte < 0x80 ? NOT_JSON : NOT_UTF8
        return
      }
      at += length
    }
    this.#at = at
  }

  /** A number up to its first digit, or true, false, null. */
  #scalar(byte: number): void {
    const bytes = this.#bytes
    this.#from = this.#at
    const first = byte === 0x2d ? bytes[this.#at + 1] : byte
    if (isDigit(first)) {
      this.#at += byte === 0x2d ? 2 : 1
      if (first === 0x30 && isDigit(bytes[this.#at])) return this.#fail()
      this.#state = INTEGER
      if (this.#at >= bytes.length || !isNumberByte(bytes[this.#at])) this.#endValue()
      return
    }
    const length = wordLength(bytes, this.#at)
    if (length === 0) return this.#fail()
    this.#at += length
    this.#endValue()
  }

  #digits(end: number): void {
    const bytes = this.#bytes
    let at = this.#at
    while (at < end && isDigit(bytes[at])) at++
    this.#at = at
    if (at >= end) return
    const byte = bytes[at]
    if (byte === 0x2e && this.#state === INTEGER) this.#afterMark(at + 1, FRACTION)
    else if ((byte === 0x65 || byte === 0x45) && this.#state !== EXPONENT) {
      const sign = bytes[at + 1]
      this.#afterMark(sign === 0x2b || sign === 0x2d ? at + 2 : at + 1, EXPONENT)
    } else this.#endValue()
  }

  /** After a decimal point or an E, where a digit has to follow. */
  #afterMark(at: number, state: number): void {
    if (!isDigit(this.#bytes[at])) return this.#fail()
    this.#at = at + 1
    this.#state = state
  }

  #endKey(): void {
    this.#state = COLON
    if (this.#depth !== this.#reported) return
    this.#sink.key(this.#from, this.#at)
    this.#problem = this.#sink.problem
  }

  #endValue(): void {
    this.#state = this.#depth === 0 ? END : AFTER
    if (this.#depth !== this.#reported) return
    this.#sink.value(this.#from, this.#at)
    this.#problem = this.#sink.problem
  }

  #fail(): void {
    this.#problem = NOT_JSON
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39
}

/** The byte may continue a number after its first digits. */
function isNumberByte(byte: number | undefined): boolean {
  return isDigit(byte) || byte === 0x2e || byte === 0x65 || byte === 0x45
}

/** Length in bytes of the true, false or null at this offset; 0 when there is none. */
function wordLength(bytes: Uint8Array, at: number): number {
  const [first, second, third, fourth] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]
  if (first === 0x74) return second === 0x72 && third === 0x75 && fourth === 0x65 ? 4 : 0
  if (first === 0x6e) return second === 0x75 && third === 0x6c && fourth === 0x6c ? 4 : 0
  const isFalse = second === 0x61 && third === 0x6c && fourth === 0x73 && bytes[at + 4] === 0x65
  return first === 0x66 && isFalse ? 5 : 0
}

/** Length in bytes of the escape at this offset; 0 when it is malformed. */
function escapeLength(bytes: Uint8Array, at: number): number {
  const letter = bytes[at + 1] ?? 0
  if (ESCAPED[letter] === 1) return 2
  if (letter !== 0x75) return 0
  for (let digit = at + 2; digit < at + 6; digit++) if (HEX[bytes[digit] ?? 0] !== 1) return 0
  return 6
}

/** Length in bytes of the UTF-8 character at this offset, whose first byte is 0x80 or more; 0 when it is malformed. */
function utf8Length(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] as number
  const second = bytes[at + 1] ?? 0
  if (lead < 0xc2 || lead > 0xf4) return 0
  if (lead < 0xe0) return isContinuation(second) ? 2 : 0
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  if (second < lowest || second > highest || !isContinuation(bytes[at + 2])) return 0
  if (lead < 0xf0) return 3
  return isContinuation(bytes[at + 3]) ? 4 : 0
}

function isContinuation(byte = 0): boolean {
  return byte >= 0x80 && byte <= 0xbf
}
