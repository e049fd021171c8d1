/**
 * Everything that an operator may see of a lane now. Pure: reads the lane's parts. Units: milliseconds, shares 0..1.
 */
import type { Outlook } from './outlook.ts'
import type { ReadParts } from './parts.ts'

export function snapshotOf(parts: ReadParts, outlook: Outlook, nowMs: number) {
  const { queue, running, steering, throttle, overload, recent } = parts
  const { valve, limiter } = steering
  const oldest = queue.oldest()
  return {
    queueDepth: queue.depth,
    oldestWaitMs: oldest === undefined ? 0 : nowMs - oldest.queuedAtMs,
    active: running.active,
    limit: steering.limit,
    ...recent.figures(nowMs),
    paused: valve.isPaused,
    pausedUntilMs: valve.pausedUntilMs,
    pinned: valve.pinnedLimit !== undefined,
    pinnedUntilMs: valve.pinnedUntilMs,
    algorithm: limiter.algorithm,
    lastDecision: steering.lastDecision,
    shedsLowPriority: overload.isOn,
    estimateMs: outlook.waitMs(nowMs),
    throttledUntilMs: throttle.isShut(nowMs) ? throttle.askedUntilMs : undefined,
    ceiling: steering.ceiling,
  }
}
