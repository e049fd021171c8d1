/**
 * Where a chunked body ends (RFC 9112, 7.1), in bytes that come in pieces: sizes are read, data is stepped over. Judges
 * nothing: node's parser does that with the same bytes, and a body that is wrong ends there.
 */

type Place = 'size' | 'extension' | 'data' | 'trailer' | 'trailer line'

const LF = 10
const CR = 13

export class ChunkWalk {
  #place: Place = 'size'
  /** Bytes of the chunk that begins or goes on, with the line break behind it. */
  #left = 0

  /** Bytes up to the end of the body; -1 when these do not reach it. */
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

  /** One byte of what is not data. */
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
  // Letters differ from their capitals in one bit.
  const letter = byte | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : undefined
}
