/**
 * Leases that workers hold for work that is no call through the proxy: a sandbox, a browser session, a command. They go
 * through the same lane and queue as calls. As many are known as the lanes' limits allow, and each is forgotten at its end.
 */
import { randomUUID } from 'node:crypto'
import type { LeaseHandle } from '../gate/lease-handle.ts'
import { NOT_USED } from '../lane/lease.ts'
import type { Outcome, Verdict } from '../lane/reason.ts'
import type { Drain } from '../listen/drain.ts'
import type { LeaseRequest } from '../listen/lease-request.ts'
import { leaseGranted } from '../reply/notice.ts'
import type { Clock } from '../time/clock.ts'
import type { Call } from './call.ts'

export interface WorkerLeasesParts {
  readonly drain: Drain
  readonly clock: Clock
  /** More runs in this lane than the fleet has slots for it. */
  readonly isBeyondFleet: (tool: string, active: number) => boolean
}

interface HeldLease {
  readonly id: string
  readonly jobId: string | undefined
  readonly call: Call
  readonly lease: LeaseHandle
  /** Fencing token: greater than that of any lease before, so that a store can tell a late holder from the present one. */
  readonly epoch: number
}

export class WorkerLeases {
  readonly #parts: WorkerLeasesParts
  readonly #held = new Map<string, HeldLease>()
  #epoch = 0

  constructor(parts: WorkerLeasesParts) {
    this.#parts = parts
  }

  /** The worker gets the lease of its call, and holds it until it ends or does not renew it. */
  grant(call: Call, { jobId }: LeaseRequest, lease: LeaseHandle): void {
    const { clock, drain } = this.#parts
    this.#epoch = Math.max(this.#epoch + 1, Math.floor(clock.wallMs()))
    const held = { id: randomUUID(), jobId, call, lease, epoch: this.#epoch }
    this.#held.set(held.id, held)
    // A shutdown waits for the lease, after the exchange that asked for it.
    drain.enter()
    const giveBack = (): void => void this.end(held.id, 'ignored')
    call.move({ kind: 'running', attempt: { mayHaveRun: false, callerLeft: () => undefined, giveBack } })
    // A worker that stalled says nothing about the tool.
    lease.waitsFor('caller')
    lease.onReclaimed(call.contained(() => this.#over(held, 'broken')))
    // It may be held for hours: a lane that waits to see what comes of one call cannot wait for that.
    lease.accepted()
    const { status, headers, body } = leaseGranted(this.#show(held), held.id)
    call.caller.head({ status, headers })
    call.caller.end(body)
  }

  /** The lease as it is now; undefined when it is not held any more. */
  renew(id: string): object | undefined {
    const held = this.#held.get(id)
    if (held === undefined) return undefined
    if (this.#isLost(held)) {
      held.lease.settle(NOT_USED)
      this.#over(held, 'broken')
      return undefined
    }
    held.lease.renew()
    return this.#show(held)
  }

  /** A call that runs goes to its end, but a worker may go on for hours: it is told when its slot is another sidecar's. */
  #isLost({ call: { tool } }: HeldLease): boolean {
    return this.#parts.isBeyondFleet(tool.tool, tool.gate.lane.depths().active)
  }

  /** A second end changes nothing, whatever it says. */
  end(id: string, verdict: Verdict): boolean {
    const held = this.#held.get(id)
    if (held === undefined) return false
    const heldMs = this.#parts.clock.nowMs() - held.lease.grantedAtMs
    const latencyMs = verdict === 'ok' ? heldMs : undefined
    held.lease.settle({ cause: 'completed', verdict, latencyMs })
    this.#over(held, 'completed')
    return true
  }

  #over(held: HeldLease, outcome: Outcome): void {
    if (!this.#held.delete(held.id)) return
    this.#parts.drain.leave()
    held.call.end(outcome, this.#parts.clock.nowMs() - held.lease.grantedAtMs)
  }

  #show({ id, jobId, call, lease, epoch }: HeldLease): object {
    const { nowMs, wallMs } = this.#parts.clock
    const leaseMs = lease.leaseMs ?? call.tool.settings.lane.leaseMs
    const renewedMs = wallMs() + (lease.renewedAtMs - nowMs())
    return {
      lease_id: id,
      tool: call.tool.tool,
      job_id: jobId ?? null,
      expires_at: new Date(renewedMs + leaseMs).toISOString(),
      heartbeat_at: new Date(renewedMs).toISOString(),
      epoch,
    }
  }
}
