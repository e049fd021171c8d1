/**
 * One request that holds a lease, as forwarding sees it: what goes to the tool, and how its caller is answered in the
 * tool's place, or the request is tried once more.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { LeaseHandle } from '../gate/lease-handle.ts'
import type { Fault, Outcome, Reason, RetryResult } from '../lane/reason.ts'
import type { RequestEvent } from '../observe/events.ts'
import type { Retries } from './retries.ts'
import { IDEMPOTENT, STREAM_BYTES, uploadOf } from './routed.ts'
import type { Routed, Told } from './routed.ts'
import type { Clock, Timer } from '../time/clock.ts'
import type { Exchange, Held, Slot, Upgrade, Watch } from '../upstream/exchange.ts'
import { hopsLeft, toTool } from '../upstream/headers.ts'
import type { Upload } from '../upstream/upload.ts'

/** What a passage needs of the pipeline. */
export interface Passing {
  readonly clock: Clock
  readonly emit: (tool: string, event: RequestEvent) => void
  readonly refuse: (routed: Routed, reason: Reason, told: Told) => void
  readonly linger: (request: IncomingMessage) => void
  readonly retries: Retries
}

export class Passage implements Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly upgrade: Upgrade | undefined
  readonly tool: string
  readonly path: string
  readonly headers: string[]
  readonly upload: Upload | undefined
  readonly body: Buffer | undefined
  readonly watch: Watch | undefined
  readonly queuedMs: number
  readonly slot: Slot
  readonly isIdempotent: boolean
  readonly #routed: Routed
  readonly #passing: Passing
  #isTold = false
  #held: Held | undefined

  /** Only a passage ends its lease, so an error that keeps it from being made ends the lease here. */
  static open(routed: Routed, lease: LeaseHandle, passing: Passing): Passage {
    try {
      return new Passage(routed, lease, passing)
    } catch (error) {
      lease.settle({ cause: 'cancelled', verdict: 'ignored' })
      throw error
    }
  }

  private constructor(routed: Routed, lease: LeaseHandle, passing: Passing) {
    const { call, tool, target, requestId } = routed
    const { settings } = tool
    this.#routed = routed
    this.#passing = passing
    this.request = call.request
    this.response = call.response
    this.upgrade = call.upgrade
    this.tool = tool.tool
    this.path = routed.path
    this.headers = toTool(call.request.rawHeaders, {
      host: settings.keepHost && target.hostHeader !== '' ? target.hostHeader : settings.upstream.host,
      callerHost: target.hostHeader,
      peer: call.request.socket.remoteAddress ?? 'unknown',
      requestId,
      httpVersion: call.request.httpVersion,
      hops: hopsLeft(call.request.method, call.request.rawHeaders),
    })
    this.body = routed.body
    const isStreamed = routed.hasBody && routed.body === undefined
    this.upload =
      routed.earlyUpload ?? (isStreamed ? uploadOf(routed, STREAM_BYTES, passing.clock) : undefined)
    this.queuedMs = lease.waitedMs
    this.isIdempotent = IDEMPOTENT.has(call.request.method ?? '')
    const watch = routed.mcp?.run(lease, call.response)
    this.watch = watch ?? routed.watch
    this.slot = watch ?? lease
  }

  /** Asked for when the caller has gone. */
  get onClientGone(): 'cancel' | 'finish' {
    return this.#routed.mcp?.onClientGone ?? this.#routed.tool.settings.onClientGone
  }

  holds(held: Held): void {
    this.#held = held
    this.#routed.containment.holds(held)
  }

  fail(error: unknown): void {
    this.#routed.containment.fail(error)
  }

  contained<A extends unknown[]>(act: (...args: A) => void): (...args: A) => void {
    return this.#routed.containment.around(act)
  }

  after(delayMs: number, act: () => void): Timer {
    return this.#passing.clock.after(delayMs, this.contained(act))
  }

  nowMs(): number {
    return this.#passing.clock.nowMs()
  }

  mayRetry(status: number): boolean {
    return this.#passing.retries.may(this.#routed, status) && this.#canSendAgain()
  }

  retry(otherwise: () => void): void {
    const { body } = this
    this.#passing.retries.again(
      { ...this.#routed, body: body ?? this.upload?.whole(), earlyUpload: undefined },
      otherwise,
    )
  }

  failed(fault: Fault): void {
    this.#passing.emit(this.tool, { kind: 'tool_failed', fault, atMs: this.nowMs() })
  }

  refuse(reason: Reason, fault?: Fault): void {
    this.#tellRetry('failed')
    // For this reason it depends on how far the request came.
    const notExecuted = reason === 'REQUEST_TIMEOUT' ? this.#held?.mayHaveRun !== true : undefined
    const told = { queuedMs: this.queuedMs, fault, notExecuted }
    const refuse = () => this.#passing.refuse(this.#routed, reason, told)
    if (reason !== 'UPSTREAM_UNREACHABLE') return refuse()
    // A caller whose request the tool has answered before must not read `not_executed: true`: it gets that answer.
    const otherwise = this.#routed.again?.otherwise ?? refuse
    if (this.#passing.retries.may(this.#routed, 'connect') && this.#canSendAgain()) this.retry(otherwise)
    else otherwise()
  }

  reconnected(): void {
    this.#passing.emit(this.tool, { kind: 'reconnected' })
  }

  linger(): void {
    this.#passing.linger(this.request)
  }

  answered(status: number, firstByteMs: number): void {
    this.#passing.emit(this.tool, { kind: 'answered', status, firstByteMs })
    this.#tellRetry(this.#routed.tool.settings.retries.on.includes(status) ? 'failed' : 'succeeded')
  }

  finished(outcome: Outcome, durationMs: number): void {
    this.#tellRetry('cancelled')
    this.#passing.emit(this.tool, { kind: 'finished', outcome, durationMs })
  }

  #canSendAgain(): boolean {
    return this.upload === undefined || this.upload.whole() !== undefined
  }

  /** What became of another try; the first that is told counts. */
  #tellRetry(result: RetryResult): void {
    if (this.#routed.again === undefined || this.#isTold) return
    this.#isTold = true
    this.#passing.emit(this.tool, { kind: 'retried', result })
  }
}
