/**
 * The leases of the tools/calls in one request, each ended by the answer to its id as that passes: in JSON with the end
 * of the body, in an event stream with its event, however long the stream goes on. Holds nothing of what passes.
 * As a slot it stands for all of its leases that still run.
 */
import type { LeaseEnd } from '../lane/lease.ts'
import { EventScan } from './event-scan.ts'
import type { Slot, Watch } from '../upstream/exchange.ts'
import { headerValue } from '../upstream/headers.ts'
import { MessageScan } from './message-scan.ts'
import type { SeenMessage } from './message-scan.ts'

export interface AnswerWatchParts {
  /** The leases by `keyOf` the id. */
  readonly slots: ReadonlyMap<string, Slot>
  /** Equal for equal ids, however they are written; undefined for what is no id. */
  readonly keyOf: (id: unknown) => string | undefined
  /** The protocol lets the server end a stream that has ids, and the caller come back for the rest. */
  readonly isResumable: boolean
  /** The last answer passed in a stream that has not ended. */
  readonly onAllAnswered: () => void
  /** No lease of it runs any more, whatever ended it. */
  readonly onOver: () => void
}

interface Scan {
  readonly write: (bytes: Buffer) => void
  /** Of an event stream: events had ids by which it can be resumed. */
  readonly hasIds?: boolean
}

export class AnswerWatch implements Slot, Watch {
  readonly #open: Map<string, Slot>
  readonly #keyOf: AnswerWatchParts['keyOf']
  readonly #isResumable: boolean
  readonly #onAllAnswered: () => void
  readonly #onOver: () => void
  #scan: Scan | undefined
  #isStream = false
  /** The server asked the client for something meanwhile: how long that takes is not the tool's affair. */
  #hasAsked = false
  #isCancelled = false
  #elapsedMs = 0
  /** Answers of a JSON body, whose leases end with the body. */
  readonly #seen = new Map<string, SeenMessage>()
  #stop: (() => void) | undefined
  /** The caller went on with another request: the leases last until that brings the answers, or falls silent. */
  #isMoved = false

  constructor({ slots, keyOf, isResumable, onAllAnswered, onOver }: AnswerWatchParts) {
    this.#open = new Map(slots)
    this.#keyOf = keyOf
    this.#isResumable = isResumable
    this.#onAllAnswered = onAllAnswered
    this.#onOver = onOver
  }

  /** Whether a lease still runs. */
  get isOpen(): boolean {
    return this.#open.size > 0
  }

  renew(): void {
    for (const slot of this.#open.values()) slot.renew()
  }

  waitsFor(who: 'tool' | 'caller'): void {
    for (const slot of this.#open.values()) slot.waitsFor(who)
  }

  answered(afterMs: number): void {
    for (const slot of this.#open.values()) slot.answered(afterMs)
  }

  accepted(): void {
    for (const slot of this.#open.values()) slot.accepted()
  }

  /** One reclaimed lease stops the request, and with it the others. */
  onReclaimed(stop: () => void): void {
    this.#stop = stop
    for (const slot of this.#open.values()) slot.onReclaimed(stop)
  }

  /** The request is over: so are the leases that no answer has ended, unless the server works on for who comes back. */
  settle(end: LeaseEnd): void {
    if (this.#isMoved) return
    if (end.cause === 'completed' && this.#goesOnElsewhere) return this.#part()
    for (const [key, slot] of this.#open) slot.settle(this.#endOf(end, this.#seen.get(key)))
    this.#close()
  }

  get #goesOnElsewhere(): boolean {
    return this.isOpen && this.#isResumable && !this.#isCancelled && this.#scan?.hasIds === true
  }

  /** The answers will come with another request, whose answer the watch that is given back sees; this one is given up. */
  move(): Watch {
    if (!this.#isMoved) {
      this.#part()
      this.#stop?.()
    }
    let scan: Scan | undefined
    return {
      head: (status, headers) => (scan = this.#scanOf(status, headers)),
      chunk: (bytes) => scan?.write(bytes),
    }
  }

  /** From here on the leases are on their own: each lasts until its answer passes, or nothing has for too long. */
  #part(): void {
    this.#isMoved = true
    for (const [key, slot] of this.#open) {
      slot.onReclaimed(() => {
        this.#open.delete(key)
        if (this.#open.size === 0) this.#onOver()
      })
    }
  }

  #close(): void {
    this.#open.clear()
    this.#onOver()
  }

  /** The caller asked for the end of the call: what comes now is no honest measurement. */
  cancelled(): void {
    this.#isCancelled = true
  }

  /** Gives the request up. */
  stop(): void {
    if (!this.#isMoved) return this.#stop?.()
    for (const slot of this.#open.values()) slot.settle({ cause: 'cancelled', verdict: 'ignored' })
    this.#close()
  }

  head(status: number, headers: readonly string[]): void {
    this.#scan = this.#scanOf(status, headers)
  }

  chunk(bytes: Buffer, elapsedMs: number): void {
    if (this.#open.size === 0) return
    this.#elapsedMs = elapsedMs
    this.#scan?.write(bytes)
  }

  /** What HTTP says of a failure counts as with any tool; what is encoded cannot be read as it passes. */
  #scanOf(status: number, headers: readonly string[]): Scan | undefined {
    const coding = headerValue(headers, 'content-encoding') ?? 'identity'
    if (status >= 300 || coding.trim().toLowerCase() !== 'identity') return undefined
    const type = headerValue(headers, 'content-type')?.trim().toLowerCase() ?? ''
    const messages = new MessageScan((message) => this.#passed(message))
    this.#isStream = type.startsWith('text/event-stream')
    if (this.#isStream) return new EventScan(messages)
    return type.startsWith('application/json') ? messages : undefined
  }

  #passed(message: SeenMessage): void {
    // Not by any byte: a stream that is kept alive for something else would keep a lost call's lease for ever.
    if (this.#isMoved) this.renew()
    if (message.hasMethod) {
      this.#hasAsked ||= message.id !== undefined
      return
    }
    const key = message.id === undefined ? undefined : this.#keyOf(parsed(message.id))
    const slot = key === undefined ? undefined : this.#open.get(key)
    if (key === undefined || slot === undefined) return
    if (!this.#isStream) {
      this.#seen.set(key, message)
      return
    }
    this.#open.delete(key)
    const whole: LeaseEnd = { cause: 'completed', verdict: 'ok', latencyMs: this.#elapsedMs }
    slot.settle(this.#endOf(whole, message))
    if (this.#open.size > 0) return
    if (!this.#isMoved) this.#onAllAnswered()
    this.#onOver()
  }

  /** Only a call that ran on its own, to its end, and did what it should is a latency sample. */
  #endOf(end: LeaseEnd, message: SeenMessage | undefined): LeaseEnd {
    if (end.verdict !== 'ok') return end
    // A stream that ends without the answer, or a refusal by the protocol (no such tool), says nothing about the tool.
    if (this.#scan !== undefined && (message === undefined || message.hasError))
      return { ...end, verdict: 'ignored', latencyMs: undefined }
    const isHonest =
      !this.#isMoved &&
      !this.#isCancelled &&
      !this.#hasAsked &&
      message?.isError !== true &&
      message?.resultType !== INPUT_REQUIRED
    return isHonest ? end : { ...end, latencyMs: undefined }
  }
}

const INPUT_REQUIRED = '"input_required"'

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}
