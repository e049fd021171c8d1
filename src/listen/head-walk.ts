/**
 * Finds the end of a request's head, the first blank line, in bytes that arrive in pieces. Nothing is validated here: node's
 * parser gets the same bytes and accepts no other end (RFC 9112, 2.2, lets a server refuse bare line feeds).
 */
const BLANK_LINE = Buffer.from('\r\n\r\n')
const LF = 10
const CR = 13

/** Bytes. A longer line is refused for its length. */
const MOST_OF_A_LINE = 16_384
const ONE_LINE = /^(?:\r?\n)*[A-Z]+ +[^\s]+ *\r\n$/

export class HeadWalk {
  /** No byte of the head has arrived. */
  #isBefore = true
  /** The bytes so far end with this many bytes of BLANK_LINE. */
  #matched = 0

  /** No byte of the next head has arrived. */
  get isAtStart(): boolean {
    return this.#isBefore
  }

  /** The number of bytes up to the end of the head; -1 if the head goes on after them. After an end the next head begins. */
  endIn(bytes: Buffer): number {
    const from = this.#isBefore ? lineBreaksIn(bytes) : 0
    if (from === bytes.length) return -1
    const end =
      this.#matched > 0 && this.#goesOnIn(bytes) ? this.#endOfMatchIn(bytes) : this.#firstIn(bytes, from)
    this.#isBefore = end !== -1
    return end
  }

  /** Whether a blank line that began in earlier bytes continues here. */
  #goesOnIn(bytes: Buffer): boolean {
    const length = Math.min(BLANK_LINE.length - this.#matched, bytes.length)
    return bytes.compare(BLANK_LINE, this.#matched, this.#matched + length, 0, length) === 0
  }

  #endOfMatchIn({ length }: Buffer): number {
    const missing = BLANK_LINE.length - this.#matched
    this.#matched = length < missing ? this.#matched + length : 0
    return length < missing ? -1 : missing
  }

  #firstIn(bytes: Buffer, from: number): number {
    const start = bytes.indexOf(BLANK_LINE, from)
    this.#matched = start === -1 ? matchedAtEnd(bytes) : 0
    return start === -1 ? -1 : start + BLANK_LINE.length
  }
}

/** A whole HTTP/0.9 request: a request line without a version. No headers follow, so no more bytes would arrive. */
export function isOneLine(bytes: Buffer): boolean {
  return bytes.length <= MOST_OF_A_LINE && ONE_LINE.test(bytes.toString('latin1'))
}

/** Line breaks before a request line are ignored (RFC 9112, 2.2). */
function lineBreaksIn(bytes: Buffer): number {
  let at = 0
  while (bytes[at] === CR || bytes[at] === LF) at++
  return at
}

/** How many bytes of BLANK_LINE, but not all, these bytes end with. */
function matchedAtEnd(bytes: Buffer): number {
  for (let length = Math.min(BLANK_LINE.length - 1, bytes.length); length > 0; length--) {
    if (bytes.compare(BLANK_LINE, 0, length, bytes.length - length) === 0) return length
  }
  return 0
}
