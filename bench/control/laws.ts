/**
 * All laws that are measured, by name. Two of them are fixed limits that an operator guessed wrong, computed from the
 * oracle's limits. All laws use the lane's bounds and start; only Envoy and Vector begin at their published start.
 */
import type { AimdSettings } from '../../src/lane/settings.ts'
import { EnvoyGradient } from './baselines/envoy.ts'
import { Failsafe } from './baselines/failsafe.ts'
import { NetflixAimd } from './baselines/netflix-aimd.ts'
import { PerCallLimiter } from './baselines/per-call.ts'
import type { PerCallLaw } from './baselines/per-call.ts'
import { VectorArc } from './baselines/vector-arc.ts'
import { Vegas } from './baselines/vegas.ts'
import type { RunSetup } from './engine/run.ts'
import { oracleSetup } from './oracle.ts'
import { laneShape } from './scenario.ts'
import type { Scenario } from './scenario.ts'

export interface Law {
  readonly name: string
  /** Makes a new law for each run, because laws have state. */
  setupFor(scenario: Scenario, oracle: readonly number[]): RunSetup
}

/** The seed document's figures. */
const SEED_LAW: AimdSettings = {
  algorithm: 'aimd',
  decreaseAboveP95Ms: 4000,
  increaseBelowP95Ms: 1200,
  halveAboveErrorRate: 0.1,
  increaseBelowErrorRate: 0.02,
  decreaseBy: 2,
  increaseBy: 1,
  windowMs: 2000,
}

/** More than any scenario has callers. */
const UNBOUNDED = 1_000_000

const FIXED = { algorithm: 'fixed' } as const

function fixedAt(limit: number): RunSetup {
  const whole = Math.max(1, Math.round(limit))
  return { controller: FIXED, lane: { startConcurrent: whole, maxConcurrent: Math.max(whole, 1) } }
}

function perCall(create: (start: number) => PerCallLaw): (scenario: Scenario) => RunSetup {
  return (scenario) => {
    const { minConcurrent: min, maxConcurrent: max, startConcurrent: start } = laneShape(scenario)
    return { controller: FIXED, limiter: new PerCallLimiter(create(start), { min, max }) }
  }
}

export const laws: readonly Law[] = [
  { name: 'oracle', setupFor: oracleSetup },
  { name: 'adaptive', setupFor: () => ({ controller: { algorithm: 'adaptive' } }) },
  { name: 'aimd (seed)', setupFor: () => ({ controller: SEED_LAW }) },
  { name: 'gradient2', setupFor: () => ({ controller: { algorithm: 'gradient' } }) },
  { name: 'netflix-aimd', setupFor: perCall((start) => new NetflixAimd(start)) },
  { name: 'vegas', setupFor: perCall((start) => new Vegas(start)) },
  { name: 'envoy', setupFor: () => ({ controller: FIXED, limiter: new EnvoyGradient('envoy', 100) }) },
  { name: 'envoy-2s', setupFor: () => ({ controller: FIXED, limiter: new EnvoyGradient('envoy-2s', 2000) }) },
  { name: 'vector-arc', setupFor: perCall(() => new VectorArc()) },
  { name: 'failsafe-go', setupFor: perCall((start) => new Failsafe(start)) },
  { name: 'fixed x4', setupFor: (_, oracle) => fixedAt(4 * (oracle[0] as number)) },
  { name: 'fixed /4', setupFor: (_, oracle) => fixedAt((oracle[0] as number) / 4) },
  { name: 'unbounded', setupFor: () => fixedAt(UNBOUNDED) },
]
