/**
 * The configuration of one lane, validated by config/: the core trusts these values. All durations are milliseconds. Must
 * not know where they were written.
 */
import type { PrioritySettings } from './priority.ts'
import type { RateSettings } from './token-bucket.ts'

/** The seed document's control law and its figures; see limit/aimd.ts. */
export interface AimdSettings {
  readonly algorithm: 'aimd'
  /** Milliseconds. A window whose p95 is above this takes `decreaseBy` off the limit. */
  readonly decreaseAboveP95Ms: number
  /** Milliseconds. A window whose p95 is below this may add `increaseBy`. */
  readonly increaseBelowP95Ms: number
  /** Share of calls 0..1. A window above this halves the limit. */
  readonly halveAboveErrorRate: number
  /** Share of calls 0..1. Growth needs an error rate below this. */
  readonly increaseBelowErrorRate: number
  readonly decreaseBy: number
  readonly increaseBy: number
  /** Milliseconds. The shortest window that may close. */
  readonly windowMs: number
}

export interface FixedSettings {
  readonly algorithm: 'fixed'
}

/** limit/adaptive.ts: has no figures to set. */
export interface AdaptiveSettings {
  readonly algorithm: 'adaptive'
}

/** limit/gradient.ts: has no figures to set. */
export interface GradientSettings {
  readonly algorithm: 'gradient'
}

export type ControllerSettings = AdaptiveSettings | AimdSettings | FixedSettings | GradientSettings

export interface LaneSettings {
  readonly tool: string
  /** Tickets that may wait; with 0 no call ever waits. */
  readonly maxQueueDepth: number
  readonly minConcurrent: number
  readonly startConcurrent: number
  readonly maxConcurrent: number
  /** How long a ticket may wait before it is refused. */
  readonly ttlMs: number
  /** How long a lease may go without a byte before it is reclaimed. */
  readonly leaseMs: number
  readonly priority: PrioritySettings
  /** Bounds of the time to come back in refusals. */
  readonly retryAfter: { readonly minMs: number; readonly maxMs: number }
  readonly controller: ControllerSettings
  /** The call rate; undefined: no rate. */
  readonly rate: RateSettings | undefined
  /** Share of the recent calls that may be retries. */
  readonly retryBudgetRatio: number
}
