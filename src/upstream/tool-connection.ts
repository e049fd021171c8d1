/**
 * One connection to a tool beside undici, which reads and writes it: cuts interim answers out of the bytes, counts bytes
 * that bring no part of an answer, and knows how often and how long ago the connection was used. A client of the pool has
 * one connection for all the connections that it makes one after the other, with one request at a time on it.
 */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Dispatcher, buildConnector } from 'undici'
import type { IdleTimeout } from './idle-timeout.ts'
import { InterimScan } from './interim.ts'
import type { Interim } from './interim.ts'

/**
 * Bytes in a row that bring neither a head nor a piece of a body. Chunk extensions and reason
 * phrases have no bound in HTTP or in undici, and renew no lease: a tool that sends them for ever would take the core.
 */
const MAX_BYTES_WITHOUT_PROGRESS = 131_072

/** A request's handler that wants to know its connection. */
export interface ConnectionUser extends Dispatcher.DispatchHandler {
  /** Called before anything is written. */
  onConnection(connection: ToolConnection): void
  onInterim(interim: Interim): void
}

/** The connection has become a tunnel: its bytes are not counted any more. */
export function letGo(socket: Duplex): void {
  Reflect.deleteProperty(socket, 'read')
}

/** The tool sends bytes that are no answer. */
class NoProgress extends Error {
  readonly code = 'BARREN_BYTES'
}

export class ToolConnection {
  readonly #nowMs: () => number
  readonly #idleTimeout: IdleTimeout
  readonly #scan = new InterimScan((interim) => this.#user?.onInterim(interim))
  #user: ConnectionUser | undefined
  #socket: Socket | undefined
  /** Answers that came whole over this connection. */
  #answers = 0
  /** When the last of them came. */
  #idleSinceMs = 0
  #idleBeforeMs = 0
  #bytesWithoutProgress = 0
  #isTouched = false
  /** Bytes of the request may have gone out. */
  #isStarted = false

  constructor(nowMs: () => number, idleTimeout: IdleTimeout) {
    this.#nowMs = nowMs
    this.#idleTimeout = idleTimeout
  }

  /** A connector as undici wants it, around another. */
  around(connector: buildConnector.connector): buildConnector.connector {
    return (options, callback) => {
      connector(options, (...result) => {
        if (result[0] === null) this.#attach(result[1])
        callback(...result)
      })
    }
  }

  /** A request is about to go out, over the connection that there is or over a new one. */
  begin(user: ConnectionUser): void {
    const idleMs = this.#nowMs() - this.#idleSinceMs
    const socket = this.#answers > 0 ? this.#socket : undefined
    if (socket?.destroyed === false && idleMs > this.#idleTimeout.ms) {
      this.#idleTimeout.observedOpen(idleMs)
      socket.destroy()
    }
    this.#user = user
    this.#idleBeforeMs = idleMs
    this.#bytesWithoutProgress = 0
    this.#isTouched = false
    this.#isStarted = false
    this.#scan.expect()
    user.onConnection(this)
  }

  /** undici writes the request: only now, since it looks first whether the connection still lives. */
  starts(): void {
    this.#isStarted = true
  }

  /** A response head or a piece of a body came out of the bytes. */
  progressed(): void {
    this.#bytesWithoutProgress = 0
  }

  /** The answer came whole. */
  end(keepAlive: string | undefined): void {
    this.#user = undefined
    this.#answers++
    this.#idleSinceMs = this.#nowMs()
    this.#idleTimeout.announced(keepAlive)
  }

  /**
   * Whether the connection that just broke had been used before, and broke without a byte of an answer: the tool closed it
   * for being idle, most likely without having seen the request.
   */
  get isIdleBreak(): boolean {
    return this.#answers > 0 && !this.#isTouched
  }

  learnFromBreak(): void {
    this.#idleTimeout.observedClose(this.#idleBeforeMs)
  }

  /** The connection has brought an answer, and no other request has gone out over it. */
  get #isIdle(): boolean {
    return this.#answers > 0 && (this.#user === undefined || !this.#isStarted)
  }

  #attach(socket: Socket): void {
    this.#socket = socket
    this.#answers = 0
    const read = socket.read.bind(socket)
    socket.read = (size) => (size === 0 ? (read(size) as unknown) : this.#read(socket, read))
    const onClosed = (): void => {
      if (this.#socket === socket && this.#isIdle)
        this.#idleTimeout.observedClose(this.#nowMs() - this.#idleSinceMs)
    }
    socket.once('end', onClosed)
    // undici's own end of an idle connection is an error, too, and says nothing of the tool.
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET') onClosed()
      // With any other code undici fails the request that it has not written yet; with its own it takes a new connection.
      if (this.#socket === socket && this.#isIdle) error.code = 'UND_ERR_SOCKET'
    })
  }

  #read(socket: Socket, read: () => unknown): Buffer | null {
    for (;;) {
      const chunk = read() as Buffer | null
      if (chunk === null) return null
      this.#isTouched = true
      try {
        // Looked at before this piece is counted, since it may bring a head or a piece of a body.
        if (this.#bytesWithoutProgress > MAX_BYTES_WITHOUT_PROGRESS)
          throw new NoProgress('bytes that are no answer')
        this.#bytesWithoutProgress += chunk.length
        const rest = this.#scan.take(chunk)
        if (rest !== undefined) return rest
      } catch (error) {
        socket.destroy(error as Error)
        return null
      }
    }
  }
}
