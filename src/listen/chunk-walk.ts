/**
 * Finds the end of a chunked body (RFC 9112, 7.1) in bytes that arrive in pieces. Chunk sizes are read and chunk data is
 * skipped. Nothing is validated here: node's parser gets the same bytes and fails at a malformed body.
 */

type Place = 'size' | 'extension' | 'data' | 'trailer' | 'trailer line'

const LF = 10
const CR = 13

export class ChunkWalk {
  #place: Place = 'size'
  /** Bytes that are left of the current chunk, including the line break after its data. */
  #left = 0

  /** The number of bytes up to the end of the body; -1 if the body goes on after them. */
  endIn(bytes: Buffer): number {
    let at = 0
    while (at < bytes.length) {
      if (this.#place === 'data') {
        const step = Math.min(this.#left, bytes.length - at)
        at += step
        this.#left -= step
        if (this.#left === 0) this.#place = 'size'
      } else if (this.#isEndAt(bytes[at++] ?? 0)) return at
    }
    return -1
  }

  /** Takes one byte outside of chunk data. */
  #isEndAt(byte: number): boolean {
    if (byte === LF) return this.#isEndOfLine()
    if (this.#place === 'size') {
      const digit = hexDigit(byte)
      if (digit === undefined) this.#place = 'extension'
      else this.#left = this.#left * 16 + digit
    } else if (this.#place === 'trailer' && byte !== CR) this.#place = 'trailer line'
    return false
  }

  #isEndOfLine(): boolean {
    if (this.#place === 'trailer') return true
    if (this.#place === 'trailer line' || this.#left === 0) this.#place = 'trailer'
    else {
      this.#place = 'data'
      this.#left += 2
    }
    return false
  }
}

function hexDigit(byte: number): number | undefined {
  if (byte >= 48 && byte <= 57) return byte - 48
  // An upper-case letter differs from the lower-case one in this bit.
  const letter = byte | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : undefined
}
