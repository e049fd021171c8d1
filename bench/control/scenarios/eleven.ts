/**
 * The eleven scenarios on which the parameters were frozen (facts/control.md). Plain data; shapes in ../scenario.ts.
 */
import type { Scenario, ToolModel } from '../scenario.ts'

const POOL_20: ToolModel = { capacity: { kind: 'pool', servers: 20 }, service: { meanMs: 800, cv: 1 } }
const always = (perSecond: number) => [{ atSeconds: 0, perSecond }]

export const eleven: readonly Scenario[] = [
  {
    name: 'steady-pool',
    about: 'A pool of 20, mean 0.8 s, called at 1.5 times its 25 a second.',
    seconds: 120,
    tool: POOL_20,
    callers: [{ rate: always(37.5), patienceSeconds: 10 }],
  },
  {
    name: 'fast-knee',
    about:
      'A tool of 50 ms whose throughput falls past 32 calls at once, called at 1.3 times its 640 a second.',
    seconds: 60,
    tool: { capacity: { kind: 'sharing', knee: 32, fall: 0.2 }, service: { meanMs: 50, cv: 0.5 } },
    callers: [{ rate: always(830), patienceSeconds: 5 }],
  },
  {
    name: 'capacity-drop',
    about: 'A pool of 20 that has 6 for a minute, called at 1.2 times its normal capacity.',
    seconds: 180,
    lane: { ttlSeconds: 2 },
    tool: {
      ...POOL_20,
      changes: [
        { atSeconds: 60, capacity: 6 },
        { atSeconds: 120, capacity: 20 },
      ],
    },
    callers: [{ rate: always(30), patienceSeconds: 6 }],
    drop: { atSeconds: 60, backAtSeconds: 120 },
  },
  {
    name: 'latency-spike',
    about:
      'Latency x4 for a minute at a tool that nothing bounds: the right answer is more concurrency, not less.',
    seconds: 180,
    tool: {
      capacity: { kind: 'unlimited' },
      service: { meanMs: 400, cv: 0.5 },
      changes: [
        { atSeconds: 60, slowdown: 4 },
        { atSeconds: 120, slowdown: 1 },
      ],
    },
    callers: [{ rate: always(40), patienceSeconds: 10 }],
  },
  {
    name: 'retry-storm',
    about:
      'The pool drops from 20 to 6 for half a minute under callers who try 3 times; half of them honour Retry-After.',
    seconds: 150,
    lane: { ttlSeconds: 2 },
    tool: {
      ...POOL_20,
      changes: [
        { atSeconds: 60, capacity: 6 },
        { atSeconds: 90, capacity: 20 },
      ],
    },
    callers: [{ rate: always(20), patienceSeconds: 8, tries: 3, honourRatio: 0.5 }],
    drop: { atSeconds: 60, backAtSeconds: 90 },
  },
  {
    name: 'slow-tool',
    about: 'A pool of 8 whose calls take 6 s, called at 1.5 times its capacity.',
    seconds: 480,
    lane: { maxQueueDepth: 20, ttlSeconds: 30 },
    tool: { capacity: { kind: 'pool', servers: 8 }, service: { meanMs: 6000, cv: 0.5 } },
    callers: [{ rate: always(2), patienceSeconds: 90 }],
  },
  {
    name: 'bimodal',
    about: 'A pool of 20; most calls take 0.3 s and every tenth 6 s.',
    seconds: 180,
    tool: { capacity: { kind: 'pool', servers: 20 }, service: { fastMs: 300, slowMs: 6000, slowRatio: 0.1 } },
    callers: [{ rate: always(28), patienceSeconds: 20 }],
  },
  {
    name: 'error-burst',
    about:
      'For 20 s, 40 % of the calls get a fast 500 that has nothing to do with load, at twice the capacity.',
    seconds: 150,
    tool: {
      ...POOL_20,
      changes: [
        { atSeconds: 60, errorRatio: 0.4 },
        { atSeconds: 80, errorRatio: 0 },
      ],
    },
    callers: [{ rate: always(50), patienceSeconds: 10 }],
  },
  {
    name: 'quota',
    about: '20 calls a second; one too many gets a 429, and so does everything for the next 3 s.',
    seconds: 180,
    tool: {
      capacity: { kind: 'unlimited' },
      service: { meanMs: 300, cv: 0.5 },
      quota: { callsPerSecond: 20, burst: 20, penaltySeconds: 3, saysRetryAfter: true },
    },
    callers: [{ rate: always(30), patienceSeconds: 10 }],
  },
  {
    name: 'idle-burst',
    about: 'Two calls a second, and twice 30 s of 1.2 times the capacity out of nowhere.',
    seconds: 180,
    lane: { maxQueueDepth: 200, ttlSeconds: 8 },
    tool: POOL_20,
    callers: [
      {
        rate: [
          { atSeconds: 0, perSecond: 2 },
          { atSeconds: 60, perSecond: 30 },
          { atSeconds: 90, perSecond: 2 },
          { atSeconds: 150, perSecond: 30 },
        ],
        patienceSeconds: 14,
      },
    ],
  },
  {
    name: 'hang',
    about: 'The whole tool stands still for 12 s.',
    seconds: 150,
    tool: {
      ...POOL_20,
      changes: [
        { atSeconds: 60, frozen: true },
        { atSeconds: 72, frozen: false },
      ],
    },
    callers: [{ rate: always(30), patienceSeconds: 10 }],
  },
]
