/**
 * Tells the law, the figures that operators see, the throttle and the wait estimator how a lease ended. Two kinds of ends
 * are corrected before: the verdict on a call during which this process stood still is ignored, because part of its time
 * was not the tool's; a call that its caller gave up counts only as hang-ups.ts decides. Moves no slot.
 */
import type { LaneListener } from './event.ts'
import { HangUps } from './hang-ups.ts'
import type { EndedLease, Lease } from './lease.ts'
import type { WaitEstimator } from './wait-estimator.ts'
import type { RecentCalls } from './sample.ts'
import type { LimitControl } from './limit-control.ts'
import type { Throttle } from './throttle.ts'

export interface LessonsParts {
  readonly limitControl: LimitControl
  readonly throttle: Throttle
  readonly estimator: WaitEstimator
  readonly recent: RecentCalls
  readonly tell: LaneListener
}

export class Lessons {
  readonly #parts: LessonsParts
  readonly #hangUps = new HangUps()

  constructor(parts: LessonsParts) {
    this.#parts = parts
  }

  /** A lease has ended and is no longer among the running ones. `spread` is a random number, 0 <= spread < 1. */
  learn(lease: Lease, said: EndedLease, at: { readonly nowMs: number; readonly spread: number }): void {
    const { nowMs } = at
    const { limitControl, throttle, estimator, recent, tell } = this.#parts
    const heldMs = nowMs - lease.grantedAtMs
    lease.state = said.cause
    const { cause, verdict, latencyMs } = this.#believed(lease, said, nowMs)
    if (cause !== 'cancelled' && lease.stoppedMs === 0) estimator.ended(heldMs, nowMs)
    const isAnswer = verdict === 'ok' && latencyMs !== undefined
    if (isAnswer) this.#hangUps.answered(latencyMs, lease.grantedAtMs)
    if (verdict !== 'ignored') recent.record(verdict === 'dropped', isAnswer ? latencyMs : undefined, nowMs)
    const wasShut = throttle.isThrottling(nowMs)
    // Whether the tool accepts calls or asks callers to wait is known even if this process stood still meanwhile.
    const pushback = throttle.ended(lease, said, at)
    limitControl.limiter.ended(lease, { cause, verdict, latencyMs, pushback }, nowMs)
    tell({ kind: 'ended', cause, verdict, heldMs })
    const isOn = throttle.isThrottling(nowMs)
    if (pushback === 'news' || isOn !== wasShut)
      tell({ kind: 'throttled', isOn, forMs: estimator.toolWaitMs(nowMs) })
  }

  /** The end with the verdict and latency that the tool is answerable for. */
  #believed(lease: Lease, said: EndedLease, nowMs: number): EndedLease {
    if (lease.stoppedMs > 0) return { ...said, verdict: 'ignored', latencyMs: undefined }
    if (said.cause !== 'cancelled' || said.verdict !== 'dropped') return said
    const { grantedAtMs, agentOf } = lease
    const waitedMs = said.latencyMs ?? nowMs - grantedAtMs
    const hangUp = { waitedMs, sentAtMs: grantedAtMs, agentOf: () => agentOf?.() ?? '' }
    return this.#hangUps.take(hangUp, nowMs) ? said : { ...said, verdict: 'ignored' }
  }
}
