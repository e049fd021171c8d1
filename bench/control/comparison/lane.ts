/**
 * A lane of the production core for jobs: bounded, leased, adaptive, as tools.yaml would have it.
 */
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
  const settings = {
    tool: 'tool',
    maxQueueDepth,
    minConcurrent: 1,
    startConcurrent: maxConcurrent,
    maxConcurrent,
    ttlMs: ttlSeconds * 1000,
    leaseMs: leaseSeconds * 1000,
    priority: { max: 'critical', default: 'normal' },
    retryAfter: { minMs: 1000, maxMs: 30_000 },
    controller: { algorithm: 'adaptive' },
    rate: undefined,
    retryBudgetRatio: 0.1,
  } as const
  return new Sidecar(settings, agenda)
}
