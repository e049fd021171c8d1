/**
 * What a lane would do with more of the fleet's slots. Pure: reads the lane's parts.
 */
import type { ReadParts } from './parts.ts'

export interface Demand {
  /** Calls that run. */
  readonly active: number
  /** Calls that would run with enough slots, those that run among them. */
  readonly wants: number
  /** The same if the lane's law let them run, too. */
  readonly keeps: number
  readonly queueDepth: number
}

/** Milliseconds: slots are kept for a tool that may be called again so soon. */
const OPENS_SOON_MS = 1000

/** A paused lane, a closed one, and one whose tool throttles want nothing. */
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
