/**
 * Finds the data of server-sent events as it flows by, and hands it on without holding it: an event of a hundred
 * megabytes costs as much memory as an empty one. Pure but for where it stands.
 */

const NEWLINE = 0x0a
const RETURN = 0x0d
const SPACE = 0x20
const DATA = Buffer.from('data:')
const ID = Buffer.from('id:')

export interface EventSink {
  /** Part of an event's data. */
  write(bytes: Uint8Array): void
  /** The event is over. */
  reset(): void
}

export class EventScan {
  readonly #sink: EventSink
  /** Letters of `data:` that the line began with; -1 when it is another field. */
  #matched = 0
  #isLineEmpty = true
  /** As `#matched`, of `id:`. */
  #idMatched = 0
  #hasIds = false
  #isAfterReturn = false

  constructor(sink: EventSink) {
    this.#sink = sink
  }

  /** An event had an id, by which the stream can be resumed. */
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
    // Lines of data are joined by a newline, which in JSON is as good as a space.
    else if (this.#matched === DATA.length) this.#sink.write(BLANK)
    this.#isLineEmpty = true
    this.#matched = 0
    this.#idMatched = 0
  }
}

const BLANK = Buffer.from([SPACE])
