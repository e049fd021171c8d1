/**
 * A lease as its holder sees it: one object for each call, made by the gate with the grant. Only the lane writes the
 * fields of the lease. After the lease has ended, the methods have no effect.
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

  /** Milliseconds on the clock: the last renewal. */
  get renewedAtMs(): number {
    return this.#lease.renewedAtMs
  }

  /** Milliseconds of silence after which this lease is reclaimed; undefined: the lane's setting. */
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

  /** Says whom the call waits for: a lease that runs out because of its caller says nothing about the tool. */
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

  /** Ends the lease. For a lease that the lane has reclaimed this does nothing and counts as no second end. */
  settle(end: LeaseEnd): void {
    if (!this.isOver) this.#gate.settle(this.#lease, end)
  }

  /** `stop` is called once if the lease is reclaimed. */
  onReclaimed(stop: () => void): void {
    this.#gate.lane.onReclaimed(this.#lease, stop)
  }
}
