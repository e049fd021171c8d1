/**
 * A lease as its holder has it: one object for each call, made by the gate with the grant. The lane writes the lease's
 * fields; whatever the holder says after the lease is over changes nothing.
 */
import type { Lease, LeaseEnd } from '../lane/lease.ts'
import type { Gate } from './gate.ts'

export class LeaseHandle {
  readonly #gate: Gate
  readonly #lease: Lease

  constructor(gate: Gate, lease: Lease) {
    this.#gate = gate
    this.#lease = lease
  }

  /** Milliseconds on the clock. */
  get grantedAtMs(): number {
    return this.#lease.grantedAtMs
  }

  /** Milliseconds spent in the queue. */
  get waitedMs(): number {
    return this.#lease.waitedMs
  }

  /** Milliseconds on the clock: the last sign of life. */
  get renewedAtMs(): number {
    return this.#lease.renewedAtMs
  }

  /** Milliseconds of silence that this lease may keep; undefined: what the lane allows. */
  get leaseMs(): number | undefined {
    return this.#lease.leaseMs
  }

  /** The lease was settled or reclaimed. */
  get isOver(): boolean {
    return this.#lease.state !== 'running'
  }

  /** A byte went by, in whichever direction. */
  renew(): void {
    this.#gate.renew(this.#lease)
  }

  /** Says who has to move next, should the lease run out. */
  waitsFor(who: 'tool' | 'caller'): void {
    this.#gate.lane.waitsFor(this.#lease, who)
  }

  /** The tool's response head came, `afterMs` milliseconds after the grant. */
  answered(afterMs: number): void {
    this.#gate.lane.answered(this.#lease, afterMs)
  }

  /** See Lane.accepted. */
  accepted(): void {
    this.#gate.accepted(this.#lease)
  }

  /** Ends the lease. A reclaimed lease was ended by the lane already: its holder is late, which is no second end. */
  settle(end: LeaseEnd): void {
    if (!this.isOver) this.#gate.settle(this.#lease, end)
  }

  /** `stop` is called once if the lease is reclaimed. */
  onReclaimed(stop: () => void): void {
    this.#gate.lane.onReclaimed(this.#lease, stop)
  }
}
