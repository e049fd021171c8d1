/**
 * The listener for agents: turns node:http's events into calls of one form, and bounds the time and size of a request's
 * head. reception.ts keeps the order of requests and answers malformed ones. Must not know of tools or lanes.
 */
import { createServer, ServerResponse } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '../time/clock.ts'
import { collectEarlyBytes } from './early-bytes.ts'
import { asksToClose, isTunnel, MAX_HEADER_BYTES, withoutUpgrade } from './head.ts'
import type { RequestFlaw, Malformed } from './head.ts'
import { closeIdleAfterReading } from './idle.ts'
import { lastWords } from './last-words.ts'
import { Reception } from './reception.ts'

/** Milliseconds for a whole head to arrive. A slow head holds a socket, but no place in a lane. */
const HEADERS_TIMEOUT_MS = 30_000
/** Milliseconds between two checks for heads that take longer. */
const HEADERS_CHECK_MS = 5000
/** Milliseconds that an idle connection is kept. Clients and load balancers usually keep theirs for 60 s, so they close first. */
const KEEP_ALIVE_MS = 72_000
/** Milliseconds of silence after which TCP checks whether the peer still exists. */
const TCP_KEEP_ALIVE_MS = 60_000

/** The caller asked to leave HTTP on this connection. */
export interface UpgradeCall {
  readonly protocol: string
  readonly socket: Duplex
  readonly takeEarlyBytes: () => Buffer
}

/** A request as the listener hands it on. */
export interface Arrival {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** The caller waits for `100 Continue` before it sends its body. */
  readonly expectsContinue: boolean
  readonly upgrade: UpgradeCall | undefined
}

export interface ServerParts {
  readonly clock: Clock
  readonly onCall: (arrival: Arrival) => void
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
    // A call may wait in its lane for longer than any fixed time. leaseSeconds bounds the upload.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
    // The pipeline answers a missing Host in JSON.
    requireHostHeader: false,
  })
  // node silently drops lines beyond its own bound, so that bound is off; flawOf in head.ts has another.
  server.maxHeadersCount = 0
  closeIdleAfterReading(server, parts.clock)
  new Calls(server, parts).open()
  return server
}

const NO_EXPECTATION: RequestFlaw = {
  reason: 'BAD_REQUEST',
  detail: 'of Expect only 100-continue is understood',
}
const NO_CONNECT: RequestFlaw = {
  reason: 'BAD_REQUEST',
  detail: 'CONNECT tunnels are not offered: use http:// URLs, or the path of a tool',
}

/** Turns events of node:http into calls. */
class Calls {
  readonly #server: Server
  readonly #parts: ServerParts
  readonly #reception: Reception

  constructor(server: Server, parts: ServerParts) {
    this.#server = server
    this.#parts = parts
    // The tool may have received a part of a body that then turned out to be malformed.
    this.#reception = new Reception(server, { ...parts, answersBrokenBodies: false })
  }

  open(): void {
    const reception = this.#reception
    this.#server
      .on('request', (request, response) => this.#call(request, response, false))
      .on('checkContinue', (request, response) => this.#call(request, response, true))
      .on('checkExpectation', ({ socket, method }) => reception.decline(socket, NO_EXPECTATION, method))
      .on('connect', ({ method }, socket) => reception.decline(socket, NO_CONNECT, method))
      .on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
  }

  #call(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    if (!this.#reception.begin(request, response)) return
    if (asksToClose(request)) response.shouldKeepAlive = false
    this.#parts.onCall({ request, response, expectsContinue, upgrade: undefined })
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const unparsed = this.#reception.leaveHttp(request)
    if (unparsed === undefined) return
    const early = Buffer.concat([head, unparsed])
    // node ends HTTP at every Upgrade header, and the body of such a request would never arrive. So the request is parsed
    // again without that header. With shouldUpgradeCallback (since 24.9) the parser would go on, but report no later errors.
    if (!isTunnel(request))
      return this.#reception.returnToHttp(request.socket, Buffer.concat([withoutUpgrade(request), early]))
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.assignSocket(request.socket)
    // node has removed its own 'drain' listener. Without this one a long answer of a tool that declines would stall.
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
}
