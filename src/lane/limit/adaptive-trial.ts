/**
 * The part of `adaptive` that begins changes on trial and judges them by calls sent before against calls sent after.
 *
 *     cut           f = ln(R0 / R) / ln(R0 / max(base, R0 x share of the calls inside the tool that is left)),
 *                   decided once |f - 0.5| is above its own error
 *                   f >= 0.5 confirmed     else the limit is restored, and R is the tool's own latency: base = R
 *     calibration   f = ln(R0 / R) / ln(from / limit)        f - error / 4 >= 0.7: still congested, halve again
 *                   else base = R and the limit is what Little's law leaves of it: from x R / R0
 *     probe         ln(R / R0) / ln(limit / from) < 0.35: kept, and R0 is base     else back, wait twice as long
 *
 * R0, R: median latency before and after.
 */
import {
  ANSWERS_TO_CLOSE,
  ANSWERS_TO_JUDGE,
  CONFIRMING_SHARE,
  FIRST_GROWTH,
  LARGEST_CUT,
  LARGEST_GROWTH,
  LONGEST_PROBE_WAIT_MS,
  PROBE_ELASTICITY,
  PROBE_GROWTH,
  PROBE_WAIT_MS,
  SMALLEST_CUT,
  move,
  noise,
} from './adaptive-state.ts'
import type { Context, Trial } from './adaptive-state.ts'
import type { Reading } from './cohort.ts'
import type { ActionReason } from './limiter.ts'

type Cut = Extract<Trial, { kind: 'cut' }>
type Calibration = Extract<Trial, { kind: 'calibration' }>
type Probe = Extract<Trial, { kind: 'probe' }>

/** A predicted change of ln(latency) below this is indistinguishable from none. */
const LEAST_SPAN = 0.01
/** An undecided cut ends after this many medians and milliseconds. */
const PATIENCE_MEDIANS = 10
const PATIENCE_MS = 5000
const STILL_CONGESTED = 0.7
/** Shares of the limit: the first growth step after a calibration or a disproved cut, and after a confirmed probe. */
const GROWTH_AFTER_RESTORE = 0.25
const GROWTH_AFTER_PROBE = 0.12
const NEXT_PROBE_MS = 2000

/** Calls that wait inside the tool by Little's law, estimated low by the noise. */
function queuedInTool({ draft, sample }: Context, reading: Reading): number {
  const answers = reading.answered === 0 ? reading.calls : reading.answered
  const surelyMs = reading.medianMs * Math.exp(-noise(draft.sigma, answers))
  return sample.perMs * (surelyMs - (draft.baseMs ?? surelyMs))
}

export function beginCut(context: Context, hot: Reading): ActionReason {
  const { draft, sample } = context
  const from = Math.min(draft.limit, Math.max(sample.used, 1))
  const inTool = Math.max(1, sample.inToolRatio * from)
  const queued = Math.min(LARGEST_CUT * inTool, Math.max(SMALLEST_CUT * inTool, queuedInTool(context, hot)))
  draft.trial = {
    kind: 'cut',
    startedAtMs: sample.nowMs,
    limitBefore: draft.limit,
    from,
    inTool,
  }
  draft.growth = FIRST_GROWTH
  return move(context, Math.min(from - 1, from - queued), 'latency_high')
}

export function beginCalibration(context: Context): ActionReason {
  const { draft, sample } = context
  draft.trial = { kind: 'calibration', startedAtMs: sample.nowMs, from: draft.limit }
  return move(context, draft.limit / 2, 'calibrating')
}

export function beginProbe(context: Context): ActionReason {
  const { draft, sample } = context
  const { limit } = draft
  draft.trial = { kind: 'probe', startedAtMs: sample.nowMs, from: limit, medianMs: sample.slow.medianMs }
  return move(context, limit + Math.max(1, PROBE_GROWTH * limit), 'probing')
}

export function endProbe(context: Context, probe: Probe): ActionReason {
  const { draft, sample } = context
  draft.trial = undefined
  draft.probeWaitMs = Math.min(LONGEST_PROBE_WAIT_MS, 2 * draft.probeWaitMs)
  draft.probeNotBeforeMs = sample.nowMs + draft.probeWaitMs
  return move(context, probe.from, 'probe_disproved')
}

/** The verdict on the running trial; undefined while it is undecided. */
export function judgeTrial(context: Context): ActionReason | undefined {
  const { trial } = context.draft
  if (trial === undefined) return undefined
  switch (trial.kind) {
    case 'cut':
      return resizeCut(context, trial) ?? judgeCut(context, trial)
    case 'calibration':
      return judgeCalibration(context, trial)
    case 'probe':
      return judgeProbe(context, trial)
    default:
      return trial satisfies never
  }
}

/** While calls sent before the cut are being answered, the size of the cut is corrected by their latency. */
function resizeCut(context: Context, cut: Cut): ActionReason | undefined {
  const { draft, sample } = context
  const { before } = sample
  if (before === undefined || draft.baseMs === undefined) return undefined
  if (sample.nowMs - cut.startedAtMs >= cut.from / sample.perMs + draft.baseMs) return undefined
  const wanted = cut.from - Math.min(LARGEST_CUT * cut.inTool, Math.max(0, queuedInTool(context, before)))
  return wanted < draft.limit - 0.5 && draft.limit > context.bounds.min
    ? move(context, wanted, 'latency_high')
    : undefined
}

function judgeCut(context: Context, cut: Cut): ActionReason | undefined {
  const { draft, sample } = context
  const { slow, before } = sample
  if (before === undefined || draft.baseMs === undefined) return undefined
  const isOverdue = sample.nowMs - cut.startedAtMs > PATIENCE_MEDIANS * slow.medianMs + PATIENCE_MS
  if (slow.isBound || slow.answered < ANSWERS_TO_JUDGE) {
    // No call is answered: the brake may cut again.
    if (isOverdue) draft.trial = undefined
    return undefined
  }
  const beforeMs = before.medianMs
  const left = Math.max(0, 1 - (cut.from - draft.limit) / cut.inTool)
  const span = Math.log(beforeMs / Math.max(draft.baseMs, beforeMs * left))
  const isTelling = span > LEAST_SPAN
  const fell = isTelling ? Math.log(beforeMs / slow.medianMs) / span : 1
  const error = isTelling
    ? Math.hypot(noise(draft.sigma, before.answered), noise(draft.sigma, slow.answered)) / span
    : 0
  if (Math.abs(fell - CONFIRMING_SHARE) <= error && slow.answered < ANSWERS_TO_CLOSE && !isOverdue)
    return undefined
  draft.trial = undefined
  if (fell >= CONFIRMING_SHARE) {
    draft.averageMs = Math.max(draft.averageMs, draft.baseMs)
    draft.growth = FIRST_GROWTH
    return 'cut_confirmed'
  }
  draft.baseMs = draft.averageMs = slow.medianMs
  draft.growth = GROWTH_AFTER_RESTORE
  draft.undoLimit = undefined
  return move(context, cut.limitBefore, 'cut_disproved')
}

function judgeCalibration(context: Context, calibration: Calibration): ActionReason | undefined {
  const { draft, sample, bounds } = context
  const { slow, before } = sample
  if (slow.isBound || slow.answered < ANSWERS_TO_JUDGE || before === undefined) return undefined
  const fell = Math.log(before.medianMs / slow.medianMs) / Math.log(calibration.from / draft.limit)
  const error =
    Math.hypot(noise(draft.sigma, before.answered), noise(draft.sigma, slow.answered)) /
    Math.log(calibration.from / draft.limit)
  draft.baseMs = draft.averageMs = slow.medianMs
  draft.baseCalls = slow.answered
  draft.growth = LARGEST_GROWTH
  if (fell - error / 4 >= STILL_CONGESTED && draft.limit > bounds.min + 1) return beginCalibration(context)
  draft.trial = undefined
  draft.isCalibrated = true
  const uncongested = (calibration.from * slow.medianMs) / before.medianMs
  return move(context, Math.min(calibration.from, Math.max(draft.limit, uncongested)), 'calibrated')
}

function judgeProbe(context: Context, probe: Probe): ActionReason | undefined {
  const { draft, sample } = context
  const { slow } = sample
  if (slow.isBound || slow.answered < ANSWERS_TO_CLOSE) return undefined
  const elasticity = Math.log(slow.medianMs / probe.medianMs) / Math.log(draft.limit / probe.from)
  if (elasticity >= PROBE_ELASTICITY) return endProbe(context, probe)
  draft.trial = undefined
  draft.baseMs = draft.averageMs = probe.medianMs
  draft.probeWaitMs = PROBE_WAIT_MS
  draft.probeNotBeforeMs = sample.nowMs + NEXT_PROBE_MS
  draft.growth = GROWTH_AFTER_PROBE
  return 'probe_confirmed'
}
