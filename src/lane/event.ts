/**
 * The events of a lane. The core only emits them; observe/ counts, logs and shows them.
 * Times are milliseconds on the lane's clock.
 */
import type { Decision } from './limit/limiter.ts'
import type { Priority } from './priority.ts'
import type { EndCause, Verdict } from './reason.ts'

/** The lane at the moment of an event. */
export interface Depths {
  readonly queueDepth: number
  readonly active: number
  readonly limit: number
}

export type LaneEvent =
  /** A call was admitted: it runs now or waits. */
  | { readonly kind: 'admitted'; readonly queued: boolean }
  /** A lease began, after `waitedMs` in the queue. */
  | { readonly kind: 'started'; readonly waitedMs: number; readonly priority: Priority }
  /** A lease ended. */
  | { readonly kind: 'ended'; readonly cause: EndCause; readonly verdict: Verdict; readonly heldMs: number }
  /** A caller left while waiting. */
  | { readonly kind: 'left'; readonly waitedMs: number }
  /** The controller finished a window; `from` is the limit before. */
  | {
      readonly kind: 'decided'
      readonly algorithm: string
      readonly decision: Decision
      readonly from: number
      readonly depths: Depths
    }
  /** An operator paused, pinned or released the lane, or an order ended. */
  | { readonly kind: 'operated'; readonly paused: boolean; readonly pinned: boolean }
  /** Low-priority calls are refused from now on, or admitted again. */
  | { readonly kind: 'shedding'; readonly isOn: boolean }
  /** The tool asked callers to wait for `forMs` milliseconds, or accepts calls again. */
  | { readonly kind: 'throttled'; readonly isOn: boolean; readonly forMs: number }
  /** A lease was ended twice: counted, not obeyed. */
  | { readonly kind: 'ended_twice' }

export type LaneListener = (event: LaneEvent) => void
