/**
 * How one request goes out: over a connection that is free, and once more over a fresh one where the tool had closed the
 * first for being idle. As HAProxy and nginx do it: only where nothing of an answer came, the connection had been used
 * before, and the method is idempotent (RFC 9110, 9.2.2). That is no retry: the lease stays, and no lane is asked.
 */
import type { Dispatcher } from 'undici'
import type { AttemptParts } from './attempt.ts'
import type { Connections } from './pool.ts'
import type { Wire, WireUser } from './wire.ts'

export class Sending {
  readonly #connections: Connections
  readonly #parts: Pick<AttemptParts, 'request' | 'owner'>
  #wire: Wire | undefined
  #keepAlive: string | undefined
  #isAgain = false

  constructor(connections: Connections, parts: Pick<AttemptParts, 'request' | 'owner'>) {
    this.#connections = connections
    this.#parts = parts
  }

  /** The request went out a second time, so it may have had an effect even where that fails. */
  get isAgain(): boolean {
    return this.#isAgain
  }

  send(user: WireUser): void {
    const { upload, body } = this.#parts.request
    this.#connections.dispatch(this.#requestWith(upload?.body ?? body), user)
  }

  /** The connection that it goes over. */
  over(wire: Wire): void {
    this.#wire = wire
  }

  starts(): void {
    this.#wire?.starts()
  }

  /** The response head came, with this Keep-Alive header. */
  answered(keepAlive: string | readonly string[] | undefined): void {
    this.#keepAlive = typeof keepAlive === 'object' ? keepAlive.join() : keepAlive
    this.#wire?.fruitful()
  }

  /** A piece of the body came. */
  fruitful(): void {
    this.#wire?.fruitful()
  }

  /** The answer came whole. */
  end(): void {
    this.#wire?.end(this.#keepAlive)
  }

  /** The connection broke before the response head: sends the request again if that can do no harm, once. */
  tryAgain(user: WireUser): boolean {
    const { isIdempotent, upload, body } = this.#parts.request
    if (this.#isAgain || this.#wire?.isIdleBreak !== true) return false
    this.#wire.learnFromBreak()
    const kept = upload === undefined ? body : upload.whole()
    if (!isIdempotent || (upload !== undefined && kept === undefined)) return false
    this.#isAgain = true
    this.#parts.owner.reconnected()
    this.#connections.dispatchFresh(this.#requestWith(kept), user)
    return true
  }

  #requestWith(body: Dispatcher.DispatchOptions['body']): Dispatcher.DispatchOptions {
    const { method, path, headers, protocol } = this.#parts.request
    return { path, method, headers, body: body ?? null, upgrade: protocol ?? null }
  }
}
