/**
 * One attempt without sockets and on virtual time: a fake caller, a fake lease and owner that record their calls, and
 * connections that hand each request to the test.
 */
import type { Dispatcher } from 'undici'
import type { LeaseEnd } from '../../src/lane/lease.ts'
import type { AnswerObserver, AttemptLease, AttemptOwner, AttemptResult } from '../../src/upstream/attempt.ts'
import { Forwarding } from '../../src/upstream/forward.ts'
import type { ConnectionUser } from '../../src/upstream/tool-connection.ts'
import type { ToolPool } from '../../src/upstream/tool-pool.ts'
import { Upload } from '../../src/upstream/upload.ts'
import { FakeCaller } from '../support/fake-caller.ts'
import type { FakeCallerFacts } from '../support/fake-caller.ts'
import { ToolExchange } from '../support/fake-tools.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** Lets streams pass on what they hold, which they do in turns of the event loop. */
export async function turns(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
}

export class FakeLease implements AttemptLease {
  renewals = 0
  acceptances = 0
  /** Each change of who must act next. */
  readonly waits: ('tool' | 'caller')[] = []
  /** Milliseconds after which the response head came. */
  readonly answers: number[] = []
  /** Every settlement, so that a second one shows. */
  readonly ends: LeaseEnd[] = []
  /** Settling throws. */
  isFailing = false
  #stop: (() => void) | undefined

  renew(): void {
    this.renewals++
  }

  waitsFor(who: 'tool' | 'caller'): void {
    if (this.waits.at(-1) !== who) this.waits.push(who)
  }

  answered(afterMs: number): void {
    this.answers.push(afterMs)
  }

  accepted(): void {
    this.acceptances++
  }

  settle(end: LeaseEnd): void {
    this.ends.push(end)
    if (this.isFailing) throw new Error('made up: settling fails')
  }

  onReclaimed(stop: () => void): void {
    this.#stop = stop
  }

  /** The lane takes the lease back. */
  reclaim(): void {
    this.#stop?.()
  }
}

export class FakeOwner implements AttemptOwner {
  readonly results: AttemptResult[] = []
  readonly errors: unknown[] = []
  readonly answers: { readonly status: number; readonly firstByteMs: number }[] = []
  reconnects = 0

  fail(error: unknown): void {
    this.errors.push(error)
  }

  contained<A extends unknown[]>(act: (...args: A) => void): (...args: A) => void {
    return (...args) => {
      try {
        act(...args)
      } catch (error) {
        this.fail(error)
      }
    }
  }

  answered(status: number, firstByteMs: number): void {
    this.answers.push({ status, firstByteMs })
  }

  reconnected(): void {
    this.reconnects++
  }

  done(result: AttemptResult): void {
    this.results.push(result)
  }
}

/** Connections that hand each request to the test. */
export class FakePool {
  readonly exchanges: ToolExchange[] = []

  dispatch(options: Dispatcher.DispatchOptions, user: ConnectionUser): void {
    this.exchanges.push(new ToolExchange('http://t.internal:1', false, { options, user }))
  }

  dispatchFresh(options: Dispatcher.DispatchOptions, user: ConnectionUser): void {
    this.exchanges.push(new ToolExchange('http://t.internal:1', true, { options, user }))
  }

  get asPool(): ToolPool {
    return this as unknown as ToolPool
  }
}

export interface RigFacts extends FakeCallerFacts {
  readonly isIdempotent?: boolean
  readonly heldStatuses?: readonly (string | number)[]
  /** A body that was read before. */
  readonly content?: Buffer
  readonly maxBytes?: number
  readonly keepBytes?: number
  readonly caller?: FakeCaller
}

export class AttemptRig {
  readonly clock = new VirtualClock()
  readonly lease = new FakeLease()
  readonly owner = new FakeOwner()
  readonly pool = new FakePool()
  /** What the observer saw: statuses, and pieces with their time. */
  readonly seen: string[] = []
  readonly caller: FakeCaller
  readonly upload: Upload | undefined
  readonly attempt: Forwarding

  constructor(facts: RigFacts = {}) {
    const { isIdempotent = true, heldStatuses = [], content, maxBytes = 1000, keepBytes = 100 } = facts
    const { clock, lease, owner } = this
    const caller = facts.caller ?? new FakeCaller(facts)
    this.caller = caller
    if (facts.body !== undefined) {
      const bounds = { maxBytes, bufferBytes: 16, keepBytes }
      this.upload = new Upload(caller.request, bounds, { clock, fail: (error) => owner.fail(error) })
    }
    const observer: AnswerObserver = {
      head: (status) => this.seen.push(String(status)),
      chunk: (bytes, elapsedMs) => this.seen.push(`${bytes.toString()} ${elapsedMs}`),
    }
    this.attempt = new Forwarding(this.pool.asPool, {
      request: {
        method: caller.request.method,
        path: '/v1/x',
        headers: ['host', 't.internal'],
        httpVersion: caller.request.httpVersion,
        protocol: facts.protocol,
        upload: this.upload,
        body: content,
        isIdempotent,
        heldStatuses,
        tool: 't',
        queuedMs: 12.5,
      },
      lease,
      caller,
      observer,
      owner,
      clock,
    })
    this.attempt.start()
  }

  /** The last request that went to the tool. */
  get tool(): ToolExchange {
    return this.pool.exchanges.at(-1) as ToolExchange
  }

  /** The caller's connection closes. */
  leave(then: 'cancel' | 'finish'): void {
    this.caller.leave()
    this.attempt.callerLeft(then)
  }

  /** The settlements of the lease, each as cause and verdict, with the latency if there is one. */
  get ends(): string[] {
    return this.lease.ends.map(({ cause, verdict, latencyMs }) =>
      latencyMs === undefined ? `${cause} ${verdict}` : `${cause} ${verdict} ${latencyMs}`,
    )
  }

  /** The results that the owner got: kind, then the outcome, the reason or the status, then phase and cause of the fault. */
  get results(): string[] {
    return this.owner.results.map((result) => {
      if (result.kind === 'held') return `held ${result.answer.status}`
      const what = result.kind === 'passed' ? result.outcome : result.reason
      const { fault } = result
      return [result.kind, what, ...(fault === undefined ? [] : [fault.phase, fault.cause])].join(' ')
    })
  }
}
