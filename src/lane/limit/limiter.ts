/**
 * What every concurrency law is to its lane: it hears of calls, and says from time to time what the limit should be
 * and why. Pure: time comes in, decisions come out. The lane clamps and applies them. Five verbs, none optional;
 * limit/create.ts knows the implementations.
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
  /** Milliseconds; absent when no call sent since the last change has been measured, or the law does not look at it. */
  readonly p95Ms?: number | undefined
  /** Milliseconds: the mean of the window's latencies. */
  readonly meanMs?: number | undefined
  /** Milliseconds: the middle of the calls that the law compared, running ones included. */
  readonly medianMs?: number | undefined
  /** Milliseconds: the latency that the law takes for the tool's own, without a queue inside it. */
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

/** A call as the law sees it while it runs: an identity, and what is known so far. The lane's lease is one. */
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
  /** Milliseconds the tool took; absent where there is no honest measurement. */
  readonly latencyMs?: number | undefined
  /** The tool asked callers to wait, as news or once more: no error and no latency. The lane sees to the waiting. */
  readonly pushback?: 'news' | 'known' | undefined
}

export interface Limiter {
  readonly algorithm: string
  /** A call was sent; `active` counts it. */
  sent(call: SentCall, active: number): void
  ended(call: SentCall, end: CallEnd, nowMs: number): void
  /** The next decision if one is due; the caller applies its limit. */
  step(limit: number, bounds: LimitRange, nowMs: number): Decision | undefined
  /** Somebody else moved the limit: what was sent before says nothing about it. */
  moved(nowMs: number): void
  /** Milliseconds: when `step` wants to be asked even if no call ends; Infinity when never. */
  wakeAtMs(limit: number): number
}
