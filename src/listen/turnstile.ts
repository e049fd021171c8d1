/**
 * One request of a connection at a time: node's parser gets the bytes behind a request only once that request has come
 * whole and its answer has gone out whole. So whatever is pipelined (a call, an upgrade, CONNECT, garbage) is read in its
 * turn, and no answer to it can be taken for the answer before. Meanwhile the bytes are held here, within a bound and
 * unparsed: reading goes on, since the end of a connection is only noticed by reading it. Must not know what a call is.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { ChunkWalk } from './chunk-walk.ts'
import { HeadWalk, isOneLine } from './head-walk.ts'

/** Bytes read ahead of their turn; beyond that the socket rests, and a caller who leaves is noticed when its turn comes. */
const MAX_HELD_BYTES = 65_536
const LINE_BREAK = Buffer.from('\r\n')

type Parse = (this: Socket, bytes: Buffer) => void

export class Turnstile {
  readonly #socket: Socket
  /** node's own reader of this connection. */
  readonly #parse: Parse
  #request: IncomingMessage | undefined
  /** Of the request under way; undefined once it has its answer. */
  #response: ServerResponse | undefined
  /** The body under way: bytes that are still to come, where the caller declared them, or its chunks. */
  #body: number | ChunkWalk = 0
  readonly #head = new HeadWalk()
  /** The piece that was passed last is a request line without headers, which node's parser ends only at a blank line. */
  #isWhole = false
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
    this.#response = response
    const { headers } = request
    this.#body =
      headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : new ChunkWalk()
    response.on('close', this.#answered)
    return true
  }

  /** No request is under way: whatever is said now cannot be taken for the answer to one. */
  isIdle(): boolean {
    return !this.#isOver && this.#response === undefined && this.#request?.complete !== false
  }

  /** A request is under way, and nothing of an answer to it has gone out. */
  isUnanswered(): boolean {
    return !this.#isOver && this.#response?.headersSent === false
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
    this.#response = undefined
    // An idle connection lasts for long; it must not keep the heads of its last request.
    if (this.#request?.complete === true) this.#request = undefined
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
    return this.#response === undefined || this.#request?.complete === false
  }

  #pass(bytes: Buffer): void {
    this.#held = bytes
    while (this.#held !== undefined && this.#isTurn() && !this.#socket.isPaused()) {
      const next: Buffer = this.#held
      const end: number = this.#pieceOf(next)
      // A handler that takes the connection over during this call finds the rest here.
      this.#held = end < next.length ? next.subarray(end) : undefined
      this.#parse.call(this.#socket, end < next.length ? next.subarray(0, end) : next)
      if (this.#isWhole && !this.#isOver) this.#parse.call(this.#socket, LINE_BREAK)
      this.#isWhole = false
    }
    this.#restIfFull()
  }

  #restIfFull(): void {
    if (this.#held === undefined || this.#held.length < MAX_HELD_BYTES || this.#socket.isPaused()) return
    this.#isFull = true
    this.#socket.pause()
  }

  /** How many of these bytes belong to one body or one head; all of them when it does not end here. */
  #pieceOf(bytes: Buffer): number {
    if (this.#body === 0) return this.#headIn(bytes)
    if (typeof this.#body === 'number') {
      const piece = Math.min(this.#body, bytes.length)
      this.#body -= piece
      return piece
    }
    const end = this.#body.endIn(bytes)
    if (end !== -1) this.#body = 0
    return reach(end, bytes)
  }

  #headIn(bytes: Buffer): number {
    const head = this.#head
    const isAtStart = head.isAtStart
    const end = head.endIn(bytes)
    this.#isWhole = end === -1 && isAtStart && isOneLine(bytes)
    return reach(end, bytes)
  }
}

/** -1 is no end in these bytes. */
function reach(end: number, bytes: Buffer): number {
  return end === -1 ? bytes.length : end
}
