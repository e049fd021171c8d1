/**
 * One request of a connection at a time: node's parser gets the bytes behind a request only once that request has come
 * whole and its answer has gone out whole. So whatever is pipelined (a call, an upgrade, CONNECT, garbage) is read in its
 * turn, and no answer to it can be taken for the answer before. Meanwhile the bytes are held here, within a bound and
 * unparsed: reading goes on, since the end of a connection is only noticed by reading it. Must not know what a call is.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Bytes read ahead of their turn; beyond that the socket rests, and a caller who leaves is noticed when its turn comes. */
export const MAX_HELD_BYTES = 65_536
/** Every request head and every chunked body ends with it. */
const BLANK_LINE = Buffer.from('\r\n\r\n')
/**
 * Pieces that one read (at most 64 KiB) is cut into. Nobody needs as many; without a bound, a body of nothing but blank
 * lines would cost a call of the parser for every 4 bytes. What is parsed early beyond it makes `begin` fail.
 */
const MAX_PIECES = 64

type Parse = (this: Socket, bytes: Buffer) => void

export class Turnstile {
  readonly #socket: Socket
  /** node's own reader of this connection. */
  readonly #parse: Parse
  #request: IncomingMessage | undefined
  #isAnswered = true
  /** Bytes of the body that are still to come, where the caller declared them. */
  #bodyBytes = 0
  /** How many bytes of BLANK_LINE the bytes that were passed on end with. */
  #matched = 0
  #held: Buffer | undefined
  #isFull = false
  #isOver = false

  /** For a socket that node:http has just begun to read: takes the place between the two. */
  constructor(socket: Socket) {
    this.#socket = socket
    this.#parse = socket.listeners('data')[0] as Parse
    socket.on('data', this.take)
    socket.off('data', this.#parse)
    socket.on('resume', this.#goOn)
  }

  /** The parser gave a request. False: it was not its turn, or the connection is done with; it must not be handled. */
  begin(request: IncomingMessage, response: ServerResponse): boolean {
    if (!this.isIdle()) return false
    this.#request = request
    this.#isAnswered = false
    this.#bodyBytes = Number(request.headers['content-length'] ?? 0)
    response.on('close', this.#answered)
    return true
  }

  /** No request is under way: whatever is said now cannot be taken for the answer to one. */
  isIdle(): boolean {
    return !this.#isOver && this.#isAnswered && this.#request?.complete !== false
  }

  /** The connection leaves HTTP, or is done with. Gives the bytes that nobody has parsed. */
  leave(): Buffer {
    const rest = this.#held ?? Buffer.alloc(0)
    this.#isOver = true
    this.#held = undefined
    this.#socket.off('data', this.take).off('resume', this.#goOn)
    return rest
  }

  readonly take = (bytes: Buffer): void => {
    if (this.#held === undefined) return this.#pass(bytes)
    this.#held = Buffer.concat([this.#held, bytes])
    this.#restIfFull()
  }

  readonly #answered = (): void => {
    this.#isAnswered = true
    this.#goOn()
  }

  /** Also when node has paused the socket for a body that nobody took, and reads on. */
  readonly #goOn = (): void => {
    if (this.#held === undefined || !this.#isTurn()) return
    // Before the parser sees more, since it may pause the socket for reasons of its own.
    if (this.#isFull) this.#socket.resume()
    this.#isFull = false
    this.#pass(this.#held)
  }

  /** What comes now belongs to the request under way, or that one is over. */
  #isTurn(): boolean {
    if (this.#isOver || !this.#socket.writable) return false
    return this.#isAnswered || this.#request?.complete === false
  }

  #pass(bytes: Buffer): void {
    this.#held = bytes
    for (let pieces = 1; this.#held !== undefined; pieces++) {
      if (!this.#isTurn() || this.#socket.isPaused()) break
      const next: Buffer = this.#held
      const end: number = pieces < MAX_PIECES ? this.#pieceOf(next) : next.length
      // Whoever takes the connection over in the middle of this finds the rest here.
      this.#held = end < next.length ? next.subarray(end) : undefined
      this.#parse.call(this.#socket, end < next.length ? next.subarray(0, end) : next)
    }
    this.#restIfFull()
  }

  #restIfFull(): void {
    if (this.#held === undefined || this.#held.length < MAX_HELD_BYTES || this.#socket.isPaused()) return
    this.#isFull = true
    this.#socket.pause()
  }

  /** Bytes from the start of these in which at most one request ends or begins. */
  #pieceOf(bytes: Buffer): number {
    if (this.#bodyBytes === 0) return this.#toBlankLine(bytes)
    const piece = Math.min(this.#bodyBytes, bytes.length)
    this.#bodyBytes -= piece
    return piece
  }

  /** Bytes up to the end of the first blank line, which may have begun in the bytes before; all of them when there is none. */
  #toBlankLine(bytes: Buffer): number {
    const before = this.#matched
    const piece = Math.min(BLANK_LINE.length - before, bytes.length)
    if (before > 0 && bytes.compare(BLANK_LINE, before, before + piece, 0, piece) === 0) {
      this.#matched = (before + piece) % BLANK_LINE.length
      return piece
    }
    const start = bytes.indexOf(BLANK_LINE)
    this.#matched = start === -1 ? matchedAtEnd(bytes) : 0
    return start === -1 ? bytes.length : start + BLANK_LINE.length
  }
}

/** How many bytes of BLANK_LINE these end with; less than all. */
function matchedAtEnd(bytes: Buffer): number {
  for (let length = Math.min(BLANK_LINE.length - 1, bytes.length); length > 0; length--) {
    if (bytes.compare(BLANK_LINE, 0, length, bytes.length - length) === 0) return length
  }
  return 0
}
