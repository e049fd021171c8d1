/**
 * How one request goes out: over a connection that is free, and once more over a fresh one where the tool had closed the
 * first for being idle. As HAProxy and nginx do it: only where nothing of an answer came, the connection had been used
 * before, and the method is idempotent (RFC 9110, 9.2.2). That is no retry: the lease stays, and no lane is asked.
 */
import type { Dispatcher } from 'undici'
import type { AttemptParts } from './attempt.ts'
import type { ToolPool } from './tool-pool.ts'
import type { ToolConnection, ConnectionUser } from './tool-connection.ts'

export class RequestSender {
  readonly #pool: ToolPool
  readonly #parts: Pick<AttemptParts, 'request' | 'owner'>
  #connection: ToolConnection | undefined
  #keepAlive: string | undefined
  #isResent = false

  constructor(pool: ToolPool, parts: Pick<AttemptParts, 'request' | 'owner'>) {
    this.#pool = pool
    this.#parts = parts
  }

  /** The request went out a second time, so it may have had an effect even where that fails. */
  get isResent(): boolean {
    return this.#isResent
  }

  send(user: ConnectionUser): void {
    const { upload, body } = this.#parts.request
    this.#pool.dispatch(this.#requestWith(upload?.body ?? body), user)
  }

  /** The connection that it goes over. */
  assigned(connection: ToolConnection): void {
    this.#connection = connection
  }

  starts(): void {
    this.#connection?.starts()
  }

  /** The response head came, with this Keep-Alive header. */
  answered(keepAlive: string | readonly string[] | undefined): void {
    this.#keepAlive = typeof keepAlive === 'object' ? keepAlive.join() : keepAlive
    this.#connection?.progressed()
  }

  /** A piece of the body came. */
  progressed(): void {
    this.#connection?.progressed()
  }

  /** The answer came whole. */
  end(): void {
    this.#connection?.end(this.#keepAlive)
  }

  /** The connection broke before the response head: sends the request again if that can do no harm, once. */
  resend(user: ConnectionUser): boolean {
    const { isIdempotent, upload, body } = this.#parts.request
    if (this.#isResent || this.#connection?.isIdleBreak !== true) return false
    this.#connection.learnFromBreak()
    const kept = upload === undefined ? body : upload.whole()
    if (!isIdempotent || (upload !== undefined && kept === undefined)) return false
    this.#isResent = true
    this.#parts.owner.reconnected()
    this.#pool.dispatchFresh(this.#requestWith(kept), user)
    return true
  }

  #requestWith(body: Dispatcher.DispatchOptions['body']): Dispatcher.DispatchOptions {
    const { method, path, headers, protocol } = this.#parts.request
    return { path, method, headers, body: body ?? null, upgrade: protocol ?? null }
  }
}
