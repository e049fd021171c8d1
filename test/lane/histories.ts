/**
 * Random settings of lanes and random histories of operations. Queues, limits and times are small, so that the histories
 * often reach the bounds.
 */
import fc from 'fast-check'
import type { LeaseEnd } from '../../src/lane/lease.ts'
import type { Priority } from '../../src/lane/priority.ts'
import type { ControllerSettings, LaneSettings } from '../../src/lane/settings.ts'
import type { OverrideOrder } from '../../src/lane/operator-override.ts'
import { SEED_LAW, laneSettings } from '../support/lane-settings.ts'

/** `pick` chooses one of the present tickets or leases; without one the operation does nothing. */
export type Operation =
  | {
      readonly do: 'admit'
      readonly spread: number
      readonly priority: Priority
      readonly agent: string
      readonly ttlMs: number | undefined
    }
  | { readonly do: 'settle' | 'settle again'; readonly pick: number; readonly end: LeaseEnd }
  | { readonly do: 'cancel' | 'renew' | 'stall'; readonly pick: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'expire' | 'wake' }
  | { readonly do: 'operate'; readonly order: OverrideOrder }
  | { readonly do: 'reconfigure'; readonly settings: LaneSettings }

const controllers = fc.constantFrom<ControllerSettings>(
  { algorithm: 'fixed' },
  { algorithm: 'adaptive' },
  { algorithm: 'gradient' },
  { ...SEED_LAW, windowMs: 20 },
  { ...SEED_LAW, windowMs: 200 },
  { ...SEED_LAW, windowMs: 20_000 },
)

export const lanes: fc.Arbitrary<LaneSettings> = fc
  .record({
    maxQueueDepth: fc.nat(6),
    minConcurrent: fc.integer({ min: 1, max: 3 }),
    overMin: fc.nat(6),
    startOverMin: fc.nat(6),
    ttlMs: fc.constantFrom(5, 60, 1000),
    leaseMs: fc.constantFrom(10, 100, 5000),
    maxMs: fc.constantFrom(1000, 5000, 30_000),
    controller: controllers,
  })
  .map(({ overMin, startOverMin, maxMs, ...rest }) =>
    laneSettings({
      ...rest,
      startConcurrent: rest.minConcurrent + Math.min(startOverMin, overMin),
      maxConcurrent: rest.minConcurrent + overMin,
      retryAfter: { minMs: 1000, maxMs },
    }),
  )

const spreads = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

const priorities = fc.constantFrom<Priority>('critical', 'high', 'normal', 'normal', 'low')

const ttls = fc.constantFrom(undefined, undefined, 1, 30, 5000)

const agents = fc.constantFrom('a', 'a', 'a', 'b', 'c')

const ends: fc.Arbitrary<LeaseEnd> = fc.record({
  cause: fc.constantFrom('completed', 'failed', 'cancelled'),
  verdict: fc.constantFrom('ok', 'ok', 'ok', 'dropped', 'ignored'),
  latencyMs: fc.constantFrom(undefined, 1, 1199, 1200, 4000, 4001),
})

const orders: fc.Arbitrary<OverrideOrder> = fc.record({
  limit: fc.constantFrom(undefined, undefined, 'auto' as const, 0, 1, 2, 5, 50),
  paused: fc.constantFrom(undefined, undefined, true, false),
  forMs: fc.constantFrom(undefined, 0, 10, 300),
})

const wholeWaits = fc.oneof(
  { weight: 8, arbitrary: fc.nat(30) },
  { weight: 1, arbitrary: fc.constantFrom(60, 1000, 15_000) },
)

/** Fractions of a millisecond, as in the times of performance.now(). */
export const fractionalWaits = wholeWaits.map((ms) => ms * 1.1)

function operations(waits: fc.Arbitrary<number> = wholeWaits): fc.Arbitrary<Operation> {
  const pick = fc.nat(20)
  const on = <const K extends string>(...kinds: K[]) => fc.constantFrom(...kinds)
  return fc.oneof(
    {
      weight: 9,
      arbitrary: fc.record({
        do: on('admit'),
        spread: spreads,
        priority: priorities,
        agent: agents,
        ttlMs: ttls,
      }),
    },
    { weight: 8, arbitrary: fc.record({ do: on('settle'), pick, end: ends }) },
    { weight: 1, arbitrary: fc.record({ do: on('settle again'), pick, end: ends }) },
    { weight: 3, arbitrary: fc.record({ do: on('cancel', 'renew', 'stall'), pick }) },
    { weight: 4, arbitrary: fc.record({ do: on('wait'), ms: waits }) },
    { weight: 3, arbitrary: fc.record({ do: on('expire', 'wake') }) },
    { weight: 1, arbitrary: fc.record({ do: on('operate'), order: orders }) },
    { weight: 1, arbitrary: fc.record({ do: on('reconfigure'), settings: lanes }) },
  )
}

export function histories(waits?: fc.Arbitrary<number>): fc.Arbitrary<Operation[]> {
  return fc.array(operations(waits), { maxLength: 120, size: 'max' })
}
