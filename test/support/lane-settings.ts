/**
 * Lane settings for tests: the defaults of tools.yaml with the seed's law, and what a test says otherwise.
 */
import type { AimdSettings, LaneSettings } from '../../src/lane/settings.ts'

/** The seed document's law with its exact figures. */
export const SEED_LAW: AimdSettings = {
  algorithm: 'aimd',
  decreaseAboveP95Ms: 4000,
  increaseBelowP95Ms: 1200,
  halveAboveErrorRate: 0.1,
  increaseBelowErrorRate: 0.02,
  decreaseBy: 2,
  increaseBy: 1,
  windowMs: 2000,
}

export function laneSettings(overrides: Partial<LaneSettings> = {}): LaneSettings {
  const maxConcurrent = overrides.maxConcurrent ?? 8
  return {
    tool: 'github',
    maxQueueDepth: 100,
    minConcurrent: 1,
    startConcurrent: maxConcurrent,
    maxConcurrent,
    ttlMs: 60_000,
    leaseMs: 120_000,
    priority: { max: 'critical', default: 'normal' },
    retryAfter: { minMs: 1000, maxMs: 30_000 },
    controller: SEED_LAW,
    rate: undefined,
    retryBudgetRatio: 0.1,
    ...overrides,
  }
}
