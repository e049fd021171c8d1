/**
 * The four classes of calls, what a caller may claim of them, and which comes before which. Pure. Must not know headers
 * (route/priority.ts) or the queue.
 */

/** From the one that goes first to the one that is shed first. */
export const PRIORITIES = ['critical', 'high', 'normal', 'low'] as const

export type Priority = (typeof PRIORITIES)[number]

export interface PrioritySettings {
  /** The highest class that a caller may claim. */
  readonly max: Priority
  /** The class of a call that claims none. */
  readonly default: Priority
}

/** Whether `a` goes before `b`. */
export function isAbove(a: Priority, b: Priority): boolean {
  return PRIORITIES.indexOf(a) < PRIORITIES.indexOf(b)
}

/** The class that a call gets in a lane: the one it claims or the lane's default, capped at the lane's highest. */
export function priorityIn(settings: PrioritySettings, claimed: Priority | undefined): Priority {
  const wanted = claimed ?? settings.default
  return isAbove(wanted, settings.max) ? settings.max : wanted
}
