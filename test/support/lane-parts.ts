/**
 * The parts of a lane without the lane, brought into a state by hand: for tests of what reads them.
 */
import { newParts } from '../../src/lane/parts.ts'
import type { LaneParts } from '../../src/lane/parts.ts'
import type { Priority } from '../../src/lane/priority.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import { Ticket } from '../../src/lane/ticket.ts'
import { laneSettings } from './lane-settings.ts'

/** A lane at 0 ms, under a limit that no law moves. */
export function laneParts(settings: Partial<LaneSettings> = {}): LaneParts {
  const fixed = laneSettings({ controller: { algorithm: 'fixed' }, ...settings })
  return newParts(fixed, 0, { limiterOf: undefined, decided: () => undefined })
}

/** So many calls run since `sinceMs`. */
export function run(parts: LaneParts, calls: number, sinceMs = 0): void {
  for (let i = 0; i < calls; i++) {
    const started = { queuedAtMs: sinceMs, leaseMs: undefined }
    parts.throttle.sent(parts.running.begin(started, parts.settings.leaseMs, sinceMs))
  }
}

/** One ticket waits. */
export function wait(parts: LaneParts, priority: Priority = 'normal', agent = ''): Ticket {
  const at = { queuedAtMs: 0, dueAtMs: parts.settings.ttlMs, spread: 0 }
  const ticket = new Ticket({ ...at, priority, agent, leaseMs: undefined })
  parts.queue.push(ticket)
  return ticket
}

/** The tool asked callers at 0 ms to wait for so long. */
export function pushBack(parts: LaneParts, retryAfterMs: number): void {
  const call = { grantedAtMs: 0, waitedMs: 0 }
  parts.throttle.ended(
    call,
    { cause: 'completed', verdict: 'dropped', pushback: { retryAfterMs } },
    { nowMs: 0, spread: 0 },
  )
}
