/**
 * The law `adaptive`, one pure step every half second. R is the Kaplan-Meier median of calls by time of sending since
 * the last change of the limit; noise is its standard error in ln.
 *
 *     1 errors        limit / 2, restored when that does not help                      adaptive-errors.ts
 *     2 base          learned from the first answers
 *     3 trial         judged once its calls are answered                               adaptive-trial.ts
 *     4 brake         fast or slow R > base x 1.25 x e^(3 noise) while half of the limit is used: undo a growth step or a
 *                     probe, else cut by Little's law
 *     5 round         once every R: base follows calm and idle readings; a limit that is used grows while
 *                     R <= base x 1.1 x e^noise, by a step that doubles from 3 % to 50 %; above 1.2 it falls by 3 %
 *
 * States: learning (no base), calibrating, trial of a cut or a probe, free. Units: milliseconds and calls.
 */
import { answerErrors, toleratesErrors } from './adaptive-errors.ts'
import * as K from './adaptive-state.ts'
import type { Context, Draft, LawState, Sample } from './adaptive-state.ts'
import { beginCalibration, beginCut, beginProbe, endProbe, judgeTrial } from './adaptive-trial.ts'
import type { Reading } from './cohort.ts'
import type { ActionReason, LimitRange } from './limiter.ts'

export interface Next {
  readonly state: LawState
  readonly reason: ActionReason
}

/** Distance from quartile to median of a lognormal distribution, in standard deviations. */
const QUARTILE_SIGMAS = 0.674
const SIGMA_WEIGHT = 0.1
/** A lane that leaves its limit unused for this many answers has shown an uncongested latency. */
const ANSWERS_UNCONGESTED = 48
const ANSWERS_TO_CALIBRATE = 24
/** If latency rose this much with the first growth step, the step began with a queue inside the tool. */
const FULLY_ELASTIC = 0.7
/** Weight of a reading on base while one call at a time runs, which cannot queue behind another. */
const ALONE_ANSWERS = 32
const LARGEST_WEIGHT = 0.5

export function nextState(state: LawState, sample: Sample, bounds: LimitRange): Next {
  const draft: Draft = { ...state }
  const context: Context = { draft, sample, bounds }
  const reason =
    answerErrors(context) ??
    learn(context) ??
    judgeTrial(context) ??
    brake(context) ??
    nextRound(context, state)
  return { state: draft, reason }
}

function learn({ draft, sample: { slow } }: Context): ActionReason | undefined {
  const isReady =
    !slow.isBound && slow.answered >= (draft.baseMs === undefined ? K.ANSWERS_FOR_BASE : K.ANSWERS_TO_ACT)
  if (draft.baseMs === undefined) {
    if (!isReady) return 'learning'
    draft.baseMs = draft.averageMs = slow.medianMs
    draft.baseCalls = slow.answered
    draft.sigma = sigmaOf(slow)
  } else if (isReady) draft.sigma += SIGMA_WEIGHT * (sigmaOf(slow) - draft.sigma)
  return undefined
}

function sigmaOf({ medianMs, quartileMs }: Reading): number {
  const [least, most] = K.SIGMA_RANGE
  if (quartileMs === undefined || quartileMs <= 0) return most
  return Math.min(most, Math.max(least, Math.log(medianMs / quartileMs) / QUARTILE_SIGMAS))
}

function isHot({ draft }: Context, reading: Reading): boolean {
  const isEnough = reading.isBound ? reading.calls >= K.CALLS_FOR_BOUND : reading.answered >= K.ANSWERS_TO_ACT
  const answers = reading.isBound ? reading.calls / 2 : reading.answered
  const aboveMs =
    (draft.baseMs ?? Infinity) * K.BRAKE_ABOVE * Math.exp(K.BRAKE_ERRORS * K.noise(draft.sigma, answers))
  return isEnough && reading.medianMs > aboveMs
}

function brake(context: Context): ActionReason | undefined {
  const { draft, sample, bounds } = context
  const { trial } = draft
  if (trial !== undefined && trial.kind !== 'probe') return undefined
  const hot = [sample.fast, sample.slow].find((reading) => isHot(context, reading))
  if (hot === undefined || draft.limit <= bounds.min) return undefined
  if (sample.used < K.IDLE_RATIO * Math.floor(draft.limit)) return undefined
  draft.growth = K.FIRST_GROWTH
  if (trial !== undefined) return endProbe(context, trial)
  return undo(context) ?? beginCut(context, hot)
}

/** Undoes the latest big growth step, once. */
function undo(context: Context): ActionReason | undefined {
  const { draft, sample } = context
  const { undoLimit } = draft
  if (undoLimit === undefined) return undefined
  draft.undoLimit = undefined
  if (!draft.isCalibrated && draft.baseMs !== undefined) {
    const elasticity = Math.log(sample.slow.medianMs / draft.baseMs) / Math.log(draft.limit / undoLimit)
    if (elasticity > FULLY_ELASTIC) return beginCalibration(context)
    draft.isCalibrated = true
  }
  return K.move(context, undoLimit, 'growth_undone')
}

function nextRound(context: Context, before: LawState): ActionReason {
  const { draft, sample, bounds } = context
  const { slow } = sample
  const isReady = !slow.isBound && slow.answered >= K.ANSWERS_TO_ACT
  const waiting = draft.trial === undefined ? (isReady ? 'in_band' : 'no_latency') : 'testing'
  if (!isReady || sample.nowMs - draft.roundAtMs < Math.max(K.STEP_MS, slow.medianMs)) return waiting
  const isCalm = followBase(context)
  draft.roundAtMs = sample.nowMs
  if (isCalm && draft.undoLimit !== undefined) {
    draft.isCalibrated = true
    draft.undoLimit = undefined
  }
  if (draft.trial !== undefined) return 'testing'
  if (sample.peak < K.USED_RATIO * Math.floor(draft.limit)) {
    if (slow.answered >= ANSWERS_UNCONGESTED) draft.isCalibrated = true
    return 'limit_not_used'
  }
  if (!draft.isCalibrated && draft.limit >= bounds.max) {
    draft.roundAtMs = before.roundAtMs
    return slow.answered < ANSWERS_TO_CALIBRATE ? 'learning' : beginCalibration(context)
  }
  if (!toleratesErrors(context)) return 'error_rate_high'
  if (isCalm) return draft.limit >= bounds.max ? 'at_maximum' : grow(context)
  return blocked(context)
}

/** Base is updated while latency is calm, falls with the mean, and is R where no call can queue; true when calm. */
function followBase({ draft, sample: { slow, ended, peak }, bounds }: Context): boolean {
  const baseMs = draft.baseMs ?? slow.medianMs
  const calmBelow = (ms: number): number =>
    ms * K.GROW_BELOW * Math.exp(K.GROW_ERRORS * K.noise(draft.sigma, slow.answered))
  draft.baseMs = baseMs
  if (draft.baseCalls < K.BASE_MEMORY && draft.trial === undefined && slow.medianMs <= calmBelow(baseMs)) {
    draft.baseCalls += ended
    if (draft.baseCalls > 0) draft.baseMs += (ended / draft.baseCalls) * (slow.medianMs - baseMs)
    draft.averageMs = draft.baseMs
  }
  const isIdle = peak < K.IDLE_RATIO * Math.floor(draft.limit)
  if (isIdle || draft.limit < bounds.min + 1) {
    draft.baseMs += Math.min(LARGEST_WEIGHT, ended / ALONE_ANSWERS) * (slow.medianMs - draft.baseMs)
    draft.averageMs = draft.baseMs
  }
  draft.averageMs += Math.min(LARGEST_WEIGHT, ended / K.BASE_MEMORY) * (slow.medianMs - draft.averageMs)
  draft.baseMs = Math.min(draft.baseMs, draft.averageMs)
  return slow.medianMs <= calmBelow(draft.baseMs)
}

function grow({ draft, sample, bounds }: Context): ActionReason {
  const before = draft.limit
  const step = Math.max(1, draft.growth * before)
  draft.limit = Math.min(bounds.max, before + step)
  draft.growth = Math.min(K.LARGEST_GROWTH, (2 * step) / (before + step))
  draft.blockedSinceMs = undefined
  if (step > K.UNDOABLE_GROWTH * before) {
    draft.undoLimit = before
    draft.changedAtMs = sample.nowMs
  }
  return 'latency_low'
}

/** Latency is high, but too low for a cut: the limit falls slowly. */
function creep({ draft, sample: { slow }, bounds }: Context): void {
  const creepAboveMs =
    (draft.baseMs ?? Infinity) * K.CREEP_ABOVE * Math.exp(K.GROW_ERRORS * K.noise(draft.sigma, slow.answered))
  if (slow.medianMs > creepAboveMs) draft.limit = Math.max(bounds.min, draft.limit * (1 - K.CREEP_SHARE))
}

function blocked(context: Context): ActionReason {
  const { draft, sample, bounds } = context
  draft.growth = K.FIRST_GROWTH
  const undone = undo(context)
  if (undone !== undefined) return undone
  creep(context)
  if (sample.nowMs < draft.probeNotBeforeMs || draft.limit >= bounds.max) return 'in_band'
  draft.blockedSinceMs ??= sample.nowMs
  if (sample.nowMs - draft.blockedSinceMs < K.PROBE_AFTER_MS) return 'in_band'
  draft.blockedSinceMs = undefined
  return beginProbe(context)
}
