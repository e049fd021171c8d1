/**
 * The leases that run now: how many, how old together, and which has gone silent for too long. Decides nothing about
 * who may run; its owner keeps the limit.
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
  /** Milliseconds: sum of the grant times, for the mean age at O(1); a stop of the process moves them on. */
  #grantTimesMs = 0

  get active(): number {
    return this.#leases.size
  }

  /** Milliseconds: the earliest moment at which a lease could run out; bytes may have moved it by then. */
  nextDueAtMs(): number {
    return this.#leases.peek()?.dueAtMs ?? Infinity
  }

  /** Milliseconds: the running leases' ages, added up. */
  agesMs(nowMs: number): number {
    return this.active * nowMs - this.#grantTimesMs
  }

  /** `leaseMs` is the lane's; the call's own goes before it. */
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

  /** Takes a lease out; false when it is not running any more. */
  end(lease: Lease): boolean {
    if (!this.#leases.remove(lease)) return false
    // Starting again from 0 whenever the lane is empty keeps rounding errors from adding up.
    this.#grantTimesMs = this.active === 0 ? 0 : this.#grantTimesMs - lease.grantedAtMs - lease.stoppedMs
    return true
  }

  /** This process stood still for `ms` until about now: that is no silence of the tool's. */
  stopped(ms: number, nowMs: number): void {
    for (const lease of this.#leases.items()) {
      const sinceGrantMs = Math.min(ms, nowMs - lease.grantedAtMs - lease.stoppedMs)
      lease.stoppedMs += sinceGrantMs
      this.#grantTimesMs += sinceGrantMs
      lease.renewedAtMs += Math.min(ms, nowMs - lease.renewedAtMs)
    }
  }

  /** Takes out one lease that has had no byte for `leaseMs`, or its own time; undefined when there is none. */
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
