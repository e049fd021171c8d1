/**
 * Bounds the connections of one listener: which are accepted, which are closed when the bound is reached, and which
 * exchanges hold a share of it. Idle connections are closed first, then those that have sent nothing or whose exchange holds
 * no share. A connection that holds a share is never closed here. Must not know of tools or lanes: a holder is a word.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { HttpExchange } from './http-exchange.ts'
import { Shares } from './shares.ts'
import type { ShareSettings, Room } from './shares.ts'

/**
 * Why a caller was not served. `share_used`: all places of its holder's share are used; `process_full`: all places are
 * used; both got an answer. `no_room`: its connection exceeded the bound. `gave_way`: its request had not arrived whole
 * after a while, and a new connection needed the place. `open_files`: the process is near its limit of open files.
 */
export const REFUSED_CAUSES = ['share_used', 'process_full', 'no_room', 'gave_way', 'open_files'] as const

export type RefusedCause = (typeof REFUSED_CAUSES)[number]

export interface ConnectionsParts {
  readonly nowMs: () => number
  /** `holder`: undefined if the request was not read yet. */
  readonly refused: (cause: RefusedCause, holder: string | undefined) => void
  /** Closes a connection of another listener, if one can be: all listeners share one limit of open files. */
  readonly makeRoomElsewhere: () => boolean
  /** A whole answer for a caller that is not served; the connection is closed after it. */
  readonly answer: () => string
}

export interface ConnectionBounds extends ShareSettings {
  /** Connections at once. More than all shares together, so that callers without a share can be answered. */
  readonly connections: number
  /** Callers get a file up to this file number of the process; Infinity if there is no limit. */
  readonly files: number
}

interface Connection {
  /** Milliseconds: when its present state began. */
  sinceMs: number
  /** The set of connections, oldest first, from which it can be closed; undefined while it holds a share. */
  line: Set<Socket> | undefined
  /** Requests without a finished answer. */
  requests: number
  /** Exchanges that hold a share. */
  shares: number
  /** Of the request that came last. */
  response: ServerResponse | undefined
}

/**
 * Milliseconds in which a new connection is not closed. Connections are accepted in bursts and read after that, so a new
 * connection without a request is not necessarily slow.
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

  /** The connections now, and the idle ones among them. */
  get counts(): { readonly open: number; readonly idle: number } {
    return { open: this.#open.size, idle: this.#idle.size }
  }

  bound({ connections, files, ...allotment }: ConnectionBounds): void {
    this.#most = connections
    this.#files = files
    this.#shares.allot(allotment)
  }

  /** Call it before the server listens, and after the handlers of requests were added. */
  watch(server: Server): void {
    server.on('connection', (socket: Socket) => this.#arrived(socket))
    const began = (request: IncomingMessage, response: ServerResponse): void =>
      this.#began(request.socket, response)
    // node itself answers events without a listener. An upgrade takes its share at once.
    const heard = (event: string): boolean => server.listenerCount(event) > 0
    for (const event of ['request', 'checkContinue', 'checkExpectation'].filter(heard))
      server.prependListener(event, began)
    // node reports here that accepting failed; without a listener that error would end the process.
    server.on('listening', () => server.on('error', () => this.#parts.refused('open_files', undefined)))
  }

  /** Takes a share of this holder until the end of the exchange; false if there is none. A later holder replaces an earlier one. */
  hold({ request, response }: HttpExchange, holder: string): boolean {
    const before = this.#holders.get(request)
    // An exchange that is over has no end any more that would give the share back.
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

  /** Gives the share back before the end: the exchange has its answer, and its caller may still send. Idempotent. */
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

  /** Adds to the counts, and moves the connection to the end of the set where it now belongs. */
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

  /** Closes the connection that is needed least; false if none can be closed. */
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

  /** Closes at once, since another connection needs the file. One write of the answer still goes out. */
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

/** The system assigns the lowest free number, so a high number means that few are left; -1 on systems without numbers. */
function fileOf(socket: Socket): number {
  return (socket as { _handle?: { fd?: number } | null })._handle?.fd ?? -1
}
