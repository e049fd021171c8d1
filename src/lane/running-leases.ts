/**
 * The running leases: how many there are, the sum of their ages, and which has been silent for too long. Decides nothing
 * about which calls may run; its owner keeps the limit.
 */
import { DeadlineHeap } from './deadline-heap.ts'
import { Lease } from './lease.ts'

/** A call that begins. Milliseconds. */
export interface Started {
  readonly queuedAtMs: number
  readonly leaseMs: number | undefined
  readonly agentOf?: (() => string | undefined) | undefined
}

export class RunningLeases {
  readonly #leases = new DeadlineHeap<Lease>()
  /** Milliseconds: the sum of the grant times, each moved on by the time in which the process stood still. */
  #grantTimesMs = 0

  get active(): number {
    return this.#leases.size
  }

  /** Milliseconds: the earliest moment at which a lease could run out; later renewals are not counted yet. */
  nextDueAtMs(): number {
    return this.#leases.peek()?.dueAtMs ?? Infinity
  }

  /** Milliseconds: the sum of the running leases' ages. */
  agesMs(nowMs: number): number {
    return this.active * nowMs - this.#grantTimesMs
  }

  /** `leaseMs` is the lane's setting; the call's own overrides it. */
  begin(call: Started, leaseMs: number, nowMs: number): Lease {
    const dueAtMs = nowMs + (call.leaseMs ?? leaseMs)
    const waitedMs = nowMs - call.queuedAtMs
    const lease = new Lease({
      grantedAtMs: nowMs,
      dueAtMs,
      waitedMs,
      leaseMs: call.leaseMs,
      agentOf: call.agentOf,
    })
    this.#leases.push(lease)
    this.#grantTimesMs += nowMs
    return lease
  }

  /** Removes a lease; false when it does not run any more. */
  end(lease: Lease): boolean {
    if (!this.#leases.remove(lease)) return false
    // The sum is reset whenever the lane is empty, so that rounding errors do not add up.
    this.#grantTimesMs = this.active === 0 ? 0 : this.#grantTimesMs - lease.grantedAtMs - lease.stoppedMs
    return true
  }

  /** This process stood still for `ms` until about now, which does not count as silence of the tool. */
  stopped(ms: number, nowMs: number): void {
    for (const lease of this.#leases.items()) {
      const sinceGrantMs = Math.min(ms, nowMs - lease.grantedAtMs - lease.stoppedMs)
      lease.stoppedMs += sinceGrantMs
      this.#grantTimesMs += sinceGrantMs
      lease.renewedAtMs += Math.min(ms, nowMs - lease.renewedAtMs)
    }
  }

  /** Removes one lease that has had no byte for `leaseMs`, or for its own time; undefined when there is none. */
  endSilent(leaseMs: number, nowMs: number): Lease | undefined {
    for (
      let lease = this.#leases.peek();
      lease !== undefined && lease.dueAtMs <= nowMs;
      lease = this.#leases.peek()
    ) {
      const dueAtMs = lease.renewedAtMs + (lease.leaseMs ?? leaseMs)
      if (dueAtMs <= nowMs) {
        this.end(lease)
        return lease
      }
      this.#leases.move(lease, dueAtMs)
    }
    return undefined
  }
}
