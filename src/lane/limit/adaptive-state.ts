/**
 * The state and the input of the law `adaptive`, and its constants with unit and reason. The values were found together by
 * simulation (bench/control, set `eleven`) and depend on no tool; changing one means simulating all again.
 * Units: milliseconds and calls; shares 0..1; sigma is a standard deviation of ln(latency).
 */
import type { Reading } from './cohort.ts'
import type { ActionReason, LimitRange } from './limiter.ts'

/** A change of the limit on trial: kept or undone when enough calls sent after it have been answered. */
export type Trial =
  /** Latency was high; does it fall with the limit? `from` calls were in flight, `inTool` of them unanswered. */
  | {
      readonly kind: 'cut'
      readonly startedAtMs: number
      readonly from: number
      readonly inTool: number
      readonly limitBefore: number
    }
  /** The lane was full before an uncongested latency was known: the limit is halved to measure one. */
  | { readonly kind: 'calibration'; readonly startedAtMs: number; readonly from: number }
  /** Only latency blocks growth: a higher limit shows whether latency depends on it. */
  | { readonly kind: 'probe'; readonly startedAtMs: number; readonly from: number; readonly medianMs: number }

/** Halvings because of errors, until it is known whether the errors depend on load. */
export interface ErrorTrial {
  readonly limitBefore: number
  readonly errorRate: number
  readonly halvings: number
}

export interface LawState {
  /** Calls; fractional. The lane gets it rounded down. */
  readonly limit: number
  /** Milliseconds: the tool's own latency, without a queue inside it; undefined while unknown. */
  readonly baseMs: number | undefined
  /** Answered calls from which base was computed. */
  readonly baseCalls: number
  /** Milliseconds: a slow mean of the median; base falls with it. */
  readonly averageMs: number
  readonly sigma: number
  /** Share of the limit that the next growth step adds. */
  readonly growth: number
  /** The limit before the latest big growth step, while that step may still be undone. */
  readonly undoLimit: number | undefined
  readonly trial: Trial | undefined
  readonly errorTrial: ErrorTrial | undefined
  /** An error rate that does not depend on load; 0 when there is none. */
  readonly toleratedErrorRate: number
  /** An uncongested latency has been seen. */
  readonly isCalibrated: boolean
  /** Milliseconds on the clock: latencies of calls sent before do not count. */
  readonly changedAtMs: number
  /** Milliseconds on the clock: the start of the round. A round allows one growth step and resets the counters. */
  readonly roundAtMs: number
  /** Milliseconds on the clock: since when only latency has blocked growth; undefined while it does not. */
  readonly blockedSinceMs: number | undefined
  readonly probeNotBeforeMs: number
  readonly probeWaitMs: number
}

/** The lane at one moment. */
export interface Sample {
  readonly nowMs: number
  /** Calls sent since the last change that ended in this round, and how many of them failed or were given up. */
  readonly calls: number
  readonly failed: number
  /** The failed calls that their callers gave up, because the tool was too slow. */
  readonly abandoned: number
  /** Calls that ended in this round, whenever they were sent. */
  readonly ended: number
  /** Most calls in flight in this round, and in this or the last one. */
  readonly peak: number
  readonly used: number
  /** Share of the calls in flight that wait for the tool; the answers of the others are being read. */
  readonly inToolRatio: number
  /** Answers per millisecond. */
  readonly perMs: number
  readonly fast: Reading
  readonly slow: Reading
  /** The reading of the calls sent before the running trial; undefined without a trial. */
  readonly before: Reading | undefined
}

/** The state while one step changes it. */
export type Draft = { -readonly [Key in keyof LawState]: LawState[Key] }

export interface Context {
  readonly draft: Draft
  readonly sample: Sample
  readonly bounds: LimitRange
}

/** Milliseconds between two steps. */
export const STEP_MS = 500

/** Calls in the cohorts: `fast` shows a jump early, `slow` a drift reliably. Each holds at least this many times the flight. */
export const FAST_CALLS = 24
export const FAST_PER_ACTIVE = 1.25
export const SLOW_CALLS = 128
export const SLOW_PER_ACTIVE = 2
/** Milliseconds: the slow cohort of a busy lane holds the calls of this time, up to a bound that keeps a step cheap. */
export const SLOW_SPAN_MS = 1000
export const SLOW_SPAN_CALLS = 512

/** Answers needed to act on a latency, to judge a cut or a calibration, and to end a test that stays undecided. */
export const ANSWERS_TO_ACT = 12
export const ANSWERS_TO_JUDGE = 16
export const ANSWERS_TO_CLOSE = 64
/** Answers for a first base. */
export const ANSWERS_FOR_BASE = 8
/** Calls needed for a bound where there is no median. */
export const CALLS_FOR_BOUND = 16

/** Growth needs a latency below base x this, plus one standard error. */
export const GROW_BELOW = 1.1
export const GROW_ERRORS = 1
/** Above base x this, plus one standard error, the limit falls by a small share each round. */
export const CREEP_ABOVE = 1.2
export const CREEP_SHARE = 0.03
/** The brake needs a latency above base x this, plus three standard errors. */
export const BRAKE_ABOVE = 1.25
export const BRAKE_ERRORS = 3
/** Smallest and largest share of the calls inside the tool that one cut removes. */
export const SMALLEST_CUT = 0.2
export const LARGEST_CUT = 0.5
/** A cut is confirmed if latency fell by at least this share of the fall that concurrency predicts. */
export const CONFIRMING_SHARE = 0.5

/** The first growth step as a share of the limit, at least one call; doubles with each step that latency did not follow. */
export const FIRST_GROWTH = 0.03
export const LARGEST_GROWTH = 0.5
/** Growth steps above this share can be undone. */
export const UNDOABLE_GROWTH = 0.1
/** The limit counts as used if at least this share of it is in flight. */
export const USED_RATIO = 0.8
/** Below this share in flight the limit does not cause the queue inside the tool: no brake, and base follows the reading. */
export const IDLE_RATIO = 0.5
/** Answers over which base may fall or, while it is new, follow the readings. */
export const BASE_MEMORY = 200

/** Milliseconds for which growth is blocked before a probe, doubled after each failed probe up to the longest. */
export const PROBE_AFTER_MS = 10_000
export const PROBE_WAIT_MS = 15_000
export const LONGEST_PROBE_WAIT_MS = 120_000
export const PROBE_GROWTH = 0.25
/** A probe is kept if latency grew by less than this share of the growth that concurrency predicts. */
export const PROBE_ELASTICITY = 0.35

/** The limit is halved if the error rate is above this by two standard errors. */
export const ERROR_RATE = 0.1
export const CALLS_FOR_ERRORS = 10
/** A halving helped if the error rate fell by at least this share. */
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

/** Moves the limit. Calls sent before are not used to judge it. */
export function move({ draft, sample, bounds }: Context, limit: number, reason: ActionReason): ActionReason {
  draft.limit = Math.min(bounds.max, Math.max(bounds.min, limit))
  draft.changedAtMs = sample.nowMs
  draft.roundAtMs = sample.nowMs
  return reason
}
