/**
 * The part of `adaptive` that reacts to errors: it halves the limit and checks whether the error rate falls.
 *
 *     p of n calls failed since the last change     n >= 10 and p - 2 sqrt(p (1 - p) / n) > 0.1 + 1.5 x tolerated
 *       two halvings took away less than 20 %       errors do not depend on load: the limit is restored, p is tolerated
 *       else                                        limit / 2
 */
import type { ActionReason } from './limiter.ts'
import { CALLS_FOR_ERRORS, ERROR_FALL, ERROR_RATE, HALVINGS, move } from './adaptive-state.ts'
import type { Context } from './adaptive-state.ts'

/** Calls on which tolerated errors are forgotten when their rate has halved, and a trial when the rate is low. */
const CALLS_TO_FORGET = 20
const LOW_ERROR_RATE = 0.05
/** Share of the limit: the first growth step after a halving. Large, because the errors may have ended at once. */
const GROWTH_AFTER_ERRORS = 0.25
/** The rate of tolerated errors may rise by half. */
const TOLERANCE = 1.5

export function toleratesErrors({ draft, sample }: Context): boolean {
  const { calls, failed } = sample
  return (
    calls < CALLS_FOR_ERRORS || failed / calls <= Math.max(ERROR_RATE, TOLERANCE * draft.toleratedErrorRate)
  )
}

export function answerErrors(context: Context): ActionReason | undefined {
  const { draft, sample } = context
  const rate = sample.calls === 0 ? 0 : sample.failed / sample.calls
  const isHigh =
    sample.calls >= CALLS_FOR_ERRORS &&
    rate - 2 * Math.sqrt((rate * (1 - rate)) / sample.calls) >
      ERROR_RATE + TOLERANCE * draft.toleratedErrorRate
  if (isHigh) return halve(context, rate)
  if (sample.calls >= CALLS_TO_FORGET) {
    if (rate < draft.toleratedErrorRate / 2) draft.toleratedErrorRate = 0
    if (rate < LOW_ERROR_RATE) draft.errorTrial = undefined
  }
  return undefined
}

function halve(context: Context, rate: number): ActionReason {
  const { draft, sample, bounds } = context
  const trial = draft.errorTrial ?? { limitBefore: draft.limit, errorRate: rate, halvings: 0 }
  const hasHelped = draft.errorTrial !== undefined && rate < (1 - ERROR_FALL) * trial.errorRate
  const isLowest = draft.limit <= bounds.min
  const isMostlyLateness = sample.abandoned > sample.failed / 2
  if (!isMostlyLateness && !hasHelped && (trial.halvings >= HALVINGS || (isLowest && trial.halvings > 0))) {
    draft.toleratedErrorRate = rate
    draft.errorTrial = undefined
    return move(context, trial.limitBefore, 'errors_unrelated')
  }
  draft.errorTrial = {
    limitBefore: trial.limitBefore,
    errorRate: Math.min(trial.errorRate, rate),
    halvings: hasHelped ? trial.halvings : trial.halvings + 1,
  }
  draft.trial = undefined
  draft.undoLimit = undefined
  draft.growth = GROWTH_AFTER_ERRORS
  return move(context, draft.limit / 2, 'error_rate_high')
}
