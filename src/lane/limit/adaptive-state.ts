/**
 * What the law `adaptive` remembers, what it is shown, and its constants with unit and reason. Their values were found
 * by simulation (bench/control, set `eleven`) and are one frozen set: nothing here depends on a tool.
 * Units: milliseconds and calls; shares 0..1; sigma is a standard deviation of ln(latency).
 */
import type { Reading } from './cohort.ts'
import type { ActionReason, LimitRange } from './limiter.ts'

/** A change of the limit on trial: kept or taken back when enough calls sent after it have been answered. */
export type Trial =
  /** Latency was high: does it fall with the limit? `from` calls were in flight, `inTool` of them not yet answered. */
  | {
      readonly kind: 'cut'
      readonly startedAtMs: number
      readonly from: number
      readonly inTool: number
      readonly limitBefore: number
    }
  /** The lane was full before an uncongested latency was known: half the limit, to see one. */
  | { readonly kind: 'calibration'; readonly startedAtMs: number; readonly from: number }
  /** Latency alone blocks growth: a higher limit, to see whether it has to. */
  | { readonly kind: 'probe'; readonly startedAtMs: number; readonly from: number; readonly medianMs: number }

/** Halvings because of errors, until errors are seen to follow load or not to. */
export interface ErrorTrial {
  readonly limitBefore: number
  readonly errorRate: number
  readonly halvings: number
}

export interface LawState {
  /** Calls; fractional, the lane gets it rounded down. */
  readonly limit: number
  /** Milliseconds: the tool's own latency, without a queue inside it; undefined while unknown. */
  readonly baseMs: number | undefined
  /** Answered calls that base stands on. */
  readonly baseCalls: number
  /** Milliseconds: a slow mean of the median; base sinks with it. */
  readonly averageMs: number
  readonly sigma: number
  /** Share of the limit that the next growth step adds. */
  readonly growth: number
  /** The limit before the latest big growth step, while that may still be undone. */
  readonly undoLimit: number | undefined
  readonly trial: Trial | undefined
  readonly errorTrial: ErrorTrial | undefined
  /** An error rate that does not follow load; 0 without. */
  readonly toleratedErrorRate: number
  /** An uncongested latency has been seen. */
  readonly isCalibrated: boolean
  /** Milliseconds: latencies of calls sent before do not count. */
  readonly changedAtMs: number
  /** Milliseconds: a round is one chance to grow; counters start anew with it. */
  readonly roundAtMs: number
  /** Milliseconds: since when only latency has blocked growth; undefined while it does not. */
  readonly blockedSinceMs: number | undefined
  readonly probeNotBeforeMs: number
  readonly probeWaitMs: number
}

/** What the lane looked like at one moment. */
export interface Sample {
  readonly nowMs: number
  /** Calls sent since the last change that ended in this round, and how many of them failed or were given up. */
  readonly calls: number
  readonly failed: number
  /** Those of the failed whose callers gave up: the tool was too slow for them. */
  readonly abandoned: number
  /** Calls that ended in this round, whenever they were sent. */
  readonly ended: number
  /** Most calls in flight in this round, and in this or the last one. */
  readonly peak: number
  readonly used: number
  /** Share of the calls in flight that wait for the tool; the others are being read by their callers. */
  readonly inToolRatio: number
  /** Answers a millisecond. */
  readonly perMs: number
  readonly fast: Reading
  readonly slow: Reading
  /** Of the calls sent before the trial that runs; undefined without a trial. */
  readonly before: Reading | undefined
}

/** A state being worked on within one step; nobody else holds it. */
export type Draft = { -readonly [Key in keyof LawState]: LawState[Key] }

export interface Context {
  readonly draft: Draft
  readonly sample: Sample
  readonly bounds: LimitRange
}

/** Milliseconds between two looks. */
export const STEP_MS = 500

/** Calls in the cohorts: `fast` sees a jump early, `slow` a drift surely; both at least this many times the calls in flight. */
export const FAST_CALLS = 24
export const FAST_PER_ACTIVE = 1.25
export const SLOW_CALLS = 128
export const SLOW_PER_ACTIVE = 2
/** A busy lane's slow cohort holds the calls of this many milliseconds, up to a bound that keeps a step cheap. */
export const SLOW_SPAN_MS = 1000
export const SLOW_SPAN_CALLS = 512

/** Answers needed to act on a latency, to judge a cut or a calibration, and to end a test that stays undecided. */
export const ANSWERS_TO_ACT = 12
export const ANSWERS_TO_JUDGE = 16
export const ANSWERS_TO_CLOSE = 64
/** Answers that a first base stands on. */
export const ANSWERS_FOR_BASE = 8
/** A bound instead of a median needs this many calls. */
export const CALLS_FOR_BOUND = 16

/** Growth needs latency below base x this, and one standard error. */
export const GROW_BELOW = 1.1
export const GROW_ERRORS = 1
/** Above base x this, and one standard error, the limit gives way by a small share a round. */
export const CREEP_ABOVE = 1.2
export const CREEP_SHARE = 0.03
/** The brake needs latency above base x this, and three standard errors. */
export const BRAKE_ABOVE = 1.25
export const BRAKE_ERRORS = 3
/** One cut takes this share of the calls inside the tool away at least and at most. */
export const SMALLEST_CUT = 0.2
export const LARGEST_CUT = 0.5
/** A cut is confirmed when latency fell by at least this share of what concurrency predicts. */
export const CONFIRMING_SHARE = 0.5

/** First growth step as a share of the limit (at least one call); doubles with every step that was right. */
export const FIRST_GROWTH = 0.03
export const LARGEST_GROWTH = 0.5
/** Growth steps above this share can be undone. */
export const UNDOABLE_GROWTH = 0.1
/** The limit counts as used from this share of it in flight. */
export const USED_RATIO = 0.8
/** Below this share in flight a queue inside the tool is none of the limit's doing: no brake, and base is what is seen. */
export const IDLE_RATIO = 0.5
/** Answers over which base may sink or, while fresh, follow. */
export const BASE_MEMORY = 200

/** Milliseconds that growth is blocked before a probe, and between probes that failed, doubling to the longest. */
export const PROBE_AFTER_MS = 10_000
export const PROBE_WAIT_MS = 15_000
export const LONGEST_PROBE_WAIT_MS = 120_000
export const PROBE_GROWTH = 0.25
/** A probe is kept when latency grew by less than this share of what concurrency predicts. */
export const PROBE_ELASTICITY = 0.35

/** Error rate above which, by two standard errors, the limit is halved. */
export const ERROR_RATE = 0.1
export const CALLS_FOR_ERRORS = 10
/** A halving helped when it took at least this share of the error rate away. */
export const ERROR_FALL = 0.2
export const HALVINGS = 2

export const SIGMA_RANGE = [0.15, 1.5] as const
const UNKNOWN_SIGMA = 0.5

export function initialState(limit: number, nowMs: number): LawState {
  return {
    limit,
    baseMs: undefined,
    baseCalls: 0,
    averageMs: 0,
    sigma: UNKNOWN_SIGMA,
    growth: LARGEST_GROWTH,
    undoLimit: undefined,
    trial: undefined,
    errorTrial: undefined,
    toleratedErrorRate: 0,
    isCalibrated: false,
    changedAtMs: nowMs,
    roundAtMs: nowMs,
    blockedSinceMs: undefined,
    probeNotBeforeMs: 0,
    probeWaitMs: PROBE_WAIT_MS,
  }
}

/** Standard error of ln(median) of so many answers. */
export function noise(sigma: number, answers: number): number {
  return (1.25 * sigma) / Math.sqrt(Math.max(1, answers))
}

/** Moves the limit: calls sent before say nothing about it any more. */
export function move({ draft, sample, bounds }: Context, limit: number, reason: ActionReason): ActionReason {
  draft.limit = Math.min(bounds.max, Math.max(bounds.min, limit))
  draft.changedAtMs = sample.nowMs
  draft.roundAtMs = sample.nowMs
  return reason
}
