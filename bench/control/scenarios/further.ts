/**
 * Scenarios beside the eleven, after the sets V and X of facts/law.md: what else tools and callers do. Plain data.
 */
import type { Scenario, ToolChange, ToolModel } from '../scenario.ts'

const always = (perSecond: number) => [{ atSeconds: 0, perSecond }]
const POOL_20: ToolModel = { capacity: { kind: 'pool', servers: 20 }, service: { meanMs: 800, cv: 1 } }

/** A change in ten even steps from one slowdown to another. */
function drift(fromSeconds: number, toSeconds: number, slowdowns: readonly [number, number]): ToolChange[] {
  return Array.from({ length: 10 }, (_, step) => ({
    atSeconds: fromSeconds + ((toSeconds - fromSeconds) * step) / 9,
    slowdown: slowdowns[0] + ((slowdowns[1] - slowdowns[0]) * (step + 1)) / 10,
  }))
}

const retryStorm = (honourRatio: number): Scenario => ({
  name: `retry-storm-honour-${honourRatio * 100}`,
  about: `A pool that drops from 20 to 6 under callers who try 3 times, of whom ${honourRatio * 100} % honour Retry-After.`,
  seconds: 150,
  tool: {
    ...POOL_20,
    changes: [
      { atSeconds: 60, capacity: 6 },
      { atSeconds: 90, capacity: 20 },
    ],
  },
  lane: { ttlSeconds: 2 },
  callers: [{ rate: always(20), patienceSeconds: 8, tries: 3, honourRatio }],
  drop: { atSeconds: 60, backAtSeconds: 90 },
})

export const setV: readonly Scenario[] = [
  {
    name: 'knee-drop',
    about: 'A fast tool whose knee goes from 32 to 10 and back.',
    seconds: 90,
    tool: {
      capacity: { kind: 'sharing', knee: 32, fall: 0.2 },
      service: { meanMs: 100, cv: 0.5 },
      changes: [
        { atSeconds: 30, capacity: 10 },
        { atSeconds: 60, capacity: 32 },
      ],
    },
    callers: [{ rate: always(400), patienceSeconds: 5 }],
    drop: { atSeconds: 30, backAtSeconds: 60 },
  },
  {
    name: 'bimodal-spike',
    about: 'Latency x4 for a minute at a bimodal tool that nothing bounds.',
    seconds: 180,
    tool: {
      capacity: { kind: 'unlimited' },
      service: { fastMs: 200, slowMs: 3000, slowRatio: 0.1 },
      changes: [
        { atSeconds: 60, slowdown: 4 },
        { atSeconds: 120, slowdown: 1 },
      ],
    },
    callers: [{ rate: always(30), patienceSeconds: 30 }],
  },
  {
    name: 'three-slots',
    about: 'A pool of 3 with the lane at its cap of 8 from the start, as tools.yaml has it.',
    seconds: 180,
    lane: { startConcurrent: 8, maxConcurrent: 8, maxQueueDepth: 20 },
    tool: { capacity: { kind: 'pool', servers: 3 }, service: { meanMs: 800, cv: 1 } },
    callers: [{ rate: always(5.6), patienceSeconds: 10 }],
  },
  {
    name: 'drift-x3',
    about: 'Latency drifts to x3 over two minutes at a tool that nothing bounds.',
    seconds: 240,
    tool: {
      capacity: { kind: 'unlimited' },
      service: { meanMs: 400, cv: 0.5 },
      changes: drift(60, 180, [1, 3]),
    },
    callers: [{ rate: always(50), patienceSeconds: 10 }],
    oracleAtSeconds: [0],
  },
  {
    name: 'on-off',
    about: 'Callers come in waves: 10 s of 1.6 times the capacity, 10 s of a third of it.',
    seconds: 180,
    lane: { maxQueueDepth: 200, ttlSeconds: 8 },
    tool: POOL_20,
    callers: [
      {
        rate: Array.from({ length: 18 }, (_, wave) => ({
          atSeconds: 10 * wave,
          perSecond: wave % 2 === 0 ? 40 : 8,
        })),
        patienceSeconds: 14,
      },
    ],
  },
  {
    name: 'five-percent-hang',
    about: 'One call in twenty hangs for 12 s in its place.',
    seconds: 240,
    tool: { ...POOL_20, changes: [{ atSeconds: 60, hangRatio: 0.05, hangSeconds: 12 }] },
    callers: [{ rate: always(30), patienceSeconds: 30 }],
  },
]

export const setX: readonly Scenario[] = [
  {
    name: 'start-above-knee',
    about: 'The lane starts at 64 above a knee of 16: no calm latency to learn from.',
    seconds: 90,
    lane: { startConcurrent: 64 },
    tool: { capacity: { kind: 'sharing', knee: 16, fall: 0.2 }, service: { meanMs: 100, cv: 0.5 } },
    callers: [{ rate: always(220), patienceSeconds: 5 }],
  },
  {
    name: 'big-pool',
    about: 'A pool of 100, found from a start of 16.',
    seconds: 120,
    tool: { capacity: { kind: 'pool', servers: 100 }, service: { meanMs: 800, cv: 1 } },
    callers: [{ rate: always(160), patienceSeconds: 10 }],
  },
  {
    name: 'heavy-tail',
    about: 'A pool of 20 with a CV of 2.5.',
    seconds: 240,
    tool: { capacity: { kind: 'pool', servers: 20 }, service: { meanMs: 800, cv: 2.5 } },
    callers: [{ rate: always(32), patienceSeconds: 30 }],
  },
  {
    name: 'two-a-second',
    about: 'A pool of 4 that ends two calls a second.',
    seconds: 480,
    lane: { startConcurrent: 8, maxConcurrent: 50, maxQueueDepth: 20 },
    tool: { capacity: { kind: 'pool', servers: 4 }, service: { meanMs: 2000, cv: 0.5 } },
    callers: [{ rate: always(3), patienceSeconds: 30 }],
  },
  {
    name: 'oscillating',
    about: 'The pool goes between 20 and 8 every 30 s.',
    seconds: 240,
    tool: {
      ...POOL_20,
      changes: Array.from({ length: 7 }, (_, turn) => ({
        atSeconds: 30 * (turn + 1),
        capacity: turn % 2 === 0 ? 8 : 20,
      })),
    },
    callers: [{ rate: always(30), patienceSeconds: 10 }],
    oracleAtSeconds: [0, 30, 60, 90],
  },
  {
    name: 'gets-faster',
    about: 'After a minute every call takes a third of the time.',
    seconds: 180,
    tool: { ...POOL_20, changes: [{ atSeconds: 60, slowdown: 0.33 }] },
    callers: [{ rate: always(60), patienceSeconds: 10 }],
  },
  {
    name: 'overload-x4',
    about: 'Four times the capacity, callers who give up after 6 s.',
    seconds: 120,
    tool: { capacity: { kind: 'pool', servers: 20 }, service: { meanMs: 800, cv: 0.5 } },
    callers: [{ rate: always(100), patienceSeconds: 6 }],
  },
  {
    name: 'slow-readers',
    about: 'Callers take a second to read what the tool said in 0.2 s.',
    seconds: 120,
    tool: { capacity: { kind: 'pool', servers: 10 }, service: { meanMs: 200, cv: 1 } },
    callers: [{ rate: always(60), patienceSeconds: 10, readMs: 1000 }],
  },
  {
    name: 'quota-silent',
    about: '10 calls a second, a 429 without Retry-After and a penalty of 5 s.',
    seconds: 240,
    tool: {
      capacity: { kind: 'unlimited' },
      service: { meanMs: 300, cv: 0.5 },
      quota: { callsPerSecond: 10, burst: 10, penaltySeconds: 5, saysRetryAfter: false },
    },
    callers: [{ rate: always(15), patienceSeconds: 10 }],
  },
  retryStorm(0),
  retryStorm(1),
]

/** The known weak spot: base latency and congestion move together. */
export const slowdown: readonly Scenario[] = [
  ...([2, 4] as const).map((factor): Scenario => ({
    name: `slowdown-x${factor}-overloads`,
    about: `Every call of a pool of 20 takes ${factor} times as long for a minute; a load of 0.8 becomes ${0.8 * factor}.`,
    seconds: 180,
    tool: {
      ...POOL_20,
      changes: [
        { atSeconds: 60, slowdown: factor },
        { atSeconds: 120, slowdown: 1 },
      ],
    },
    callers: [{ rate: always(20), patienceSeconds: 10 }],
  })),
  {
    name: 'slowdown-x3-of-a-knee',
    about: 'The same at a fast tool with a knee.',
    seconds: 120,
    tool: {
      capacity: { kind: 'sharing', knee: 20, fall: 0.2 },
      service: { meanMs: 100, cv: 0.5 },
      changes: [
        { atSeconds: 40, slowdown: 3 },
        { atSeconds: 80, slowdown: 1 },
      ],
    },
    callers: [{ rate: always(160), patienceSeconds: 5 }],
  },
  {
    name: 'slowdown-and-smaller',
    about: 'Calls take twice as long and the pool shrinks from 20 to 10, for a minute.',
    seconds: 180,
    tool: {
      ...POOL_20,
      changes: [
        { atSeconds: 60, slowdown: 2, capacity: 10 },
        { atSeconds: 120, slowdown: 1, capacity: 20 },
      ],
    },
    callers: [{ rate: always(22), patienceSeconds: 10 }],
  },
]
