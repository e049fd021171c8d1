/**
 * A production lane for jobs: a bounded queue, leases and the default law.
 */
import { laneSettings } from '../../../test/support/lane-settings.ts'
import { Sidecar } from '../engine/sidecar.ts'
import type { Agenda } from '../engine/agenda.ts'

export interface LaneFigures {
  readonly maxQueueDepth: number
  readonly maxConcurrent: number
  readonly ttlSeconds: number
  readonly leaseSeconds: number
}

export function adaptiveLane(figures: LaneFigures, agenda: Agenda): Sidecar {
  const { maxQueueDepth, maxConcurrent, ttlSeconds, leaseSeconds } = figures
  const settings = laneSettings({
    tool: 'tool',
    maxQueueDepth,
    maxConcurrent,
    ttlMs: ttlSeconds * 1000,
    leaseMs: leaseSeconds * 1000,
    controller: { algorithm: 'adaptive' },
  })
  return new Sidecar(settings, agenda)
}
