/**
 * The state of a lane as operators see it. Pure: reads the lane's parts. Units: milliseconds, shares 0..1.
 */
import type { WaitEstimator } from './wait-estimator.ts'
import type { ReadParts } from './parts.ts'

export function snapshotOf(parts: ReadParts, estimator: WaitEstimator, nowMs: number) {
  const { queue, running, limitControl, throttle, overload, recent } = parts
  const { override, limiter } = limitControl
  const oldest = queue.oldest()
  return {
    queueDepth: queue.depth,
    oldestWaitMs: oldest === undefined ? 0 : nowMs - oldest.queuedAtMs,
    active: running.active,
    limit: limitControl.limit,
    ...recent.figures(nowMs),
    paused: override.isPaused,
    pausedUntilMs: override.pausedUntilMs,
    pinned: override.pinnedLimit !== undefined,
    pinnedUntilMs: override.pinnedUntilMs,
    algorithm: limiter.algorithm,
    lastDecision: limitControl.lastDecision,
    shedsLowPriority: overload.isOn,
    estimateMs: estimator.waitMs(nowMs),
    throttledUntilMs: throttle.isThrottling(nowMs) ? throttle.askedUntilMs : undefined,
    ceiling: limitControl.ceiling,
  }
}
