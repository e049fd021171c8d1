/**
 * The leases of the tools/calls in one HTTP request. Each ends with the response to its id: in an event stream with that
 * event, however long the stream goes on; in JSON with the body. For the forwarding it is one lease, which stands for all
 * that still run. Must not know how a response is read (mcp/response-reader.ts) or judged (mcp/call-end.ts).
 */
import { NOT_USED } from '../lane/lease.ts'
import type { LeaseEnd } from '../lane/lease.ts'
import { callEnd } from '../mcp/call-end.ts'
import type { ResponseOutcome, ServerMessage } from '../mcp/message-scan.ts'
import { ResponseReader } from '../mcp/response-reader.ts'
import type { AttemptLease, AnswerObserver } from '../upstream/attempt.ts'

export interface McpLeasesParts {
  /** By `idKeyOf` the id of their call. */
  readonly leases: ReadonlyMap<string, AttemptLease>
  /** The protocol lets the server end a stream that has event ids, and the caller resume it with another request. */
  readonly isResumable: boolean
  /** The last answer passed in a stream that goes on. */
  readonly onAllAnswered: () => void
  /** No lease runs any more, whatever ended the last one. */
  readonly onOver: () => void
}

export class McpLeases implements AttemptLease, AnswerObserver {
  readonly #running: Map<string, AttemptLease>
  readonly #parts: McpLeasesParts
  readonly #reader: ResponseReader
  /** Outcomes in a JSON body, whose leases end with the body. */
  readonly #outcomes = new Map<string, ResponseOutcome>()
  #elapsedMs = 0
  /** The server asked the caller for something: the tool is not to blame for the time that takes. */
  #hasAsked = false
  #isCancelled = false
  /** The leases outlive this request: each lasts until another request brings its answer, or no message comes for too long. */
  #isDetached = false
  #stop: (() => void) | undefined

  constructor(parts: McpLeasesParts) {
    this.#parts = parts
    this.#running = new Map(parts.leases)
    this.#reader = new ResponseReader((message) => this.#passed(message, this.#reader))
  }

  /** A lease still runs. */
  get isOpen(): boolean {
    return this.#running.size > 0
  }

  renew(): void {
    for (const lease of this.#running.values()) lease.renew()
  }

  waitsFor(who: 'tool' | 'caller'): void {
    for (const lease of this.#running.values()) lease.waitsFor(who)
  }

  answered(afterMs: number): void {
    for (const lease of this.#running.values()) lease.answered(afterMs)
  }

  accepted(): void {
    for (const lease of this.#running.values()) lease.accepted()
  }

  /** One reclaimed lease stops the request, and with it the others. */
  onReclaimed(stop: () => void): void {
    this.#stop = stop
    for (const lease of this.#running.values()) lease.onReclaimed(stop)
  }

  /** The HTTP exchange is over. The leases without an answer end, too, unless the caller can resume the stream. */
  settle(end: LeaseEnd): void {
    if (this.#isDetached) return
    if (end.cause === 'completed' && this.#canResume) return this.#detach()
    for (const [idKey, lease] of this.#running) lease.settle(this.#endOf(end, this.#outcomes.get(idKey)))
    this.#close()
  }

  get #canResume(): boolean {
    return this.isOpen && this.#parts.isResumable && !this.#isCancelled && this.#reader.hasEventIds
  }

  /** The answers will come with another request. Gives up this one, and returns what watches the response to the other. */
  move(): AnswerObserver {
    if (!this.#isDetached) {
      this.#detach()
      this.#stop?.()
    }
    const reader = new ResponseReader((message) => this.#passed(message, reader))
    return {
      head: (status, headers) => reader.head(status, headers),
      chunk: (bytes) => reader.chunk(bytes),
    }
  }

  #detach(): void {
    this.#isDetached = true
    for (const [idKey, lease] of this.#running) {
      lease.onReclaimed(() => {
        this.#running.delete(idKey)
        if (this.#running.size === 0) this.#parts.onOver()
      })
    }
  }

  #close(): void {
    this.#running.clear()
    this.#parts.onOver()
  }

  /** The caller cancelled the call: its latency is no sample any more. */
  cancelled(): void {
    this.#isCancelled = true
  }

  /** Gives up the request, or the detached leases. */
  stop(): void {
    if (!this.#isDetached) return this.#stop?.()
    for (const lease of this.#running.values()) lease.settle(NOT_USED)
    this.#close()
  }

  head(status: number, headers: readonly string[]): void {
    this.#reader.head(status, headers)
  }

  chunk(bytes: Buffer, elapsedMs: number): void {
    if (this.#running.size === 0) return
    this.#elapsedMs = elapsedMs
    this.#reader.chunk(bytes)
  }

  #passed(message: ServerMessage, { form }: ResponseReader): void {
    // Messages renew a detached lease, and bytes do not: a stream that is kept alive for other reasons would keep the lease
    // of a lost call for ever.
    if (this.#isDetached) this.renew()
    if (message.kind === 'request') this.#hasAsked = true
    if (message.kind !== 'response' || message.idKey === undefined) return
    const lease = this.#running.get(message.idKey)
    if (lease === undefined) return
    if (form === 'events') this.#answered(message.idKey, lease, message.outcome)
    else this.#outcomes.set(message.idKey, message.outcome)
  }

  #answered(idKey: string, lease: AttemptLease, outcome: ResponseOutcome): void {
    this.#running.delete(idKey)
    const byHttp: LeaseEnd = { cause: 'completed', verdict: 'ok', latencyMs: this.#elapsedMs }
    lease.settle(this.#endOf(byHttp, outcome))
    if (this.#running.size > 0) return
    if (!this.#isDetached) this.#parts.onAllAnswered()
    this.#parts.onOver()
  }

  #endOf(byHttp: LeaseEnd, outcome: ResponseOutcome | undefined): LeaseEnd {
    const isDisturbed = this.#isDetached || this.#isCancelled || this.#hasAsked
    return callEnd(byHttp, { outcome, wasRead: this.#reader.form !== 'unread', isDisturbed })
  }
}
