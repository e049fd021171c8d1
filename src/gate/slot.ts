/**
 * A lease as forwarding holds it: the gate's methods bound to one lease, made harmless once the lease is over.
 */
import type { Lease, LeaseEnd } from '../lane/lease.ts'
import type { Gate } from './gate.ts'

export class LeaseSlot {
  readonly #gate: Gate
  readonly #lease: Lease

  constructor(gate: Gate, lease: Lease) {
    this.#gate = gate
    this.#lease = lease
  }

  renew(): void {
    this.#gate.renew(this.#lease)
  }

  waitsFor(who: 'tool' | 'caller'): void {
    this.#lease.waitsFor = who
  }

  answered(afterMs: number): void {
    this.#lease.answeredAfterMs = afterMs
  }

  accepted(): void {
    this.#gate.accepted(this.#lease)
  }

  settle(end: LeaseEnd): void {
    // A reclaimed lease was ended by the lane; what its holder says afterwards is no second end, only late.
    if (this.#lease.state === 'running') this.#gate.settle(this.#lease, end)
  }

  onReclaimed(stop: () => void): void {
    this.#lease.stop = stop
  }
}
