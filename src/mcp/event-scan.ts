/**
 * Finds the data of server-sent events in a stream that flows past (WHATWG HTML, 9.2.6). In: bytes, in pieces of any length.
 * Out: the pieces of data and the ends of events, to a sink. No event is buffered, so that the memory is constant however
 * long an event is.
 */

const NEWLINE = 0x0a
const RETURN = 0x0d
const SPACE = 0x20
const DATA = Buffer.from('data:')
const ID = Buffer.from('id:')

export interface EventSink {
  /** A piece of an event's data. */
  write(bytes: Uint8Array): void
  /** The event ends. */
  reset(): void
}

export class EventScan {
  readonly #sink: EventSink
  /** How many characters of `data:` the line has matched so far; -1 when the line is another field. */
  #matched = 0
  #isLineEmpty = true
  /** The same for `id:`. */
  #idMatched = 0
  #hasIds = false
  #isAfterReturn = false

  constructor(sink: EventSink) {
    this.#sink = sink
  }

  /** An event had an id: the caller can resume the stream after it. */
  get hasIds(): boolean {
    return this.#hasIds
  }

  write(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length) {
      const byte = bytes[at] as number
      if (this.#isAfterReturn) {
        this.#isAfterReturn = false
        if (byte === NEWLINE) {
          at++
          continue
        }
      }
      if (byte === NEWLINE || byte === RETURN) {
        this.#endLine(byte)
        at++
      } else if (this.#matched === DATA.length) at = this.#data(bytes, at)
      else {
        this.#isLineEmpty = false
        this.#matched = this.#matched >= 0 && byte === DATA[this.#matched] ? this.#matched + 1 : -1
        this.#idMatched = this.#idMatched >= 0 && byte === ID[this.#idMatched] ? this.#idMatched + 1 : -1
        if (this.#idMatched === ID.length) this.#hasIds = true
        at++
      }
    }
  }

  #data(bytes: Buffer, from: number): number {
    let end = from
    while (end < bytes.length && bytes[end] !== NEWLINE && bytes[end] !== RETURN) end++
    this.#sink.write(bytes.subarray(from, end))
    return end
  }

  #endLine(byte: number): void {
    this.#isAfterReturn = byte === RETURN
    if (this.#isLineEmpty) this.#sink.reset()
    // Lines of data are joined by a newline. In JSON a space does the same.
    else if (this.#matched === DATA.length) this.#sink.write(BLANK)
    this.#isLineEmpty = true
    this.#matched = 0
    this.#idMatched = 0
  }
}

const BLANK = Buffer.from([SPACE])
