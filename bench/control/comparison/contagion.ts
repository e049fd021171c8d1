/**
 * Cross-tool contagion: one tool slows down, and the workers that all tools share end up waiting for it. With a lane for
 * each tool, calls to the slow tool hold only the slots of its own lane.
 */
import { Agenda } from '../engine/agenda.ts'
import { streamSeed } from '../engine/random.ts'
import { Tool } from '../engine/tool.ts'
import type { ToolModel } from '../scenario.ts'
import { shareOf } from './failure-mode.ts'
import type { FailureMode } from './failure-mode.ts'
import { isInTime, startJobs } from './jobs.ts'
import type { JobRecord, Stream } from './jobs.ts'
import { adaptiveLane } from './lane.ts'
import { WorkerPool } from './pool.ts'

/** Workers that all tools share, or half of them for each lane. */
const WORKERS = 32
const SLOW_FROM_MS = 60_000
const SLOW_TO_MS = 120_000
const END_MS = 240_000
const SLOW: ToolModel = {
  capacity: { kind: 'pool', servers: 16 },
  service: { meanMs: 500, cv: 0.5 },
  changes: [
    { atSeconds: SLOW_FROM_MS / 1000, slowdown: 20 },
    { atSeconds: SLOW_TO_MS / 1000, slowdown: 1 },
  ],
}
const HEALTHY: ToolModel = { capacity: { kind: 'pool', servers: 16 }, service: { meanMs: 100, cv: 0.5 } }
const SLOW_JOBS: Stream = { perSecond: 12, validSeconds: 30 }
const HEALTHY_JOBS: Stream = { perSecond: 40, validSeconds: 5 }
const LANE = { maxQueueDepth: 40, maxConcurrent: WORKERS / 2, leaseSeconds: 120 }

export const contagion: FailureMode = {
  name: 'cross-tool contagion',
  about:
    'one tool (0.5 s, 12 jobs a second) takes 20 times as long for a minute; another (0.1 s, 40 jobs a second, of use for 5 s) is well all the time.',
  without: '32 shared workers',
  with: 'Spillway, lanes of 16 + 16',
  run: (isWith, seed) => {
    const agenda = new Agenda()
    const shared = new WorkerPool(WORKERS, agenda)
    const lane = (ttlSeconds: number) => (isWith ? adaptiveLane({ ...LANE, ttlSeconds }, agenda) : shared)
    const slow = { agenda, tool: new Tool(SLOW, agenda), scheduler: lane(15) }
    const healthy = { agenda, tool: new Tool(HEALTHY, agenda), scheduler: lane(4) }
    const slowJobs = startJobs(SLOW_JOBS, slow, streamSeed(seed, 1), END_MS)
    const healthyJobs = startJobs(HEALTHY_JOBS, healthy, streamSeed(seed, 2), END_MS)
    agenda.runUntil(END_MS + 60_000)
    const meanwhile = healthyJobs.filter((job) => job.askedAtMs >= SLOW_FROM_MS && job.askedAtMs < SLOW_TO_MS)
    const share = (jobs: readonly JobRecord[], stream: Stream): number =>
      shareOf(jobs, (job) => isInTime(job, stream))
    return [
      { name: 'healthy tool: in time meanwhile', value: share(meanwhile, HEALTHY_JOBS), digits: 3 },
      { name: 'healthy tool: p99 of the wait meanwhile, s', value: p99WaitSeconds(meanwhile), digits: 2 },
      { name: 'healthy tool: in time, whole run', value: share(healthyJobs, HEALTHY_JOBS), digits: 3 },
      { name: 'slow tool: in time, whole run', value: share(slowJobs, SLOW_JOBS), digits: 3 },
    ]
  },
}

/** Seconds from the request to the start of the call, or to the refusal. */
function p99WaitSeconds(jobs: readonly JobRecord[]): number {
  const waits = jobs.map((job) => (job.startedAtMs ?? job.endedAtMs ?? END_MS) - job.askedAtMs)
  return (waits.sort((a, b) => a - b)[Math.ceil(0.99 * waits.length) - 1] ?? 0) / 1000
}
