/**
 * The connections of one node:http server, for both listeners. Requests are handled one at a time, and malformed ones get
 * Spillway's own last answer: never while the answer to another request is under way, and without a reset for a caller that
 * is still sending. Must not know what a request asks for.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../time/clock.ts'
import { flawOf, overflowOf } from './head.ts'
import type { RequestFlaw, Malformed } from './head.ts'
import { lastWords } from './last-words.ts'
import { Turnstile } from './turnstile.ts'

export interface ReceptionParts {
  readonly clock: Clock
  /** A whole answer to a malformed request, with `Connection: close`. */
  readonly answerMalformed: (reason: Malformed, detail: string) => string
  /**
   * Whether a request gets that answer, too, if its body is malformed or late. Only for a listener where a request without
   * its whole body has no effect: otherwise the answer's promise that nothing was done would be wrong.
   */
  readonly answersBrokenBodies: boolean
}

/** The caller left, perhaps in the middle of a body: no answer is needed. */
const GONE = new Set(['ECONNRESET', 'EPIPE', 'HPE_INVALID_EOF_STATE'])
/** node's parser found `Connection: close` in trailers, where it has no meaning. The next request is not malformed. */
const CLOSED_BY_TRAILER = 'HPE_CLOSED_CONNECTION'

/** An error of node's parser. */
interface ClientError extends NodeJS.ErrnoException {
  readonly rawPacket?: Buffer
}

export class Reception {
  readonly #server: Server
  readonly #parts: ReceptionParts
  /** node's own listener, which starts HTTP on a socket. */
  readonly #speakHttp: (this: Server, socket: Duplex) => void
  readonly #turnstiles = new WeakMap<Duplex, Turnstile>()
  /** Connections that got their last answer. */
  readonly #declined = new WeakSet<Duplex>()

  /** Call it before the server listens. */
  constructor(server: Server, parts: ReceptionParts) {
    this.#server = server
    this.#parts = parts
    this.#speakHttp = server.listeners('connection')[0] as (this: Server, socket: Duplex) => void
    server
      .on('connection', (socket) => this.#connected(socket))
      .on('clientError', (error, socket) => this.#clientError(error, socket))
  }

  /** False: the request was answered here, or its connection closed. */
  begin(request: IncomingMessage, response: ServerResponse): boolean {
    const { socket } = request
    const flaw = flawOf(request)
    if (flaw !== undefined) {
      this.decline(socket, flaw, request.method)
      return false
    }
    if (this.#turnstiles.get(socket)?.begin(request, response) === true) return true
    // The turnstile should have prevented a request out of turn.
    socket.destroy()
    return false
  }

  /** Spillway's own last answer on this connection. */
  decline(socket: Duplex, { reason, detail }: RequestFlaw, method?: string): void {
    const turnstile = this.#turnstiles.get(socket)
    const mayAnswer =
      turnstile?.isIdle() === true || (this.#parts.answersBrokenBodies && turnstile?.isUnanswered() === true)
    turnstile?.leave()
    if (!mayAnswer || !socket.writable) {
      socket.destroy()
      return
    }
    this.#declined.add(socket)
    const answer = this.#parts.answerMalformed(reason, detail)
    lastWords(socket, this.#parts.clock, method === 'HEAD' ? headOf(answer) : answer)
  }

  /**
   * The connection leaves HTTP at this request. Gives the bytes behind it that were not parsed; undefined if the request was
   * answered here, or its connection closed.
   */
  leaveHttp(request: IncomingMessage): Buffer | undefined {
    const { socket } = request
    const turnstile = this.#turnstiles.get(socket)
    if (turnstile?.isIdle() !== true) {
      socket.destroy()
      return undefined
    }
    const flaw = flawOf(request)
    if (flaw === undefined) return turnstile.leave()
    this.decline(socket, flaw)
    return undefined
  }

  /** The connection returns to HTTP, and these bytes are parsed first. */
  returnToHttp(socket: Socket, bytes: Buffer): void {
    this.#speakHttp.call(this.#server, socket)
    const turnstile = new Turnstile(socket)
    this.#turnstiles.set(socket, turnstile)
    turnstile.take(bytes)
  }

  #connected(socket: Socket): void {
    this.#turnstiles.set(socket, new Turnstile(socket))
    // node calls this after an answer with `Connection: close`. node's own version would reset a caller that is still sending.
    socket.destroySoon = () => {
      this.#turnstiles.get(socket)?.leave()
      lastWords(socket, this.#parts.clock)
    }
  }

  #clientError(error: ClientError, socket: Duplex): void {
    const { code = '' } = error
    // The parser also fails at a request that was declined by its head; that answer was sent already.
    if (this.#declined.has(socket) && code.startsWith('HPE_')) return
    if (GONE.has(code) || code === CLOSED_BY_TRAILER || hasSaidNothing(socket)) socket.destroy()
    else this.decline(socket, flawBehind(error))
  }
}

function headOf(answer: string): string {
  return answer.slice(0, answer.indexOf('\r\n\r\n') + 4)
}

/** A connection that was opened in advance and never used needs no answer. */
function hasSaidNothing(socket: Duplex): boolean {
  return (socket as Partial<Socket>).bytesRead === 0
}

function flawBehind({ code, rawPacket }: ClientError): RequestFlaw {
  if (code === 'HPE_HEADER_OVERFLOW') return overflowOf(rawPacket ?? Buffer.alloc(0))
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return { reason: 'REQUEST_TIMEOUT', detail: 'the request did not come whole in time' }
  return { reason: 'BAD_REQUEST', detail: 'this is not well-formed HTTP/1.1' }
}
