/**
 * Sends one request over a free connection of the pool. If the tool had closed that connection because it was idle, the
 * request is sent once more over a fresh one, as HAProxy and nginx do: only if no byte of an answer came, the connection had
 * been used before, and the method is idempotent (RFC 9110, 9.2.2). This is not a retry: the lease stays the same.
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

  /** The request was sent twice, so the first one may have had an effect even if the second one failed. */
  get isResent(): boolean {
    return this.#isResent
  }

  send(user: ConnectionUser): void {
    const { upload, body } = this.#parts.request
    this.#pool.dispatch(this.#requestWith(upload?.body ?? body), user)
  }

  /** The request goes over this connection. */
  assigned(connection: ToolConnection): void {
    this.#connection = connection
  }

  starts(): void {
    this.#connection?.starts()
  }

  /** The response head came; `keepAlive` is its Keep-Alive header. */
  answered(keepAlive: string | readonly string[] | undefined): void {
    this.#keepAlive = typeof keepAlive === 'object' ? keepAlive.join() : keepAlive
    this.#connection?.progressed()
  }

  /** A piece of the body came. */
  progressed(): void {
    this.#connection?.progressed()
  }

  /** The answer is complete. */
  end(): void {
    this.#connection?.end(this.#keepAlive)
  }

  /** The connection broke before the response head. Sends the request again if that is safe, at most once. */
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
