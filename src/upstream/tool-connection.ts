/**
 * Watches one connection to a tool beside undici: removes interim answers from its bytes, bounds the bytes that bring no
 * part of an answer, and records how often and how long ago the connection was used. One object serves one undici client,
 * which makes one connection after the other and has one request at a time on it.
 */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Dispatcher, buildConnector } from 'undici'
import type { IdleTimeout } from './idle-timeout.ts'
import { InterimScan } from './interim.ts'
import type { Interim } from './interim.ts'

/**
 * Bytes in a row that bring neither a head nor a piece of a body. HTTP and undici do not bound chunk extensions and reason
 * phrases, so a tool that sends them without end would occupy the CPU until its lease expires.
 */
const MAX_BYTES_WITHOUT_PROGRESS = 131_072

/** The handler of a request, which is told its connection. */
export interface ConnectionUser extends Dispatcher.DispatchHandler {
  /** Called before anything is written. */
  onConnection(connection: ToolConnection): void
  onInterim(interim: Interim): void
}

/** The connection becomes a tunnel: its bytes are no longer scanned. */
export function letGo(socket: Duplex): void {
  Reflect.deleteProperty(socket, 'read')
}

/** The tool sent too many bytes that bring no part of an answer. */
class NoProgress extends Error {
  readonly code = 'BARREN_BYTES'
}

export class ToolConnection {
  readonly #nowMs: () => number
  readonly #idleTimeout: IdleTimeout
  readonly #scan = new InterimScan((interim) => this.#user?.onInterim(interim))
  #user: ConnectionUser | undefined
  #socket: Socket | undefined
  /** Complete answers over this connection. */
  #answers = 0
  /** Milliseconds on the clock: the end of the last answer. */
  #idleSinceMs = 0
  /** Milliseconds of idle time before the present request. */
  #idleBeforeMs = 0
  #bytesWithoutProgress = 0
  /** A byte came since the present request began. */
  #isTouched = false
  /** undici has begun to write the present request. */
  #isStarted = false

  constructor(nowMs: () => number, idleTimeout: IdleTimeout) {
    this.#nowMs = nowMs
    this.#idleTimeout = idleTimeout
  }

  /** Wraps undici's connector, to get each new socket. */
  around(connector: buildConnector.connector): buildConnector.connector {
    return (options, callback) => {
      connector(options, (...result) => {
        if (result[0] === null) this.#attach(result[1])
        callback(...result)
      })
    }
  }

  /** A request is about to be sent, over the open connection or a new one. */
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

  /** undici begins to write the request. Before that, it checks whether the connection is still open. */
  starts(): void {
    this.#isStarted = true
  }

  /** undici's parser found a response head or a piece of a body. */
  progressed(): void {
    this.#bytesWithoutProgress = 0
  }

  /** The answer is complete. */
  end(keepAlive: string | undefined): void {
    this.#user = undefined
    this.#answers++
    this.#idleSinceMs = this.#nowMs()
    this.#idleTimeout.announced(keepAlive)
  }

  /**
   * The connection that just broke had been used before, and brought no byte of an answer. The tool most likely closed it
   * because it was idle, without having seen the request.
   */
  get isIdleBreak(): boolean {
    return this.#answers > 0 && !this.#isTouched
  }

  /** The tool closed the idle connection as the request was sent. */
  learnFromBreak(): void {
    this.#idleTimeout.observedClose(this.#idleBeforeMs)
  }

  /** The connection has brought an answer, and undici has not begun to write another request. */
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
    // undici also ends idle connections with an error, which says nothing about the tool.
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET') onClosed()
      // If the code is undici's own, undici sends an unwritten request over a new connection; otherwise the request fails.
      if (this.#socket === socket && this.#isIdle) error.code = 'UND_ERR_SOCKET'
    })
  }

  #read(socket: Socket, read: () => unknown): Buffer | null {
    for (;;) {
      const chunk = read() as Buffer | null
      if (chunk === null) return null
      this.#isTouched = true
      try {
        // Checked before this piece is counted, because it may bring a head or a piece of a body.
        if (this.#bytesWithoutProgress > MAX_BYTES_WITHOUT_PROGRESS)
          throw new NoProgress('too many bytes that bring no part of an answer')
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
