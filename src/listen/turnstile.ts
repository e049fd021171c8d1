/**
 * Gives node's parser one request of a connection at a time. The bytes behind a request are parsed only after the request
 * has arrived whole and its answer was sent whole. So a pipelined request, upgrade, CONNECT or malformed head is read in
 * its turn, and an answer to it cannot be mistaken for an earlier answer. Until then the bytes are held here unparsed, within
 * a bound: the connection is still read, because only reading notices its end. Must not know what a call is.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { ChunkWalk } from './chunk-walk.ts'
import { HeadWalk, isOneLine } from './head-walk.ts'

/** Bytes read ahead of their turn. Beyond that the socket is paused, and the end of the connection is noticed only later. */
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
  /** The rest of the current body: its declared bytes, or the walk through its chunks. */
  #body: number | ChunkWalk = 0
  readonly #head = new HeadWalk()
  /** The last piece was a whole HTTP/0.9 request, which node's parser ends only at a blank line. */
  #isWhole = false
  #held: Buffer | undefined
  #isFull = false
  #isOver = false

  /** For a socket that node:http has just begun to read: from now on this class passes it the bytes. */
  constructor(socket: Socket) {
    this.#socket = socket
    this.#parse = socket.listeners('data')[0] as Parse
    socket.on('data', this.take)
    socket.off('data', this.#parse)
    socket.on('resume', this.#goOn)
  }

  /** The parser found a request. False: the request is out of turn or its connection is over, and must not be handled. */
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

  /** No request is under way, so bytes that are written now cannot be mistaken for the answer to one. */
  isIdle(): boolean {
    return !this.#isOver && this.#response === undefined && this.#request?.complete !== false
  }

  /** A request is under way, and no byte of its answer was sent. */
  isUnanswered(): boolean {
    return !this.#isOver && this.#response?.headersSent === false
  }

  /** The connection leaves HTTP, or is over. Gives the bytes that were not parsed. */
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
    // An idle connection can last for long and must not keep the head of its last request in memory.
    if (this.#request?.complete === true) this.#request = undefined
    this.#goOn()
  }

  /** Also called when node resumes the socket after a body that no handler read. */
  readonly #goOn = (): void => {
    if (this.#held === undefined || !this.#isTurn()) return
    // Resumed before the parser gets more bytes, since the parser may pause the socket itself.
    if (this.#isFull) this.#socket.resume()
    this.#isFull = false
    this.#pass(this.#held)
  }

  /** The held bytes belong to the current request, or that request is over. */
  #isTurn(): boolean {
    if (this.#isOver || !this.#socket.writable) return false
    return this.#response === undefined || this.#request?.complete === false
  }

  #pass(bytes: Buffer): void {
    this.#held = bytes
    while (this.#held !== undefined && this.#isTurn() && !this.#socket.isPaused()) {
      const next: Buffer = this.#held
      const end: number = this.#pieceOf(next)
      // A handler that takes over the connection during this call gets the rest from here.
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

  /** How many of these bytes belong to the current head or body; all of them if it goes on after them. */
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

/** `end` is -1 if there is no end in these bytes. */
function reach(end: number, bytes: Buffer): number {
  return end === -1 ? bytes.length : end
}
