/**
 * What a lane would do with more of the fleet's slots. Pure: reads the lane's parts.
 */
import type { ReadParts } from './parts.ts'

export interface Demand {
  /** Calls that run. */
  readonly active: number
  /** Calls that would run if the fleet gave enough slots, running calls included. */
  readonly wants: number
  /** The same without the limit of the lane's law. */
  readonly keeps: number
  readonly queueDepth: number
}

/** Milliseconds: a lane keeps asking for slots while its tool may be called again within this time. */
const OPENS_SOON_MS = 1000

/** A lane that is paused, closed or throttled wants no more than it runs. */
export function demandOf(parts: ReadParts, nowMs: number): Demand {
  const { queue, running, limitControl, throttle, closedFor } = parts
  const { active } = running
  const { depth: queueDepth } = queue
  const isThrottled = throttle.opensAtMs() > nowMs + OPENS_SOON_MS
  if (limitControl.override.isPaused || isThrottled || closedFor !== undefined)
    return { active, wants: active, keeps: active, queueDepth }
  const keeps = active + queueDepth
  return { active, wants: Math.max(active, Math.min(limitControl.limit, keeps)), keeps, queueDepth }
}

export function isSameDemand(a: Demand, b: Demand): boolean {
  return a.active === b.active && a.wants === b.wants && a.keeps === b.keeps && a.queueDepth === b.queueDepth
}
