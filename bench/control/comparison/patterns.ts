/**
 * The seed's four patterns as lanes of the production core, and the oracle they are measured against. All begin with the
 * same 20 workers, which suit the tool of every scenario here in normal operation. In practice this figure is unknown, so
 * fixed workers are also measured with four times and a quarter of it.
 */
import type { RunSetup } from '../engine/run.ts'
import { oracleSetup } from '../oracle.ts'
import { oracleBoundsMs } from '../scenario.ts'
import type { Scenario } from '../scenario.ts'
import type { Order } from './operated.ts'

export interface Pattern {
  readonly name: string
  setupFor(scenario: Scenario, oracle: readonly number[]): RunSetup
  /** An operator's orders during the run. */
  orders(scenario: Scenario, oracle: readonly number[]): readonly Order[]
}

const WORKERS = 20
/** Seconds until a human has seen the alarm, understood it and typed the command; the same again to take it back. */
const HAND_SECONDS = 30
/** More than any scenario has callers or seconds. */
const NO_BOUND = 1_000_000

const FIXED = { algorithm: 'fixed' } as const
const nobody = (): readonly Order[] => []

export const ORACLE: Pattern = { name: 'oracle', setupFor: oracleSetup, orders: nobody }

export const patterns: readonly Pattern[] = [
  {
    name: 'unbounded queue + fixed workers, 20',
    setupFor: () => ({
      controller: FIXED,
      lane: { startConcurrent: WORKERS, maxQueueDepth: NO_BOUND, ttlSeconds: NO_BOUND },
    }),
    orders: nobody,
  },
  boundedFixed('bounded queue + fixed workers, 20', WORKERS),
  boundedFixed('bounded queue + fixed workers, 80', 4 * WORKERS),
  boundedFixed('bounded queue + fixed workers, 5', WORKERS / 4),
  {
    name: 'bounded queue + adaptive workers',
    setupFor: () => ({ controller: { algorithm: 'adaptive' }, lane: { startConcurrent: WORKERS } }),
    orders: nobody,
  },
  {
    name: "bounded queue + an operator's hand",
    setupFor: () => ({ controller: FIXED, lane: { startConcurrent: WORKERS } }),
    orders: byHand,
  },
]

function boundedFixed(name: string, workers: number): Pattern {
  return { name, setupFor: () => ({ controller: FIXED, lane: { startConcurrent: workers } }), orders: nobody }
}

/** Pins the oracle's own limit for what has happened, HAND_SECONDS late, and lifts the pin as late after the end. */
function byHand(scenario: Scenario, oracle: readonly number[]): Order[] {
  const [change, end] = scenario.tool.changes ?? []
  if (change === undefined || end === undefined) return []
  const phase = oracleBoundsMs(scenario).indexOf(change.atSeconds * 1000)
  const forSeconds = end.atSeconds - change.atSeconds
  return [{ atSeconds: change.atSeconds + HAND_SECONDS, limit: oracle[phase] as number, forSeconds }]
}
