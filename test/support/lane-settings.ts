/**
 * Lane settings for tests: the defaults of tools.yaml with the seed's law, and what a test says otherwise.
 */
import type { AimdSettings, LaneSettings } from '../../src/lane/settings.ts'
import { toolIn } from '../config/reading.ts'

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

/** The lane of a tool of which only the upstream is written. */
const { lane: DEFAULTS } = toolIn('tools: { github: { upstream: "https://api.github.com" } }', 'github')

export function laneSettings(overrides: Partial<LaneSettings> = {}): LaneSettings {
  const { maxConcurrent = DEFAULTS.maxConcurrent } = overrides
  return { ...DEFAULTS, startConcurrent: maxConcurrent, controller: SEED_LAW, ...overrides }
}
