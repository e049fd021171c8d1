/**
 * The tool's answer on its way to the caller, at the caller's speed: kept back while it may still be thrown away for
 * another try, else passed on as it comes. Must not know of leases' ends or of verdicts.
 */
import type { Dispatcher } from 'undici'
import type { Timer } from '../time/clock.ts'
import type { Head } from './answer-head.ts'
import type { Exchange } from './exchange.ts'
import { HeldAnswer } from './held-answer.ts'

/**
 * Milliseconds in which a caller has to take the piece that was written last, 64 KiB at the most; nginx's send_timeout. A
 * caller who takes a byte a second from a long answer would hold its place for ever.
 */
const TAKEN_WITHIN_MS = 60_000

/**
 * Bytes of an answer that a tool may go on with once its caller has gone: several of the largest messages that an MCP server
 * is expected to send. A tool that never ends would have the core to itself, and its place for ever.
 */
export const MOST_UNHEARD_BYTES = 16_777_216

export class Answer {
  readonly #exchange: Exchange
  #head: Head | undefined
  /** Set while the answer may still be thrown away for another try. */
  #held: HeldAnswer | undefined
  #hasWritten = false
  #isOver = false
  /** Milliseconds in which the caller did not read; not the tool's time. */
  #callerMs = 0
  #pausedAtMs = 0
  #timer: Timer | undefined
  #unheardBytes = 0

  constructor(exchange: Exchange) {
    this.#exchange = exchange
  }

  get isHeld(): boolean {
    return this.#held !== undefined
  }

  get callerMs(): number {
    return this.#callerMs
  }

  begin(head: Head, isHeld: boolean): void {
    const { response } = this.#exchange
    this.#head = head
    if (isHeld) {
      this.#held = new HeldAnswer(response, head)
      return
    }
    response.writeHead(head.status, head.text, head.headers)
    // Head and body mostly come together and then leave together; a head that comes alone must not wait for a body.
    process.nextTick(Answer.#flush, this)
  }

  static #flush(answer: Answer): void {
    if (answer.#hasWritten || answer.#isOver) return
    try {
      answer.#exchange.response.flushHeaders()
    } catch (error) {
      answer.#exchange.fail(error)
    }
  }

  /** A caller who does not read stops the tool. */
  write(chunk: Buffer, controller: Dispatcher.DispatchController): void {
    const { slot, response } = this.#exchange
    if (this.#held?.keep(chunk) === true) return
    this.#held?.release()
    this.#held = undefined
    this.#hasWritten = true
    if (response.write(chunk)) return
    controller.pause()
    this.#pausedAtMs = this.#exchange.nowMs()
    slot.waitsFor('caller')
    // 'close' follows, as if the caller had left: it takes nothing, and others wait for its place.
    if (this.#timer === undefined) response.once('close', () => this.#timer?.clear())
    this.#timer = this.#exchange.after(TAKEN_WITHIN_MS, () => response.destroy())
    const onDrain = (): void => {
      this.#timer?.clear()
      this.#callerMs += this.#exchange.nowMs() - this.#pausedAtMs
      slot.waitsFor('tool')
      slot.renew()
      controller.resume()
    }
    response.once('drain', this.#exchange.contained(onDrain))
  }

  /** Throws away a piece that came when its caller had gone; false when that is more than a tool may go on with. */
  lose(chunk: Buffer): boolean {
    this.#unheardBytes += chunk.length
    return this.#unheardBytes <= MOST_UNHEARD_BYTES
  }

  /** The tool has said everything; what is held is let go by `release`. */
  trailers(pairs: [string, string][]): void {
    this.#isOver = true
    if (pairs.length > 0 && this.#head?.isChunked === true) this.#exchange.response.addTrailers(pairs)
  }

  /** It will not come whole, and the caller has to see that. */
  cut(): void {
    const { request, response } = this.#exchange
    this.#isOver = true
    // Where the end of the connection is the end of the body, only a reset tells the two apart.
    if (request.httpVersion === '1.0') request.socket.resetAndDestroy()
    response.destroy()
  }

  /** Gives the whole answer that was kept back to its caller; false when the caller has left. */
  release(trailers: [string, string][]): boolean {
    const { response } = this.#exchange
    if (response.destroyed) return false
    this.#held?.release()
    this.trailers(trailers)
    response.end()
    return true
  }
}
