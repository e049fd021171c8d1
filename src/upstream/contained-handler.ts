/**
 * What undici calls back for one call, in a form that does not throw: undici takes what a handler throws for an error of
 * the connection, or lets it end the process. Decides nothing.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { AttemptOwner } from './attempt.ts'
import type { Interim } from './interim.ts'
import type { Wire, WireUser } from './wire.ts'

type Controller = Dispatcher.DispatchController
type Headers = IncomingHttpHeaders

/** What forwarding does with undici's news. */
export interface Handler {
  onWire(wire: Wire): void
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

export class ContainedHandler implements WireUser {
  readonly #inner: Handler
  readonly #owner: Pick<AttemptOwner, 'fail'>

  constructor(inner: Handler, owner: Pick<AttemptOwner, 'fail'>) {
    this.#inner = inner
    this.#owner = owner
  }

  onWire(wire: Wire): void {
    try {
      this.#inner.onWire(wire)
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
      // Nobody else knows this socket, or hears its errors.
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
