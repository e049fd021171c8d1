/**
 * The connections of one listener, within a bound: who is let in, who gives way when it is reached, and which exchanges
 * hold a share of it. Idle connections give way first, then those that have sent nothing or whose exchange holds no share.
 * One that holds a share is never cut here. Must not know of tools or lanes: who holds a share is a word.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { HttpExchange } from './http-exchange.ts'
import { Shares } from './shares.ts'
import type { Allotment, Room } from './shares.ts'

/**
 * Why a caller was not served. `share_used`, `process_full`: its holder's share, or all of them, are used; it got an
 * answer. `no_room`: its connection was one too many. `gave_way`: it had sent nothing, or not all, for long enough, and
 * another came. `open_files`: the process has hardly a file left, whoever uses them.
 */
export const REFUSED_CAUSES = ['share_used', 'process_full', 'no_room', 'gave_way', 'open_files'] as const

export type RefusedCause = (typeof REFUSED_CAUSES)[number]

export interface ConnectionsParts {
  readonly nowMs: () => number
  /** `holder`: undefined where nobody knows yet what the caller wanted. */
  readonly refused: (cause: RefusedCause, holder: string | undefined) => void
  /** Whether another listener had a connection that could give way: all have their files from one limit. */
  readonly makeRoomElsewhere: () => boolean
  /** The bytes of a whole answer to a caller who is not served; the connection is closed after it. */
  readonly answer: () => string
}

export interface ConnectionBounds extends Allotment {
  /** Connections at once; more than the shares together, so that there is room to answer those who get none. */
  readonly connections: number
  /** Files of the process up to which callers get one, whoever uses the others; Infinity where there is no limit. */
  readonly files: number
}

interface Connection {
  /** Milliseconds: when what it does now began. */
  sinceMs: number
  /** Where it waits to give way; undefined while it holds a share. */
  line: Set<Socket> | undefined
  /** Requests that are not answered yet. */
  requests: number
  /** Exchanges that hold a share. */
  shares: number
  /** Of the request that came last. */
  response: ServerResponse | undefined
}

/**
 * Milliseconds in which a new connection has sent its request, unless it is slow: until then it does not give way, since
 * connections are accepted in bursts and read after that.
 */
const UNHELD_MS = 250

export class Connections {
  readonly #parts: ConnectionsParts
  readonly #shares = new Shares()
  readonly #open = new Map<Socket, Connection>()
  /** Kept alive between two requests; the longest idle first. */
  readonly #idle = new Set<Socket>()
  /** Not idle, and without a share; the oldest first. */
  readonly #unheld = new Set<Socket>()
  readonly #holders = new WeakMap<IncomingMessage, string>()
  #most = Infinity
  #files = Infinity

  constructor(parts: ConnectionsParts) {
    this.#parts = parts
  }

  /** Connections now, and how many of them are idle. */
  get counts(): { readonly open: number; readonly idle: number } {
    return { open: this.#open.size, idle: this.#idle.size }
  }

  bound({ connections, files, ...allotment }: ConnectionBounds): void {
    this.#most = connections
    this.#files = files
    this.#shares.allot(allotment)
  }

  /** From now on. Before the server listens, and before anybody else hears its requests. */
  watch(server: Server): void {
    server.on('connection', (socket: Socket) => this.#arrived(socket))
    const began = (request: IncomingMessage, response: ServerResponse): void =>
      this.#began(request.socket, response)
    // Only events that have a listener already: node itself answers the others. An upgrade takes its share at once.
    const heard = (event: string): boolean => server.listenerCount(event) > 0
    for (const event of ['request', 'checkContinue', 'checkExpectation'].filter(heard))
      server.prependListener(event, began)
    // node reports here that accepting failed; without a listener that would end the process.
    server.on('listening', () => server.on('error', () => this.#parts.refused('open_files', undefined)))
  }

  /** Whether the exchange may go on with a share of this holder, which it gives back at its end. A later holder replaces one before. */
  hold({ request, response }: HttpExchange, holder: string): boolean {
    const before = this.#holders.get(request)
    // An exchange that is over would never give its share back.
    if (before === holder || response.destroyed) return true
    const room: Room = this.#shares.take(holder)
    if (room !== 'taken') {
      this.#parts.refused(room, holder)
      return false
    }
    this.#holders.set(request, holder)
    if (before !== undefined) this.#shares.give(before)
    else {
      this.#change(request.socket, 0, 1)
      response.once('close', () => this.release(request))
    }
    return true
  }

  /** The exchange has its answer: what its caller still sends holds no share. Idempotent. */
  release(request: IncomingMessage): void {
    const holder = this.#holders.get(request)
    if (holder === undefined) return
    this.#holders.delete(request)
    this.#shares.give(holder)
    this.#change(request.socket, 0, -1)
  }

  #arrived(socket: Socket): void {
    const isScarce = fileOf(socket) >= this.#files
    const isFull = isScarce || this.#open.size >= this.#most
    if (isFull && !this.makeRoom() && !(isScarce && this.#parts.makeRoomElsewhere())) {
      this.#parts.refused(isScarce ? 'open_files' : 'no_room', undefined)
      this.#cut(socket, true)
      return
    }
    const line = this.#unheld.add(socket)
    this.#open.set(socket, {
      sinceMs: this.#parts.nowMs(),
      line,
      requests: 0,
      shares: 0,
      response: undefined,
    })
    socket.once('close', () => this.#forget(socket))
  }

  #began(socket: Socket, response: ServerResponse): void {
    const connection = this.#change(socket, 1, 0)
    if (connection === undefined) return
    connection.response = response
    response.once('close', () => this.#change(socket, -1, 0))
  }

  /** Counts the requests and shares that were added, and puts the connection at the end of the line where it now belongs. */
  #change(socket: Socket, requests: number, shares: number): Connection | undefined {
    const connection = this.#open.get(socket)
    if (connection === undefined) return undefined
    connection.requests += requests
    connection.shares += shares
    connection.sinceMs = this.#parts.nowMs()
    if (connection.requests === 0) connection.response = undefined
    connection.line?.delete(socket)
    const isHeld = connection.shares > 0
    connection.line = isHeld ? undefined : connection.requests > 0 ? this.#unheld : this.#idle
    connection.line?.add(socket)
    return connection
  }

  /** Closes the connection that can best give way; false when none can. */
  makeRoom(): boolean {
    const [idle] = this.#idle
    if (idle !== undefined) {
      this.#cut(idle, false)
      return true
    }
    const [oldest] = this.#unheld
    if (oldest === undefined) return false
    const connection = this.#open.get(oldest)
    if (connection === undefined || this.#parts.nowMs() - connection.sinceMs < UNHELD_MS) return false
    const isUnanswered = connection.response?.headersSent !== true
    if (isUnanswered) this.#parts.refused('gave_way', undefined)
    this.#cut(oldest, isUnanswered)
    return true
  }

  /** Closes at once, since another connection needs the file. As much of the answer as one write takes still goes out. */
  #cut(socket: Socket, isAnswered: boolean): void {
    this.#forget(socket)
    socket.on('error', () => undefined)
    if (isAnswered && socket.writable) socket.write(this.#parts.answer())
    socket.destroy()
  }

  #forget(socket: Socket): void {
    this.#open.get(socket)?.line?.delete(socket)
    this.#open.delete(socket)
  }
}

/** The system gives the lowest number that is free, so a high one says that hardly any is left; -1 where there are none. */
function fileOf(socket: Socket): number {
  return (socket as { _handle?: { fd?: number } | null })._handle?.fd ?? -1
}
