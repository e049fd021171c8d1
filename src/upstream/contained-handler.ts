/**
 * Passes undici's callbacks for one call to its attempt, and every error thrown there to the call. undici would treat such
 * an error as one of the connection, or let it end the process. Decides nothing.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { AttemptOwner } from './attempt.ts'
import type { Interim } from './interim.ts'
import type { ToolConnection, ConnectionUser } from './tool-connection.ts'

type Controller = Dispatcher.DispatchController
type Headers = IncomingHttpHeaders

/** undici's callbacks, and those of the connection. */
export interface Handler {
  onConnection(connection: ToolConnection): void
  onInterim(interim: Interim): void
  onRequestStart(controller: Controller): void
  onBodySent(): void
  onRequestSent(): void
  onResponseStart(controller: Controller, status: number, headers: Headers, statusText?: string): void
  onRequestUpgrade(controller: Controller, status: number, headers: unknown, socket: Duplex): void
  onResponseData(controller: Controller, chunk: Buffer): void
  onResponseEnd(controller: Controller): void
  onResponseError(controller: unknown, error: Error): void
}

export class ContainedHandler implements ConnectionUser {
  readonly #inner: Handler
  readonly #owner: Pick<AttemptOwner, 'fail'>

  constructor(inner: Handler, owner: Pick<AttemptOwner, 'fail'>) {
    this.#inner = inner
    this.#owner = owner
  }

  onConnection(connection: ToolConnection): void {
    try {
      this.#inner.onConnection(connection)
    } catch (error) {
      this.#owner.fail(error)
    }
  }

  onInterim(interim: Interim): void {
    try {
      this.#inner.onInterim(interim)
    } catch (error) {
      this.#owner.fail(error)
    }
  }

  onRequestStart(controller: Controller): void {
    try {
      this.#inner.onRequestStart(controller)
    } catch (error) {
      this.#owner.fail(error)
    }
  }

  onBodySent(): void {
    try {
      this.#inner.onBodySent()
    } catch (error) {
      this.#owner.fail(error)
    }
  }

  onRequestSent(): void {
    try {
      this.#inner.onRequestSent()
    } catch (error) {
      this.#owner.fail(error)
    }
  }

  onResponseStart(controller: Controller, status: number, headers: Headers, statusText?: string): void {
    try {
      this.#inner.onResponseStart(controller, status, headers, statusText)
    } catch (error) {
      this.#owner.fail(error)
    }
  }

  onRequestUpgrade(controller: Controller, status: number, headers: unknown, socket: Duplex): void {
    try {
      this.#inner.onRequestUpgrade(controller, status, headers, socket)
    } catch (error) {
      // No other code holds this socket or listens to its errors.
      socket.on('error', () => undefined).destroy()
      this.#owner.fail(error)
    }
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    try {
      this.#inner.onResponseData(controller, chunk)
    } catch (error) {
      this.#owner.fail(error)
    }
  }

  onResponseEnd(controller: Controller): void {
    try {
      this.#inner.onResponseEnd(controller)
    } catch (error) {
      this.#owner.fail(error)
    }
  }

  onResponseError(controller: unknown, error: Error): void {
    try {
      this.#inner.onResponseError(controller, error)
    } catch (another) {
      this.#owner.fail(another)
    }
  }
}
