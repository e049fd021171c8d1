/**
 * Lanes of 3 to 8 slots, where one call is 12 to 33 % of everything, and loads that must lose nothing. Plain data.
 */
import type { LaneShape, Scenario } from '../scenario.ts'

const always = (perSecond: number) => [{ atSeconds: 0, perSecond }]
const LANE: Partial<LaneShape> = { startConcurrent: 8, maxConcurrent: 32, maxQueueDepth: 20 }

/** A pool of a few servers, called at 1.5 times its capacity. */
function pool(servers: number, service: { readonly meanMs: number; readonly cv: number }): Scenario {
  return {
    name: `pool-of-${servers}-cv-${service.cv}`,
    about: `A pool of ${servers}, mean ${service.meanMs} ms, CV ${service.cv}, called at 1.5 times its capacity.`,
    seconds: 180,
    lane: LANE,
    tool: { capacity: { kind: 'pool', servers }, service },
    callers: [{ rate: always((1500 * servers) / service.meanMs), patienceSeconds: 10 }],
  }
}

export const small: readonly Scenario[] = [
  pool(3, { meanMs: 500, cv: 0.5 }),
  pool(4, { meanMs: 800, cv: 1 }),
  pool(6, { meanMs: 800, cv: 0.5 }),
  pool(8, { meanMs: 1000, cv: 1 }),
  {
    name: 'knee-of-4',
    about: 'A tool of 100 ms whose throughput falls past 4 calls at once.',
    seconds: 120,
    lane: LANE,
    tool: { capacity: { kind: 'sharing', knee: 4, fall: 0.2 }, service: { meanMs: 100, cv: 0.5 } },
    callers: [{ rate: always(60), patienceSeconds: 10 }],
  },
]

export const light: readonly Scenario[] = [
  {
    name: 'load-0.7-pool',
    about: 'A pool of 20 at 0.7 of its capacity: nothing may be lost.',
    seconds: 180,
    tool: { capacity: { kind: 'pool', servers: 20 }, service: { meanMs: 800, cv: 1 } },
    callers: [{ rate: always(17.5), patienceSeconds: 10 }],
  },
  {
    name: 'load-0.7-heavy-tail',
    about: 'The same with a heavy tail (CV 2.5).',
    seconds: 180,
    tool: { capacity: { kind: 'pool', servers: 20 }, service: { meanMs: 800, cv: 2.5 } },
    callers: [{ rate: always(17.5), patienceSeconds: 10 }],
  },
  {
    name: 'load-0.7-sharing',
    about: 'A tool with a knee at 32 at 0.7 of its capacity.',
    seconds: 60,
    tool: { capacity: { kind: 'sharing', knee: 32, fall: 0.2 }, service: { meanMs: 50, cv: 0.5 } },
    callers: [{ rate: always(448), patienceSeconds: 5 }],
  },
]
