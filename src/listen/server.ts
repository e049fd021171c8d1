/**
 * The listener for agents: turns node:http's events into calls with one shape, each in its turn, and bounds what a
 * connection may do before a lane sees it. Says nothing of its own while an answer is under way. Must not know of tools
 * or lanes.
 */
import { createServer, ServerResponse } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../time/clock.ts'
import { collectEarlyBytes } from './early-bytes.ts'
import { asksToClose, flawOf, isTunnel, MAX_HEADER_BYTES, overflowOf, withoutUpgrade } from './head.ts'
import type { Flaw, Malformed } from './head.ts'
import { closeIdleAfterReading } from './idle.ts'
import { lastWords } from './last-words.ts'
import { Turnstile } from './turnstile.ts'

/** Milliseconds to receive a whole head: slow headers hold a socket, not a lane. */
const HEADERS_TIMEOUT_MS = 30_000
/** Milliseconds between two looks for heads that take longer. */
const HEADERS_CHECK_MS = 5000
/** Milliseconds an idle connection is kept: longer than usual clients and balancers keep theirs (60 s), so that they close first. */
const KEEP_ALIVE_MS = 72_000
/** Milliseconds until a dead peer is looked for. */
const TCP_KEEP_ALIVE_MS = 60_000

/** The caller asked to leave HTTP on this connection. */
export interface UpgradeCall {
  readonly protocol: string
  readonly socket: Duplex
  readonly takeEarlyBytes: () => Buffer
}

export interface Call {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** The caller waits for `100 Continue` before it sends its body. */
  readonly expectsContinue: boolean
  readonly upgrade: UpgradeCall | undefined
}

export interface ServerParts {
  readonly clock: Clock
  readonly onCall: (call: Call) => void
  /** A whole answer to a malformed request, with `Connection: close`. */
  readonly answerMalformed: (reason: Malformed, detail: string) => string
  /** Milliseconds to receive a whole head. */
  readonly headersTimeoutMs?: number
}

export function createProxyServer(parts: ServerParts): Server {
  const headersTimeout = parts.headersTimeoutMs ?? HEADERS_TIMEOUT_MS
  const server = createServer({
    headersTimeout,
    connectionsCheckingInterval: Math.min(HEADERS_CHECK_MS, headersTimeout),
    // A call may wait in its lane for longer than any fixed time; leaseSeconds bounds the upload.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
    // The pipeline answers a missing Host in JSON.
    requireHostHeader: false,
  })
  // node drops lines beyond its own bound without a word, so that bound is off; see MAX_HEADER_LINES.
  server.maxHeadersCount = 0
  closeIdleAfterReading(server, parts.clock)
  new Reception(server, parts).open()
  return server
}

/** The caller left, maybe in the middle of a body: there is nobody to answer. */
const GONE = new Set(['ECONNRESET', 'EPIPE', 'HPE_INVALID_EOF_STATE'])
/** node's parser found `Connection: close` in trailers, where it means nothing: the next request is not to blame. */
const CLOSED_BY_TRAILER = 'HPE_CLOSED_CONNECTION'

/** What errors of node's parser carry in addition. */
interface ClientError extends NodeJS.ErrnoException {
  readonly rawPacket?: Buffer
}

const NO_EXPECTATION: Flaw = {
  reason: 'BAD_REQUEST',
  detail: 'of Expect only 100-continue is understood',
}
const NO_CONNECT: Flaw = {
  reason: 'BAD_REQUEST',
  detail: 'CONNECT tunnels are not offered: use http:// URLs, or the path of a tool',
}

/** Hears every event of node:http's connections. An event out of turn, in spite of the turnstile, closes its connection. */
class Reception {
  readonly #server: Server
  readonly #parts: ServerParts
  /** node's own: makes a socket one that speaks HTTP. */
  readonly #speakHttp: (this: Server, socket: Duplex) => void
  readonly #turnstiles = new WeakMap<Duplex, Turnstile>()
  /** Connections that have had their last answer. */
  readonly #declined = new WeakSet<Duplex>()

  constructor(server: Server, parts: ServerParts) {
    this.#server = server
    this.#parts = parts
    this.#speakHttp = server.listeners('connection')[0] as (this: Server, socket: Duplex) => void
  }

  open(): void {
    this.#server
      .on('connection', (socket) => this.#connected(socket))
      .on('request', (request, response) => this.#call(request, response, false))
      .on('checkContinue', (request, response) => this.#call(request, response, true))
      .on('checkExpectation', ({ socket, method }) => this.#decline(socket, NO_EXPECTATION, method))
      .on('connect', ({ method }, socket) => this.#decline(socket, NO_CONNECT, method))
      .on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
      .on('clientError', (error, socket) => this.#clientError(error, socket))
  }

  #connected(socket: Socket): void {
    this.#turnstiles.set(socket, new Turnstile(socket))
    // What node calls after an answer with `Connection: close`: its own would reset a caller who is still sending.
    socket.destroySoon = () => {
      this.#turnstiles.get(socket)?.leave()
      lastWords(socket, this.#parts.clock)
    }
  }

  #call(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const { socket } = request
    const flaw = flawOf(request)
    if (flaw !== undefined) return this.#decline(socket, flaw, request.method)
    if (this.#turnstiles.get(socket)?.begin(request, response) !== true) {
      socket.destroy()
      return
    }
    if (asksToClose(request)) response.shouldKeepAlive = false
    this.#parts.onCall({ request, response, expectsContinue, upgrade: undefined })
  }

  /** Spillway's own last answer on this connection. */
  #decline(socket: Duplex, { reason, detail }: Flaw, method?: string): void {
    const turnstile = this.#turnstiles.get(socket)
    const isIdle = turnstile?.isIdle() === true
    turnstile?.leave()
    if (!isIdle || !socket.writable) {
      socket.destroy()
      return
    }
    this.#declined.add(socket)
    const answer = this.#parts.answerMalformed(reason, detail)
    lastWords(socket, this.#parts.clock, method === 'HEAD' ? headOf(answer) : answer)
  }

  #clientError(error: ClientError, socket: Duplex): void {
    const { code = '' } = error
    // The parser fails at a request that was declined by its head already: the answer is on its way.
    if (this.#declined.has(socket) && code.startsWith('HPE_')) return
    if (GONE.has(code) || code === CLOSED_BY_TRAILER || hasSaidNothing(socket)) socket.destroy()
    else this.#decline(socket, flawBehind(error))
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const turnstile = this.#turnstiles.get(socket)
    if (turnstile?.isIdle() !== true) {
      socket.destroy()
      return
    }
    const flaw = flawOf(request)
    if (flaw !== undefined) return this.#decline(socket, flaw)
    const early = Buffer.concat([head, turnstile.leave()])
    if (!isTunnel(request)) return this.#ignoreUpgrade(request, early)
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.assignSocket(request.socket)
    // node has taken its own listener away, and a tool that declines at length would wait for this for ever.
    const onDrain = (): void => void response.emit('drain')
    socket.on('drain', onDrain)
    response.on('finish', () => {
      socket.off('drain', onDrain)
      response.detachSocket(request.socket)
      response.emit('close')
      lastWords(socket, this.#parts.clock)
    })
    socket.on('error', () => socket.destroy())
    const takeEarlyBytes = collectEarlyBytes(socket, early)
    const upgrade = { protocol: request.headers.upgrade ?? '', socket, takeEarlyBytes }
    this.#parts.onCall({ request, response, expectsContinue: false, upgrade })
  }

  /**
   * Node ends HTTP at every Upgrade header, and the body of such a request would never come: it is read again, without
   * that header. With shouldUpgradeCallback (since 24.9) the parser would go on, but say nothing of errors behind it.
   */
  #ignoreUpgrade(request: IncomingMessage, rest: Buffer): void {
    const { socket } = request
    this.#speakHttp.call(this.#server, socket)
    const turnstile = new Turnstile(socket)
    this.#turnstiles.set(socket, turnstile)
    turnstile.take(Buffer.concat([withoutUpgrade(request), rest]))
  }
}

function headOf(answer: string): string {
  return answer.slice(0, answer.indexOf('\r\n\r\n') + 4)
}

/** A connection that was opened in advance and never used gets no answer. */
function hasSaidNothing(socket: Duplex): boolean {
  return (socket as Partial<Socket>).bytesRead === 0
}

function flawBehind({ code, rawPacket }: ClientError): Flaw {
  if (code === 'HPE_HEADER_OVERFLOW') return overflowOf(rawPacket ?? Buffer.alloc(0))
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return { reason: 'REQUEST_TIMEOUT', detail: 'the head of the request did not come whole in time' }
  return { reason: 'BAD_REQUEST', detail: 'this is not well-formed HTTP/1.1' }
}
