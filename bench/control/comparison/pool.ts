/**
 * What stands where Spillway is missing: a pool of workers in front of an unbounded queue, first come first served. A
 * worker is busy until its job says that it is done; nothing expires, nothing is taken back. May serve several tools.
 */
import type { Visitor } from '../engine/sidecar.ts'
import type { Agenda } from '../engine/agenda.ts'

/** What jobs need of whatever lets them run: the simulation's sidecar is one, the pool another. */
export interface Scheduler {
  enter(visitor: Visitor, spread: number): unknown
}

export class WorkerPool implements Scheduler {
  readonly #agenda: Agenda
  readonly #waiting: Visitor[] = []
  #free: number

  constructor(workers: number, agenda: Agenda) {
    this.#agenda = agenda
    this.#free = workers
  }

  enter(visitor: Visitor): void {
    this.#waiting.push(visitor)
    this.#serve()
  }

  #settled(): void {
    this.#free++
    this.#serve()
  }

  #serve(): void {
    const { nowMs } = this.#agenda
    while (this.#free > 0) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#free--
      next.granted({ grantedAtMs: nowMs, answered: () => undefined, settle: () => this.#settled() })
    }
  }
}
