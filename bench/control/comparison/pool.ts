/**
 * What stands where Spillway is missing: a pool of workers in front of an unbounded queue, first come first served. A
 * worker is busy until its job says that it is done; nothing expires, nothing is taken back. May serve several tools.
 */
import { Lease } from '../../../src/lane/lease.ts'
import type { LeaseEnd } from '../../../src/lane/lease.ts'
import type { Visitor } from '../engine/sidecar.ts'
import type { Agenda } from '../engine/agenda.ts'

/** What jobs need of whatever lets them run: the simulation's sidecar is one, the pool another. */
export interface Scheduler {
  enter(visitor: Visitor, spread: number): unknown
  settle(lease: Lease, end: LeaseEnd): void
}

export class WorkerPool implements Scheduler {
  readonly #agenda: Agenda
  readonly #waiting: { readonly visitor: Visitor; readonly queuedAtMs: number }[] = []
  #free: number

  constructor(workers: number, agenda: Agenda) {
    this.#agenda = agenda
    this.#free = workers
  }

  enter(visitor: Visitor): void {
    this.#waiting.push({ visitor, queuedAtMs: this.#agenda.nowMs })
    this.#serve()
  }

  settle(): void {
    this.#free++
    this.#serve()
  }

  #serve(): void {
    const { nowMs } = this.#agenda
    while (this.#free > 0) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#free--
      next.visitor.granted(
        new Lease({
          grantedAtMs: nowMs,
          dueAtMs: Infinity,
          waitedMs: nowMs - next.queuedAtMs,
          leaseMs: undefined,
        }),
      )
    }
  }
}
