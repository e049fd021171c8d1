/**
 * The caller of one case. It sends bytes unchanged and collects the answers until they are complete, the other side closes
 * the connection, or no byte arrives for 5 s.
 */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { pause } from '../support/eventually.ts'
import type { Action, Step } from './case.ts'
import { readAnswers, statusOf } from './message.ts'
import type { Message, Read } from './message.ts'

/** After this time without a byte, the caller stops waiting. */
const SILENCE_MS = 5000
const LOOK_MS = 2

/** Counts of the answers that earlier steps of the case have awaited. */
interface Awaited {
  answers: number
  messages: number
  readonly toolWasAsked: () => boolean
}

export class Caller {
  readonly #socket: Socket
  readonly #methods: string[]
  #text = ''
  #isClosed = false
  #lastMs = performance.now()

  /** `methods` are those of the requests to be sent; the length of an answer depends on the method. */
  constructor(port: number, methods: readonly string[]) {
    this.#methods = [...methods]
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    this.#socket.on('data', (bytes) => {
      this.#text += bytes.toString('latin1')
      this.#lastMs = performance.now()
    })
    this.#socket.on('error', () => (this.#isClosed = true))
    this.#socket.on('end', () => (this.#isClosed = true))
    this.#socket.on('close', () => (this.#isClosed = true))
  }

  hasClosed(): boolean {
    return this.#isClosed
  }

  read(): Read {
    return readAnswers(this.#text, this.#methods, this.#isClosed)
  }

  /** Complete final answers. */
  finals(): Message[] {
    return this.read().messages.filter(({ start, isWhole }) => isWhole && !isInterim(start))
  }

  async send(steps: readonly Step[], toolWasAsked: () => boolean): Promise<void> {
    const awaited: Awaited = { answers: 0, messages: 0, toolWasAsked }
    for (const step of steps) {
      if (this.#isClosed) return
      if (typeof step === 'number') await pause(step)
      else if (typeof step === 'string') this.#write(step)
      else await this.#act(step.action, awaited)
    }
    this.#lastMs = performance.now()
  }

  async #act(action: Action['action'], awaited: Awaited): Promise<unknown> {
    switch (action) {
      case 'await answer':
        return this.answers(++awaited.answers)
      case 'await interim': {
        const count = ++awaited.messages
        return this.#until(() => this.read().messages.length >= count)
      }
      case 'await tool':
        return this.#until(awaited.toolWasAsked)
      case 'end':
        return this.#socket.end()
      case 'destroy':
        return this.#socket.destroy()
    }
  }

  /** Sends one more request on the same connection. */
  sendMore(text: string, method: string): void {
    this.#methods.push(method)
    this.#write(text)
  }

  /** False if the other side closed or fell silent before there were `count` complete answers. */
  answers(count: number): Promise<boolean> {
    return this.#until(() => this.finals().length >= count || this.read().flaw !== undefined)
  }

  /** False if the other side does not close. */
  async closed(): Promise<boolean> {
    await this.#until(() => this.#isClosed)
    return this.#isClosed
  }

  destroy(): void {
    this.#socket.destroy()
  }

  async #until(isThere: () => boolean): Promise<boolean> {
    for (;;) {
      if (isThere()) return true
      if (this.#isClosed || performance.now() - this.#lastMs > SILENCE_MS) return isThere()
      await pause(LOOK_MS)
    }
  }

  #write(text: string): void {
    this.#lastMs = performance.now()
    if (this.#socket.writable && !this.#isClosed) this.#socket.write(text, 'latin1')
  }
}

export function isInterim(start: string): boolean {
  return statusOf(start) < 200 && statusOf(start) !== 101
}
