/**
 * What every concurrency law is to its lane: it hears of calls, and says from time to time what the limit should be
 * and why. Pure: time comes in, decisions come out. The lane clamps and applies them.
 */
import type { Verdict } from '../reason.ts'

export type Action = 'increase_concurrency' | 'decrease_concurrency' | 'hold'

/** Why a limit moved or stayed; a closed set, used as a metric label. */
export type ActionReason =
  | 'error_rate_high'
  | 'latency_high'
  | 'latency_low'
  | 'in_band'
  | 'no_latency'
  | 'limit_not_used'
  | 'at_minimum'
  | 'at_maximum'
  | 'operator'
  | 'configuration'

/** The figures that a decision was made on. */
export interface Figures {
  readonly calls: number
  /** Share 0..1. */
  readonly errorRate: number
  /** Milliseconds; absent when no call sent since the last change has been measured. */
  readonly p95Ms?: number | undefined
}

export interface Decision {
  readonly limit: number
  readonly action: Action
  readonly reason: ActionReason
  readonly figures: Figures
}

export interface Bounds {
  readonly min: number
  readonly max: number
}

/** A call as the law sees it. */
export interface EndedCall {
  readonly sentAtMs: number
  readonly verdict: Verdict
  readonly latencyMs: number | undefined
}

export interface Limiter {
  readonly algorithm: string
  /** A call was sent; `active` counts it, `waited` says that it stood in the queue first. */
  sent(active: number, waited: boolean): void
  ended(call: EndedCall, nowMs: number): void
  /** The next decision if one is due; the caller applies its limit. */
  step(limit: number, bounds: Bounds, nowMs: number): Decision | undefined
  /** Somebody else moved the limit: what was sent before says nothing about it. */
  moved(nowMs: number): void
  /** Milliseconds: when `step` wants to be asked even if no call ends; Infinity when never. */
  wakeAtMs(limit: number): number
}
