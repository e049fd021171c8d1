/**
 * Zombie slots: workers die while they hold a browser. Without leases each death costs a slot for ever; with leases the
 * slot is free again when the lease has been silent for its time.
 */
import { Agenda } from '../engine/agenda.ts'
import { Tool } from '../engine/tool.ts'
import type { ToolModel } from '../scenario.ts'
import { shareOf } from './failure-mode.ts'
import type { FailureMode } from './failure-mode.ts'
import { isInTime, startJobs } from './jobs.ts'
import type { Stream } from './jobs.ts'
import { adaptiveLane } from './lane.ts'
import { WorkerPool } from './pool.ts'

const SLOTS = 8
const MINUTE_MS = 60_000
const END_MS = 15 * MINUTE_MS
const BROWSER: ToolModel = { capacity: { kind: 'unlimited' }, service: { meanMs: 2000, cv: 0.5 } }
const JOBS: Stream = { perSecond: 2, validSeconds: 60, deathRatio: 0.01 }
const LANE = { maxQueueDepth: 20, maxConcurrent: SLOTS, ttlSeconds: 30, leaseSeconds: 30 }

export const zombieSlots: FailureMode = {
  name: 'zombie slots',
  about:
    '8 browsers, 2 jobs a second of 2 s each, for 15 minutes; the worker of every hundredth job dies and never says so.',
  without: '8 workers, no leases',
  with: 'Spillway, leases of 30 s',
  run: (isWith, seed) => {
    const agenda = new Agenda()
    const tool = new Tool(BROWSER, agenda)
    const scheduler = isWith ? adaptiveLane(LANE, agenda) : new WorkerPool(SLOTS, agenda)
    const jobs = startJobs(JOBS, { agenda, tool, scheduler }, seed, END_MS)
    agenda.runUntil(END_MS)
    const last = jobs.filter(
      (job) => job.askedAtMs >= END_MS - 6 * MINUTE_MS && job.askedAtMs < END_MS - MINUTE_MS,
    )
    const pinned = jobs.filter((job) => job.startedAtMs !== undefined && job.ending === undefined)
    const zombies = pinned.filter((job) => END_MS - (job.startedAtMs ?? 0) > 30_000).length
    return [
      { name: 'done in time, share of jobs', value: shareOf(jobs, (job) => isInTime(job, JOBS)), digits: 3 },
      {
        name: 'the same late in the run (minutes 9 to 14)',
        value: shareOf(last, (job) => isInTime(job, JOBS)),
        digits: 3,
      },
      { name: 'slots held by the dead at the end, of 8', value: zombies, digits: 1 },
    ]
  },
}
