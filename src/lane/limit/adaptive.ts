/**
 * The default law. Records calls in a log and a few counters; every half second the pure law (adaptive-law.ts) decides on
 * a sample of them. The throttle (../throttle.ts) reacts to pushback. Cost: a map entry and a few stores for each call,
 * two sorts of a few hundred numbers for each step. Memory: the log (call-log.ts) and under 1 KiB. Units: milliseconds
 * and calls.
 */
import { nextState } from './adaptive-law.ts'
import * as K from './adaptive-state.ts'
import type { LawState, Sample } from './adaptive-state.ts'
import { CallLog } from './call-log.ts'
import type { Action, LimitRange, SentCall, CallEnd, Decision, Limiter } from './limiter.ts'

/** Answers over which throughput is measured. */
const RATE_ANSWERS = 24
/** A call that is given up before this share of the tool's own latency says nothing about the tool. */
const EARLY_RATIO = 0.5

export class AdaptiveLimiter implements Limiter {
  readonly algorithm = 'adaptive'
  readonly #log = new CallLog()
  /** Milliseconds on the clock: when the latest answers came; a ring buffer. */
  readonly #answeredAtMs = new Float64Array(RATE_ANSWERS)
  #answers = 0
  #state: LawState | undefined
  #nextAtMs: number | undefined
  /** Milliseconds to the next step while no call is sent or ends; doubles, so that a quiet lane causes no work. */
  #quietMs = K.STEP_MS
  #isThrottled = false
  #peak = 0
  #lastPeak = 0
  #calls = 0
  #failed = 0
  #abandoned = 0
  #ended = 0

  sent(call: SentCall): void {
    this.#log.sent(call)
    this.#peak = Math.max(this.#peak, this.#log.active)
    this.#lookSoon(call.grantedAtMs)
  }

  ended(call: SentCall, end: CallEnd, nowMs: number): void {
    const latencyMs = end.latencyMs ?? call.answeredAfterMs
    const isAnswered = end.verdict === 'ok' && latencyMs !== undefined
    const tookMs = latencyMs ?? nowMs - call.grantedAtMs
    const isEmpty = end.pushback !== undefined || this.#leftEarly(end, tookMs)
    const fate = isEmpty ? 'excluded' : isAnswered ? 'answered' : 'unanswered'
    if (!this.#log.ended(call, fate, tookMs)) return
    this.#lookSoon(nowMs)
    if (end.pushback === undefined) this.#count(call, end, nowMs)
    else if (end.pushback === 'news') this.#isThrottled = true
  }

  step(limit: number, bounds: LimitRange, nowMs: number): Decision | undefined {
    if (this.#nextAtMs === undefined || nowMs < this.#nextAtMs) return undefined
    // An idle lane takes no steps; the next call starts them again.
    this.#nextAtMs = this.#log.active > 0 || this.#quietMs === K.STEP_MS ? nowMs + this.#quietMs : undefined
    this.#quietMs *= 2
    const before = this.#stateFor(limit, nowMs)
    const sample = this.#sample(before, nowMs)
    const { state, reason } = this.#isThrottled
      ? { state: startedAnew(before, nowMs), reason: 'throttled' as const }
      : nextState(before, sample, bounds)
    this.#isThrottled = false
    this.#state = state
    if (state.roundAtMs !== before.roundAtMs) this.#startRound(state)
    const next = Math.min(bounds.max, Math.max(bounds.min, Math.floor(state.limit)))
    const action: Action =
      next > limit ? 'increase_concurrency' : next < limit ? 'decrease_concurrency' : 'hold'
    const figures = {
      calls: sample.slow.calls,
      errorRate: sample.calls === 0 ? 0 : sample.failed / sample.calls,
      medianMs: sample.slow.medianMs,
      baseMs: state.baseMs,
    }
    return { limit: next, action, reason, figures }
  }

  moved(nowMs: number): void {
    // The next step is given the new limit; what is known of the tool's own latency is kept.
    this.#state = startedAnew(this.#state ?? K.initialState(0, nowMs), nowMs)
    this.#startRound(this.#state)
  }

  wakeAtMs(): number {
    return this.#nextAtMs ?? Infinity
  }

  #lookSoon(nowMs: number): void {
    this.#quietMs = K.STEP_MS
    this.#nextAtMs = Math.min(this.#nextAtMs ?? Infinity, nowMs + K.STEP_MS)
  }

  /** Hardly any call is answered so soon, so the call says nothing, and a flood of such calls would fill the cohorts. */
  #leftEarly({ cause, verdict }: CallEnd, tookMs: number): boolean {
    return cause === 'cancelled' && verdict === 'ignored' && tookMs < EARLY_RATIO * (this.#state?.baseMs ?? 0)
  }

  #count(call: SentCall, end: CallEnd, nowMs: number): void {
    if (end.verdict === 'ok') this.#answeredAtMs[this.#answers++ % RATE_ANSWERS] = nowMs
    if (end.verdict === 'ignored') return
    this.#ended++
    if (call.grantedAtMs < (this.#state?.changedAtMs ?? -Infinity)) return
    this.#calls++
    if (end.verdict !== 'dropped') return
    this.#failed++
    if (end.cause === 'cancelled') this.#abandoned++
  }

  #stateFor(limit: number, nowMs: number): LawState {
    const state = this.#state
    if (state === undefined) return K.initialState(limit, -Infinity)
    return Math.floor(state.limit) === limit ? state : { ...startedAnew(state, nowMs), limit }
  }

  #sample(state: LawState, nowMs: number): Sample {
    const { active } = this.#log
    const since = { fromMs: state.changedAtMs, untilMs: Infinity }
    const fastCalls = Math.max(K.FAST_CALLS, Math.ceil(K.FAST_PER_ACTIVE * active))
    const slowCalls = Math.max(
      K.SLOW_CALLS,
      K.SLOW_PER_ACTIVE * active,
      this.#log.countSince(nowMs - K.SLOW_SPAN_MS, K.SLOW_SPAN_CALLS),
    )
    const { trial } = state
    const beforeCalls = trial && Math.max(K.FAST_CALLS, Math.ceil(K.FAST_PER_ACTIVE * trial.from))
    return {
      nowMs,
      calls: this.#calls,
      failed: this.#failed,
      abandoned: this.#abandoned,
      ended: this.#ended,
      peak: this.#peak,
      used: Math.max(this.#peak, this.#lastPeak),
      inToolRatio: this.#log.inToolRatio(),
      perMs: this.#answersPerMs(nowMs),
      fast: this.#log.read(fastCalls, since, nowMs),
      slow: this.#log.read(slowCalls, since, nowMs),
      before:
        trial && beforeCalls !== undefined
          ? this.#log.read(beforeCalls, { fromMs: -Infinity, untilMs: trial.startedAtMs }, nowMs)
          : undefined,
    }
  }

  #answersPerMs(nowMs: number): number {
    const kept = Math.min(this.#answers, RATE_ANSWERS)
    if (kept === 0) return 0
    const oldestMs = this.#answeredAtMs[(this.#answers - kept) % RATE_ANSWERS] as number
    return kept / Math.max(1, nowMs - oldestMs)
  }

  #startRound(state: LawState): void {
    this.#lastPeak =
      state.roundAtMs === state.changedAtMs ? Math.max(this.#peak, this.#log.active) : this.#peak
    this.#peak = this.#log.active
    this.#calls = 0
    this.#failed = 0
    this.#abandoned = 0
    this.#ended = 0
  }
}

/** Calls sent before no longer count, and the trial ends. */
function startedAnew(state: LawState, nowMs: number): LawState {
  return { ...state, trial: undefined, undoLimit: undefined, changedAtMs: nowMs, roundAtMs: nowMs }
}
