/**
 * The right to run one request now. Only the lane writes its fields. A renewal writes `renewedAtMs`, and the lane reads
 * that only when the lease would otherwise run out, so that renewing costs one assignment. Ends exactly once.
 */
import type { Due } from './deadline-heap.ts'
import type { EndCause, Verdict } from './reason.ts'
import type { Pushback } from './throttle.ts'

export type LeaseState = 'running' | EndCause

export interface LeaseFacts {
  readonly grantedAtMs: number
  readonly dueAtMs: number
  readonly waitedMs: number
  readonly leaseMs: number | undefined
  readonly agentOf?: (() => string | undefined) | undefined
}

export class Lease implements Due {
  state: LeaseState = 'running'
  /** Milliseconds: the last byte in either direction, moved on by the time in which this process stood still since then. */
  renewedAtMs: number
  /** Whom the call waits for: a lease that runs out because its caller stalled says nothing about the tool. */
  waitsFor: 'tool' | 'caller' = 'tool'
  /** How to stop the call; the lane never calls it, the gate does. */
  stop: (() => void) | undefined = undefined
  /** Milliseconds from grant to the tool's response head; undefined until it came. */
  answeredAfterMs: number | undefined = undefined
  /** Milliseconds since the grant in which this process stood still and could not see what the tool did. */
  stoppedMs = 0
  dueAtMs: number
  heapIndex = -1
  readonly grantedAtMs: number
  /** Milliseconds spent in the queue. */
  readonly waitedMs: number
  /** Milliseconds of silence after which this lease is reclaimed; undefined: the lane's setting. */
  readonly leaseMs: number | undefined
  /** Names the agent; costs a hash, so it is asked only where the agent decides something. */
  readonly agentOf: (() => string | undefined) | undefined

  constructor({ grantedAtMs, dueAtMs, waitedMs, leaseMs, agentOf }: LeaseFacts) {
    this.grantedAtMs = grantedAtMs
    this.renewedAtMs = grantedAtMs
    this.dueAtMs = dueAtMs
    this.waitedMs = waitedMs
    this.leaseMs = leaseMs
    this.agentOf = agentOf
  }
}

/** How a lease ended, as its holder reports it. */
export interface LeaseEnd {
  readonly cause: Exclude<EndCause, 'reclaimed'>
  readonly verdict: Verdict
  /**
   * Milliseconds that the tool took; absent where it was not measured (an error, an upgraded connection). For a call that
   * its caller gave up (`cancelled`, `dropped`): how long the tool had the call until then.
   */
  readonly latencyMs?: number | undefined
  /** The tool itself asked callers to wait. */
  readonly pushback?: Pushback | undefined
}

/** The end of a lease that its holder did not use, or uses no longer: it says nothing about the tool. */
export const NOT_USED: LeaseEnd = Object.freeze({ cause: 'cancelled', verdict: 'ignored' })

/** How a lease ended, also when the lane itself reclaimed it. */
export interface EndedLease {
  readonly cause: EndCause
  readonly verdict: Verdict
  readonly latencyMs?: number | undefined
  readonly pushback?: Pushback | undefined
}
