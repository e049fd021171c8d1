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
  /** Milliseconds: last byte in either direction; later by the time in which this process stood still since then. */
  renewedAtMs: number
  /** Who has to move next: a lease that runs out because its caller stalled teaches nothing about the tool. */
  waitsFor: 'tool' | 'caller' = 'tool'
  /** How to stop the call; the lane never calls it, the gate does. */
  stop: (() => void) | undefined = undefined
  /** Milliseconds from grant to the tool's response head; undefined until it came. */
  answeredAfterMs: number | undefined = undefined
  /** Milliseconds since the grant in which this process stood still: nobody could have seen what the tool did. */
  stoppedMs = 0
  dueAtMs: number
  heapIndex = -1
  readonly grantedAtMs: number
  /** Milliseconds spent in the queue. */
  readonly waitedMs: number
  /** Milliseconds of silence that this lease may keep; undefined: what the lane allows. */
  readonly leaseMs: number | undefined
  /** Who calls; costs a hash, so it is asked only where that decides something. */
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

/** How a lease ended, said by whoever held it. */
export interface LeaseEnd {
  readonly cause: Exclude<EndCause, 'reclaimed'>
  readonly verdict: Verdict
  /**
   * Milliseconds the tool took; absent where there is no honest measurement (an error, an upgraded connection). Of a call
   * that its caller gave up (`cancelled`, `dropped`): how long the tool had it until then.
   */
  readonly latencyMs?: number | undefined
  /** The tool itself asked callers to wait. */
  readonly pushback?: Pushback | undefined
}

/** A lease's end as the lane learns from it, whoever ended it. */
export interface EndedLease {
  readonly cause: EndCause
  readonly verdict: Verdict
  readonly latencyMs?: number | undefined
  readonly pushback?: Pushback | undefined
}
