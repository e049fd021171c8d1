/**
 * The listener for agents: turns node:http's events into calls with one shape, and bounds what a connection may do
 * before a lane sees it. Must not know of tools or lanes.
 */
import { createServer, ServerResponse } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { collectEarlyBytes } from './early-bytes.ts'

/** Milliseconds to receive a whole head: slow headers hold a socket, not a lane. */
const HEADERS_TIMEOUT_MS = 30_000
/** Milliseconds an idle connection is kept: longer than usual clients and balancers keep theirs (60 s), so that they close first. */
const KEEP_ALIVE_MS = 72_000
/** Bytes of request line and headers (node's default, fixed here). */
const MAX_HEADER_BYTES = 16_384
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

/** Requests that node's parser or this listener could not make a call of. */
export type Malformed = 'BAD_REQUEST' | 'HEADERS_TOO_LARGE'

export interface ServerParts {
  readonly onCall: (call: Call) => void
  /** The bytes of a whole answer to a malformed request; the connection is closed after it. */
  readonly answerMalformed: (reason: Malformed, detail: string) => string
}

/** One protocol that is not another HTTP: h2c would carry requests past the lane inside one lease. */
const TUNNEL_PROTOCOL = /^(?!h2c$|http\b|tls\b)[A-Za-z0-9!#$%&'*+.^_`|~-]+(?:\/[A-Za-z0-9.]+)?$/i

export function createProxyServer(parts: ServerParts): Server {
  const options = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    // A call may wait in its lane for longer than any fixed time; leaseSeconds bounds the upload.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
    // The pipeline answers a missing Host in JSON.
    requireHostHeader: false,
    shouldUpgradeCallback: isTunnel,
  }
  const server = createServer(options)
  const call = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void => {
    inTurn(request, response, () => parts.onCall({ request, response, expectsContinue, upgrade: undefined }))
  }
  server.on('request', (request, response) => call(request, response, false))
  server.on('checkContinue', (request, response) => call(request, response, true))
  server.on('checkExpectation', ({ socket }) => {
    socket.end(parts.answerMalformed('BAD_REQUEST', 'of Expect only 100-continue is understood'))
  })
  server.on('upgrade', (request, socket, head) => upgrade(parts, { request, socket, head }))
  server.on('connect', (_request, socket) => {
    socket.on('error', () => socket.destroy())
    socket.end(
      parts.answerMalformed(
        'BAD_REQUEST',
        'CONNECT tunnels are not offered: use http:// URLs, or the path of a tool',
      ),
    )
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || hasCall(socket) || GONE.has(error.code ?? '')) socket.destroy()
    else if (error.code === 'HPE_HEADER_OVERFLOW') {
      socket.end(parts.answerMalformed('HEADERS_TOO_LARGE', `more than ${MAX_HEADER_BYTES} bytes`))
    } else socket.end(parts.answerMalformed('BAD_REQUEST', 'this is not well-formed HTTP/1.1'))
  })
  return server
}

/** The caller left, maybe in the middle of a body: there is nobody to answer. */
const GONE = new Set(['ECONNRESET', 'EPIPE', 'HPE_INVALID_EOF_STATE'])

/** Requests that may wait behind an unfinished one on the same connection; hardly any client sends even one. */
const MAX_PIPELINED = 32
const pipelined = new WeakMap<Duplex, number>()

/**
 * A pipelined request becomes a call when its turn to be answered comes. Before that it takes no place in a lane, since
 * node would not tell of a caller who leaves meanwhile.
 */
function inTurn({ socket }: IncomingMessage, response: ServerResponse, start: () => void): void {
  if (response.socket !== null) return start()
  const waiting = (pipelined.get(socket) ?? 0) + 1
  pipelined.set(socket, waiting)
  if (waiting > MAX_PIPELINED) {
    socket.destroy()
    return
  }
  response.once('socket', () => {
    pipelined.set(socket, (pipelined.get(socket) ?? 1) - 1)
    start()
  })
}

/**
 * A call is under way on this connection, or its answer: whatever is written now would be read as that answer, and nobody
 * here knows whether the tool was called. node's own server looks the same way.
 */
function hasCall(socket: Duplex): boolean {
  return (socket as { _httpMessage?: unknown })._httpMessage instanceof ServerResponse
}

function isTunnel(request: IncomingMessage): boolean {
  return request.method === 'GET' && TUNNEL_PROTOCOL.test(request.headers.upgrade ?? '')
}

/** Node versions without shouldUpgradeCallback bring every Upgrade header here; what is no tunnel is a plain request. */
function upgrade(
  parts: ServerParts,
  { request, socket, head }: { request: IncomingMessage; socket: Duplex; head: Buffer },
): void {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(request.socket)
  response.on('finish', () => {
    response.detachSocket(request.socket)
    response.emit('close')
    socket.end()
  })
  socket.on('error', () => socket.destroy())
  const takeEarlyBytes = collectEarlyBytes(socket, head)
  const tunnel = isTunnel(request)
    ? { protocol: request.headers.upgrade ?? '', socket, takeEarlyBytes }
    : undefined
  parts.onCall({ request, response, expectsContinue: false, upgrade: tunnel })
}
