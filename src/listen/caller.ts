/**
 * The caller's side of one exchange: its request as data and as a stream of bytes, and the verbs that answer it. All
 * bytes that a call writes to its caller go through here, so that the stages behind it need no socket and a test can put
 * a fake in its place. Must not know of tools or lanes, nor why something is said.
 */
import { STATUS_CODES } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import { switchingProtocols, wireHead } from '../reply/wire-head.ts'
import type { Clock, Timer } from '../time/clock.ts'
import type { Connections } from './connections.ts'
import type { Arrival } from './server.ts'

/** Milliseconds for which a caller that was answered early may go on sending its request. */
const LINGER_MS = 30_000
/**
 * Milliseconds in which a caller has to read the piece that was written last, 64 KiB at most; nginx's send_timeout. A
 * caller that reads one byte a second from a long answer would hold its place for ever.
 */
const READ_WITHIN_MS = 60_000

/** The head of a request, as Node's parser gives it. */
export interface RequestHead {
  readonly method?: string | undefined
  readonly url?: string | undefined
  /** Name, value, name, value. */
  readonly rawHeaders: readonly string[]
  /** For example `1.1`. */
  readonly httpVersion: string
  readonly httpVersionMinor: number
}

/** A request: its head, and its body as a stream. */
export interface CallerRequest extends RequestHead, Readable {
  /** The body has come whole. */
  readonly complete: boolean
}

export interface AnswerHead {
  readonly status: number
  /** The reason phrase; empty for the usual one. */
  readonly text?: string
  /** Flat list of names and values. */
  readonly headers: readonly string[]
  /** The connection is closed after this answer. */
  readonly isLast?: boolean
}

/** The listener is told what becomes of the exchange. */
export interface CallerListener {
  /** The exchange is over. `isAnswered`: the answer went out whole; otherwise the caller left before its end. */
  closed(isAnswered: boolean): void
  /** Writing the answer failed by an error of Spillway's own. */
  failed(error: unknown): void
}

/** A connection after the switch to another protocol. */
export interface Tunnel {
  readonly socket: Duplex
  /** What the caller sent before the switch. */
  readonly early: Buffer
}

export interface Caller {
  readonly request: CallerRequest
  /** The caller's address. */
  readonly peer: string
  /** The protocol that the caller wants to switch to, for example `websocket`. */
  readonly protocol: string | undefined
  /** The caller sends its body only after `100 Continue`. */
  readonly awaitsContinue: boolean
  readonly isGone: boolean
  /** `none`: a head can still be sent. `part`: only cutting the connection can say that something went wrong. */
  readonly answered: 'none' | 'part' | 'whole'
  listen(listener: CallerListener): void
  /** Takes a share of the listener's connections for this holder; false when none is left for it. */
  hold(holder: string): boolean
  /** Asks for the body, if the caller waits for that. */
  proceed(): void
  /** Sends an interim answer (1xx), if this caller can take it now. */
  interim(status: number, headers: readonly string[]): void
  /** Sends the head of the answer, soon also when no body follows at once. */
  head(head: AnswerHead): void
  /** Sends a piece of the body. False: the caller has to read first, and the listener is told once when it has. */
  write(chunk: Buffer, listener: { onRead(): void }): boolean
  /** Ends the answer, at the earliest when the request has come whole. */
  end(last?: string, trailers?: readonly [string, string][]): void
  /** Breaks the answer off so that the caller notices. */
  cut(): void
  /** Switches the connection to the protocol that was asked for. */
  tunnel(protocol: string, headers: readonly string[]): Tunnel
}

export interface HttpCallerParts {
  readonly clock: Clock
  /** Of the listener that the request came to. */
  readonly connections: Pick<Connections, 'hold' | 'release'>
}

export class HttpCaller implements Caller {
  readonly request: IncomingMessage
  readonly #response: ServerResponse
  readonly #upgrade: Arrival['upgrade']
  readonly #parts: HttpCallerParts
  #awaitsContinue: boolean
  #listener: CallerListener | undefined
  /** A piece of the body, or the end of the answer, follows the head. */
  #hasMore = false
  #readTimer: Timer | undefined
  #isClosed = false

  constructor({ request, response, expectsContinue, upgrade }: Arrival, parts: HttpCallerParts) {
    this.request = request
    this.#response = response
    this.#upgrade = upgrade
    this.#parts = parts
    this.#awaitsContinue = expectsContinue
    // Without a listener an error of the stream would end the process.
    response.on('error', (error) => this.#listener?.failed(error))
    response.on('close', () => this.#close())
  }

  get peer(): string {
    return this.request.socket.remoteAddress ?? 'unknown'
  }

  get protocol(): string | undefined {
    return this.#upgrade?.protocol
  }

  get awaitsContinue(): boolean {
    return this.#awaitsContinue
  }

  get isGone(): boolean {
    return this.#response.destroyed
  }

  get answered(): 'none' | 'part' | 'whole' {
    const { headersSent, destroyed, writableEnded, writableFinished } = this.#response
    if (!headersSent && !destroyed) return 'none'
    return writableFinished || (writableEnded && destroyed) ? 'whole' : 'part'
  }

  listen(listener: CallerListener): void {
    this.#listener = listener
  }

  hold(holder: string): boolean {
    return this.#parts.connections.hold({ request: this.request, response: this.#response }, holder)
  }

  proceed(): void {
    if (!this.#awaitsContinue) return
    this.#awaitsContinue = false
    this.#response.writeContinue()
  }

  /** HTTP/1.0 knows no interim answers, and a caller that pipelines may have to get the answer to another request first. */
  interim(status: number, headers: readonly string[]): void {
    const { httpVersionMajor, httpVersionMinor } = this.request
    const { socket, headersSent } = this.#response
    const isKnown = httpVersionMajor === 1 && httpVersionMinor >= 1
    if (!isKnown || socket?.writable !== true || headersSent) return
    socket.write(wireHead({ status, phrase: STATUS_CODES[status] ?? '', headers }))
  }

  head({ status, text, headers, isLast = false }: AnswerHead): void {
    const response = this.#response
    // A caller that was never asked for its body may send the next request in its place.
    if (isLast || this.#awaitsContinue) response.shouldKeepAlive = false
    if (text === undefined) response.writeHead(status, headers as string[])
    else response.writeHead(status, text, headers as string[])
    // Head and body mostly come together and then leave together; a head that comes alone must not wait for a body.
    process.nextTick(HttpCaller.#flush, this)
  }

  static #flush(caller: HttpCaller): void {
    if (caller.#hasMore) return
    try {
      caller.#response.flushHeaders()
    } catch (error) {
      caller.#listener?.failed(error)
    }
  }

  write(chunk: Buffer, listener: { onRead(): void }): boolean {
    this.#hasMore = true
    if (this.#response.write(chunk)) return true
    this.#readTimer?.clear()
    // 'close' follows, as if the caller had left: others wait for its place.
    this.#readTimer = this.#parts.clock.after(READ_WITHIN_MS, () => this.#response.destroy())
    this.#response.once('drain', () => {
      this.#readTimer?.clear()
      listener.onRead()
    })
    return false
  }

  /** Many clients read only after they have sent everything, and closing before would take the answer with it. */
  end(last = '', trailers: readonly [string, string][] = []): void {
    const { request } = this
    const response = this.#response
    this.#hasMore = true
    if (trailers.length > 0) response.addTrailers(trailers)
    if (this.#isRequestOver()) {
      response.end(last)
      return
    }
    if (last !== '') response.write(last)
    request.once('end', () => response.end())
    request.resume()
    this.#linger()
  }

  cut(): void {
    const { socket, httpVersion } = this.request
    this.#hasMore = true
    // Where the end of the connection is the end of the body, only a reset tells the two apart.
    if (httpVersion === '1.0') socket.resetAndDestroy()
    this.#response.destroy()
    socket.destroy()
    this.#upgrade?.socket.destroy()
  }

  tunnel(protocol: string, headers: readonly string[]): Tunnel {
    const { socket, takeEarlyBytes } = this.#upgrade ?? notAsked()
    const early = takeEarlyBytes()
    // A detached response does not hear its socket any more, but the end of the exchange is told by its 'close'.
    this.#response.detachSocket(this.request.socket)
    socket.once('close', () => this.#response.emit('close'))
    try {
      socket.write(switchingProtocols(protocol, headers))
    } catch (error) {
      socket.destroy()
      throw error
    }
    return { socket, early }
  }

  /** No part of the request is still to come, or will be read. */
  #isRequestOver(): boolean {
    const { complete, destroyed, headers } = this.request
    if (complete || destroyed || this.#awaitsContinue) return true
    const length = headers['content-length']
    return length === undefined ? headers['transfer-encoding'] === undefined : length === '0'
  }

  #linger(): void {
    const { request } = this
    this.#parts.connections.release(request)
    const timer = this.#parts.clock.after(LINGER_MS, () => request.socket.destroy())
    request.once('close', () => timer.clear())
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#readTimer?.clear()
    this.#listener?.closed(this.#response.writableFinished)
  }
}

function notAsked(): never {
  throw new Error('a caller that asked for no other protocol was to be switched to one')
}
