/**
 * Where the head of a request ends: behind the first blank line, in bytes that come in pieces. Judges nothing: node's
 * parser, which gets the same bytes, takes no other end (RFC 9112, 2.2, lets a server refuse bare line feeds).
 */
const BLANK_LINE = Buffer.from('\r\n\r\n')
const LF = 10
const CR = 13

/** Bytes; a longer line is refused for its length. */
const MOST_OF_A_LINE = 16_384
const ONE_LINE = /^(?:\r?\n)*[A-Z]+ +[^\s]+ *\r\n$/

export class HeadWalk {
  /** No byte of the head has come. */
  #isBefore = true
  /** How many bytes of BLANK_LINE the bytes so far end with. */
  #matched = 0

  /** No byte of the next head has come. */
  get isAtStart(): boolean {
    return this.#isBefore
  }

  /** Bytes up to the end of the head; -1 when these do not reach it. Begins anew after an end. */
  endIn(bytes: Buffer): number {
    const from = this.#isBefore ? lineBreaksIn(bytes) : 0
    if (from === bytes.length) return -1
    const end =
      this.#matched > 0 && this.#goesOnIn(bytes) ? this.#endOfMatchIn(bytes) : this.#firstIn(bytes, from)
    this.#isBefore = end !== -1
    return end
  }

  /** The blank line that began in the bytes before. */
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

/** A whole request of HTTP/0.9, which has no version and no headers: nobody would write more of it. */
export function isOneLine(bytes: Buffer): boolean {
  return bytes.length <= MOST_OF_A_LINE && ONE_LINE.test(bytes.toString('latin1'))
}

/** Line breaks before a request line mean nothing (RFC 9112, 2.2). */
function lineBreaksIn(bytes: Buffer): number {
  let at = 0
  while (bytes[at] === CR || bytes[at] === LF) at++
  return at
}

/** How many bytes of BLANK_LINE these end with; less than all. */
function matchedAtEnd(bytes: Buffer): number {
  for (let length = Math.min(BLANK_LINE.length - 1, bytes.length); length > 0; length--) {
    if (bytes.compare(BLANK_LINE, 0, length, bytes.length - length) === 0) return length
  }
  return 0
}
