/**
 * The interface of a concurrency law. A law is told of calls and decides from time to time what the limit should be and
 * why. Pure: time is an argument, decisions are return values, and the lane clamps and applies them. create.ts makes the
 * implementations.
 */
import type { EndCause, Verdict } from '../reason.ts'

export type Action = 'increase_concurrency' | 'decrease_concurrency' | 'hold'

/** Why a limit moved or stayed; a closed set, used as a metric label. */
export const ACTION_REASONS = [
  // aimd, and what all laws share
  'error_rate_high',
  'latency_high',
  'latency_low',
  'in_band',
  'no_latency',
  'limit_not_used',
  'at_minimum',
  'at_maximum',
  // adaptive: see limit/adaptive-law.ts
  'learning',
  'calibrating',
  'calibrated',
  'testing',
  'cut_confirmed',
  'cut_disproved',
  'growth_undone',
  'probing',
  'probe_confirmed',
  'probe_disproved',
  'errors_unrelated',
  'throttled',
  // gradient
  'gradient_down',
  'gradient_up',
  // not the law's
  'operator',
  'configuration',
] as const

export type ActionReason = (typeof ACTION_REASONS)[number]

/** The figures that a decision was made on. */
export interface Figures {
  readonly calls: number
  /** Share 0..1. */
  readonly errorRate: number
  /** Milliseconds; absent when no call sent since the last change has been measured, or when the law does not use it. */
  readonly p95Ms?: number | undefined
  /** Milliseconds: the mean of the window's latencies. */
  readonly meanMs?: number | undefined
  /** Milliseconds: the median of the calls that the law compared, running ones included. */
  readonly medianMs?: number | undefined
  /** Milliseconds: the law's estimate of the tool's latency without a queue inside it. */
  readonly baseMs?: number | undefined
}

export interface Decision {
  readonly limit: number
  readonly action: Action
  readonly reason: ActionReason
  readonly figures: Figures
}

export interface LimitRange {
  readonly min: number
  readonly max: number
}

/** A running call as the law sees it: an identity and what is known so far. The lane passes its lease. */
export interface SentCall {
  readonly grantedAtMs: number
  /** Milliseconds spent in the queue. */
  readonly waitedMs: number
  /** Milliseconds from grant to the tool's response head; undefined until it came. */
  readonly answeredAfterMs?: number | undefined
}

export interface CallEnd {
  readonly cause: EndCause
  readonly verdict: Verdict
  /** Milliseconds that the tool took; absent where it was not measured. */
  readonly latencyMs?: number | undefined
  /** The tool asked callers to wait: a new loss or a known one. Neither error nor latency; the throttle reacts to it. */
  readonly pushback?: 'news' | 'known' | undefined
}

export interface Limiter {
  readonly algorithm: string
  /** A call was sent; `active` includes it. */
  sent(call: SentCall, active: number): void
  ended(call: SentCall, end: CallEnd, nowMs: number): void
  /** The next decision if one is due; the caller applies its limit. */
  step(limit: number, bounds: LimitRange, nowMs: number): Decision | undefined
  /** The limit was moved by other means than a decision. Calls sent before must not be used to judge it. */
  moved(nowMs: number): void
  /** Milliseconds on the clock: when `step` has to be called even if no call ends; Infinity when never. */
  wakeAtMs(limit: number): number
}
