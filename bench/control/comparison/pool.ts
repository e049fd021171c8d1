/**
 * The setup without Spillway: a pool of workers with an unbounded queue, first in first out. A worker is busy until its
 * job ends; no job expires and no worker is reclaimed. A pool may serve several tools.
 */
import type { Visitor } from '../engine/sidecar.ts'
import type { Agenda } from '../engine/agenda.ts'

/** Whatever lets jobs run: the simulation's sidecar or the pool. */
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
