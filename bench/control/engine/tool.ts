/**
 * A modelled tool. Every running call gains work at one common rate, so the tool keeps a clock of work W and a call
 * that begins at W0 with w milliseconds of work ends when W = W0 + w. Rate with n calls running:
 *
 *     pool, unlimited    1 / slowdown
 *     sharing            min(1, knee / n) / (1 + fall x max(0, n / knee - 1)) / slowdown
 *     frozen             0
 *
 * Must not know of lanes or laws. Units: milliseconds.
 */
import { DeadlineHeap } from '../../../src/lane/deadline-heap.ts'
import type { ToolChange, ToolModel } from '../scenario.ts'
import type { Agenda } from './agenda.ts'
import { QuotaGate } from './quota.ts'
import type { Random } from './random.ts'

export type Result =
  | { readonly kind: 'ok' }
  | { readonly kind: 'error' }
  | { readonly kind: 'throttled'; readonly retryAfterMs: number | undefined }

const OK: Result = { kind: 'ok' }
const ERROR: Result = { kind: 'error' }
/** Milliseconds a tool takes to say 429, and to say 500 unless the scenario has another figure. */
const FAST_ANSWER_MS = 20

/** A call inside the tool. `dueAtMs` is its end on the clock of work. */
export class ToolCall {
  dueAtMs = 0
  heapIndex = -1
  isAbandoned = false
  workMs = 0
  readonly done: (result: Result) => void

  constructor(done: (result: Result) => void) {
    this.done = done
  }
}

export class Tool {
  readonly #model: ToolModel
  readonly #agenda: Agenda
  readonly #quota: QuotaGate | undefined
  readonly #running = new DeadlineHeap<ToolCall>()
  #waiting: ToolCall[] = []
  #waitingFrom = 0
  #capacity: number
  #now: Required<Omit<ToolChange, 'atSeconds' | 'capacity'>> = {
    slowdown: 1,
    frozen: false,
    errorRatio: 0,
    errorMs: FAST_ANSWER_MS,
    hangRatio: 0,
    hangSeconds: 12,
  }
  #work = 0
  #workAtMs = 0
  #dueAtMs = Infinity
  /** Calls that are being answered without work. */
  #answering = 0
  /** Milliseconds of work done, and the part of it that was done for callers who had left. */
  readonly done = { workMs: 0, wastedMs: 0 }

  constructor(model: ToolModel, agenda: Agenda) {
    this.#model = model
    this.#agenda = agenda
    this.#quota = model.quota === undefined ? undefined : new QuotaGate(model.quota)
    const { capacity } = model
    this.#capacity =
      capacity.kind === 'pool' ? capacity.servers : capacity.kind === 'sharing' ? capacity.knee : Infinity
    for (const change of model.changes ?? []) agenda.at(change.atSeconds * 1000, () => this.#change(change))
  }

  get inFlight(): number {
    return this.#running.size + this.#waiting.length - this.#waitingFrom + this.#answering
  }

  begin(call: ToolCall, random: Random): void {
    const { service } = this.#model
    // The same numbers are drawn whatever happens to the call, because a request's random numbers must not depend on the law.
    const [workMs, errorDraw, hangDraw] = [random.work(service), random.next(), random.next()]
    const retryAfterMs = this.#quota?.refuses(this.#agenda.nowMs)
    if (retryAfterMs !== undefined) {
      const said = this.#model.quota?.saysRetryAfter === true ? retryAfterMs : undefined
      return this.#answer(call, { kind: 'throttled', retryAfterMs: said }, FAST_ANSWER_MS)
    }
    if (errorDraw < this.#now.errorRatio) return this.#answer(call, ERROR, this.#now.errorMs)
    call.workMs = workMs + (hangDraw < this.#now.hangRatio ? this.#now.hangSeconds * 1000 : 0)
    this.#progress()
    if (this.#hasRoom()) this.#start(call)
    else this.#waiting.push(call)
    this.#arm()
  }

  /** The caller of this call has left. */
  abandon(call: ToolCall): void {
    call.isAbandoned = true
    if ((this.#model.abandoned ?? 'goes_on') === 'goes_on') return
    this.#progress()
    if (this.#running.remove(call)) {
      this.done.workMs += call.workMs - (call.dueAtMs - this.#work)
      this.done.wastedMs += call.workMs - (call.dueAtMs - this.#work)
    }
    this.#fill()
    this.#arm()
  }

  #answer(call: ToolCall, result: Result, afterMs: number): void {
    this.#answering++
    this.#agenda.at(this.#agenda.nowMs + afterMs, () => {
      this.#answering--
      call.done(result)
    })
  }

  #change(change: ToolChange): void {
    this.#progress()
    this.#capacity = change.capacity ?? this.#capacity
    this.#now = { ...this.#now, ...change }
    this.#fill()
    this.#arm()
  }

  #hasRoom(): boolean {
    return this.#model.capacity.kind !== 'pool' || this.#running.size < this.#capacity
  }

  #start(call: ToolCall): void {
    call.dueAtMs = this.#work + call.workMs
    this.#running.push(call)
  }

  #fill(): void {
    while (this.#waitingFrom < this.#waiting.length && this.#hasRoom()) {
      const call = this.#waiting[this.#waitingFrom++] as ToolCall
      if (!call.isAbandoned || (this.#model.abandoned ?? 'goes_on') === 'goes_on') this.#start(call)
    }
    if (this.#waitingFrom > 256) {
      this.#waiting = this.#waiting.slice(this.#waitingFrom)
      this.#waitingFrom = 0
    }
  }

  /** Milliseconds of work a running call gains in a millisecond. */
  #rate(): number {
    if (this.#now.frozen) return 0
    const load = this.#running.size / this.#capacity
    const { capacity } = this.#model
    if (capacity.kind !== 'sharing' || load <= 1) return 1 / this.#now.slowdown
    return 1 / load / (1 + capacity.fall * (load - 1)) / this.#now.slowdown
  }

  #progress(): void {
    const { nowMs } = this.#agenda
    this.#work += (nowMs - this.#workAtMs) * this.#rate()
    this.#workAtMs = nowMs
  }

  #arm(): void {
    const first = this.#running.peek()
    const rate = this.#rate()
    this.#dueAtMs =
      first === undefined || rate === 0
        ? Infinity
        : this.#agenda.nowMs + Math.max(0, (first.dueAtMs - this.#work) / rate)
    if (this.#dueAtMs < Infinity) this.#agenda.at(this.#dueAtMs, this.#finish)
  }

  /** Ends the calls that are due now; none if a later change has moved the due time. */
  readonly #finish = (): void => {
    if (this.#agenda.nowMs !== this.#dueAtMs) return
    const first = this.#running.peek()
    if (first === undefined) return
    this.#work = first.dueAtMs
    this.#workAtMs = this.#agenda.nowMs
    this.#running.remove(first)
    this.#fill()
    this.#arm()
    this.done.workMs += first.workMs
    if (first.isAbandoned) this.done.wastedMs += first.workMs
    first.done(OK)
  }
}
