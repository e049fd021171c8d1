/**
 * A tool that misbehaves as each call's path says, so that the callers' seed decides the behaviour. It writes raw bytes,
 * because an HTTP server refuses to send most of them. It reports each call to the ledger.
 */
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { Ledger } from './ledger.ts'

export const BEHAVIOURS = [
  'fine',
  'slow',
  'drip',
  'stream',
  'reset',
  'reset-late',
  'half-close',
  'truncate',
  'garbage',
  'interim',
  'close',
  'silent',
  'error',
  'throttle',
  'trailers',
] as const

/** Interval between two pieces of a slow answer. */
const PIECE_MS = 40
const PIECES = 6
/** Duration of a slow call. */
const SLOW_MS = 300

interface Call {
  readonly id: string
  readonly behaviour: string
  readonly isHead: boolean
  readonly socket: Socket
}

export interface ToolFacts {
  readonly name: string
  /** The largest number of calls that the lane may run at once. */
  readonly limit: number
  /** 1 plus the lane's retries. */
  readonly tries: number
}

export class ChaosTool {
  readonly facts: ToolFacts
  readonly #ledger: Ledger
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  #port = 0

  constructor(facts: ToolFacts, ledger: Ledger) {
    this.facts = facts
    this.#ledger = ledger
  }

  get port(): number {
    return this.#port
  }

  /** Listens; after a stop, on the same port as before. */
  async start(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket))
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#port = (server.address() as AddressInfo).port
  }

  /** Resets every connection, as a crash does. */
  async stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    for (const socket of this.#sockets) socket.resetAndDestroy()
    if (server !== undefined) await new Promise((resolve) => server.close(resolve))
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.on('end', () => socket.end())
    let unread: Buffer = Buffer.alloc(0)
    let isBusy = false
    const next = (): void => {
      if (isBusy || socket.destroyed) return
      const request = takeRequest(unread)
      if (request === undefined) return
      unread = request.rest
      isBusy = true
      this.#run(request, socket, () => {
        isBusy = false
        next()
      })
    }
    socket.on('data', (chunk) => {
      unread = Buffer.concat([unread, chunk])
      next()
    })
  }

  #run({ method, path }: Request, socket: Socket, done: () => void): void {
    const [, behaviour = 'fine', id = '?'] = /\/([a-z-]+)\/([\w-]+)(?:[?]|$)/.exec(path) ?? []
    this.#ledger.toolSaw(id, method, this.facts.tries)
    const end = this.#ledger.toolRuns(this.facts.name, this.facts.limit)
    const over = (): void => {
      end()
      socket.off('close', over)
      done()
    }
    socket.once('close', over)
    perform({ id, behaviour, isHead: method === 'HEAD', socket }, over)
  }
}

interface Request {
  readonly method: string
  readonly path: string
  readonly rest: Buffer
}

/** The first complete request in these bytes. Spillway sends well-formed requests only, so a simple parser is enough. */
function takeRequest(bytes: Buffer): Request | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const head = bytes.subarray(0, headEnd).toString('latin1')
  const [method = '', path = ''] = head.split(' ', 2)
  const bodyAt = headEnd + 4
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
  const end = /\r\ntransfer-encoding: *chunked/i.test(head) ? chunkedEnd(bytes, bodyAt) : bodyAt + length
  return end === undefined || end > bytes.length ? undefined : { method, path, rest: bytes.subarray(end) }
}

function chunkedEnd(bytes: Buffer, from: number): number | undefined {
  const last = bytes.indexOf('0\r\n\r\n', from)
  return last === -1 ? undefined : last + 5
}

function perform(call: Call, over: () => void): void {
  const { socket, id, isHead } = call
  // The body is valid JSON-RPC as well, for the lane of an MCP server.
  const body = `{"jsonrpc":"2.0","id":"${id}","result":{},"echo":"${id}"}`
  const whole = (status = '200 OK', more = '', text = body): string =>
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n${more}\r\n${isHead ? '' : text}`
  const write = (bytes: string): boolean =>
    !socket.destroyed && socket.writable && socket.write(bytes, 'latin1')
  const answer = (bytes: string): void => {
    write(bytes)
    over()
  }
  switch (call.behaviour) {
    case 'slow':
      return void setTimeout(() => answer(whole()), SLOW_MS)
    case 'drip':
      return inPieces(whole(), { write, over })
    case 'stream':
      return inPieces(isHead ? whole() : chunked(body), { write, over })
    case 'reset':
      return void socket.resetAndDestroy()
    case 'reset-late':
      write(whole().slice(0, -5))
      return void setTimeout(() => socket.resetAndDestroy(), PIECE_MS)
    case 'half-close':
      write(whole())
      return void socket.end()
    case 'truncate':
      socket.end(whole().slice(0, -5), 'latin1')
      return
    case 'garbage':
      socket.end('HTTP/9.9 what\r\nthis is: \0 no answer\r\n\r\n', 'latin1')
      return
    case 'interim':
      write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n')
      return answer(whole())
    case 'close':
      socket.end(whole('200 OK', 'Connection: close\r\n'), 'latin1')
      return
    case 'silent':
      // The call ends when its lease is reclaimed or its caller leaves.
      return
    case 'error':
      return answer(whole('503 Service Unavailable'))
    case 'throttle':
      return answer(whole('429 Too Many Requests', 'Retry-After: 1\r\n'))
    case 'trailers':
      return answer(whole('502 Bad Gateway', 'Trailer: X-Sum\r\n'))
    default:
      return answer(whole())
  }
}

function chunked(body: string): string {
  return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\nX-Sum: 1\r\n\r\n`
}

function inPieces(
  text: string,
  { write, over }: { write: (bytes: string) => boolean; over: () => void },
): void {
  const size = Math.ceil(text.length / PIECES)
  const step = (at: number): void => {
    write(text.slice(at, at + size))
    if (at + size >= text.length) over()
    else setTimeout(() => step(at + size), PIECE_MS)
  }
  step(0)
}
