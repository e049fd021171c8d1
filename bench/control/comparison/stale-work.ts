/**
 * Stale work: a tool slows down for two minutes, and waiting jobs become invalid. Without a TTL the workers then run the
 * invalid jobs in order of arrival, while valid jobs wait behind them.
 */
import { Agenda } from '../engine/agenda.ts'
import { Tool } from '../engine/tool.ts'
import type { ToolModel } from '../scenario.ts'
import { shareOf } from './failure-mode.ts'
import type { FailureMode } from './failure-mode.ts'
import { isInTime, isStale, startJobs } from './jobs.ts'
import type { JobRecord, Stream } from './jobs.ts'
import { adaptiveLane } from './lane.ts'
import { WorkerPool } from './pool.ts'

const SLOTS = 8
const SLOW_FROM_MS = 60_000
const SLOW_TO_MS = 180_000
const END_MS = 600_000
const TOOL: ToolModel = {
  capacity: { kind: 'pool', servers: SLOTS },
  service: { meanMs: 2000, cv: 0.5 },
  changes: [
    { atSeconds: SLOW_FROM_MS / 1000, slowdown: 8 },
    { atSeconds: SLOW_TO_MS / 1000, slowdown: 1 },
  ],
}
const JOBS: Stream = { perSecond: 3.6, validSeconds: 60 }
const LANE = { maxQueueDepth: 20, maxConcurrent: SLOTS, ttlSeconds: 30, leaseSeconds: 120 }

export const staleWork: FailureMode = {
  name: 'stale work',
  about:
    'a pool of 8 whose calls take 2 s is called at 0.9 of its capacity and slows down to an eighth for 2 minutes; a job is worth nothing after 60 s.',
  without: '8 workers, unbounded queue',
  with: 'Spillway, TTL 30 s',
  run: (isWith, seed) => {
    const agenda = new Agenda()
    const tool = new Tool(TOOL, agenda)
    const scheduler = isWith ? adaptiveLane(LANE, agenda) : new WorkerPool(SLOTS, agenda)
    const jobs = startJobs(JOBS, { agenda, tool, scheduler }, seed, END_MS)
    agenda.runUntil(END_MS)
    const after = jobs.filter((job) => job.askedAtMs >= SLOW_TO_MS && job.askedAtMs < END_MS - 60_000)
    const sent = jobs.filter((job) => job.startedAtMs !== undefined)
    const refused = jobs.filter((job) => job.ending === 'refused')
    return [
      { name: 'done in time, share of jobs', value: shareOf(jobs, (job) => isInTime(job, JOBS)), digits: 3 },
      {
        name: 'the same of jobs that came when the tool was well again',
        value: shareOf(after, (job) => isInTime(job, JOBS)),
        digits: 3,
      },
      { name: 'jobs begun when they were worth nothing, %', value: stalePercent(sent), digits: 1 },
      { name: 'oldest job begun, seconds', value: oldestSeconds(sent), digits: 0 },
      { name: 'told no, share of jobs', value: refused.length / jobs.length, digits: 3 },
    ]
  },
}

function stalePercent(sent: readonly JobRecord[]): number {
  return 100 * shareOf(sent, (job) => isStale(job, JOBS))
}

function oldestSeconds(sent: readonly JobRecord[]): number {
  return Math.max(...sent.map((job) => (job.startedAtMs ?? 0) - job.askedAtMs)) / 1000
}
