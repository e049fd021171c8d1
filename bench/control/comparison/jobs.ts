/**
 * Jobs of agents. A job is valid for `validSeconds`, as long as the approval, the browser page or the user's intent that it
 * depends on. The queue does not remove it afterwards. The worker of a job may die without notice. A refused job is not
 * tried again: its agent learns it at once and does something else. Units: milliseconds.
 */
import type { Agenda } from '../engine/agenda.ts'
import { Random, streamSeed } from '../engine/random.ts'
import type { Held, Visitor } from '../engine/sidecar.ts'
import { ToolCall } from '../engine/tool.ts'
import type { Tool } from '../engine/tool.ts'
import type { Scheduler } from './pool.ts'

export interface Stream {
  readonly perSecond: number
  readonly validSeconds: number
  /** Share of jobs whose worker dies while it runs them. Default 0. */
  readonly deathRatio?: number
}

export interface Place {
  readonly agenda: Agenda
  readonly tool: Tool
  readonly scheduler: Scheduler
}

/** What became of one job. */
export interface JobRecord {
  readonly askedAtMs: number
  /** When its work began; undefined while it waits, or when it was refused. */
  startedAtMs?: number
  /** When it was done, or refused. */
  endedAtMs?: number
  ending?: 'done' | 'refused' | 'lost'
}

/** Generates jobs until `endMs`; the records grow while the agenda runs. */
export function startJobs(stream: Stream, place: Place, seed: number, endMs: number): JobRecord[] {
  const { agenda } = place
  const arrivals = new Random(streamSeed(seed, -1))
  const records: JobRecord[] = []
  const next = (): void => {
    const atMs = agenda.nowMs + arrivals.exponential(1000 / stream.perSecond)
    if (atMs >= endMs) return
    agenda.at(atMs, () => {
      const record: JobRecord = { askedAtMs: atMs }
      const random = new Random(streamSeed(seed, records.push(record)))
      const isDeadly = random.next() < (stream.deathRatio ?? 0)
      place.scheduler.enter(visitor(record, { ...place, random, isDeadly }), random.next())
      next()
    })
  }
  next()
  return records
}

function visitor(record: JobRecord, job: Place & { random: Random; isDeadly: boolean }): Visitor {
  const { agenda, tool, random, isDeadly } = job
  const end = (ending: NonNullable<JobRecord['ending']>): void => {
    record.endedAtMs = agenda.nowMs
    record.ending = ending
  }
  return {
    granted: (held: Held) => {
      record.startedAtMs = agenda.nowMs
      if (isDeadly) return
      const call = new ToolCall(() => {
        end('done')
        const latencyMs = agenda.nowMs - held.grantedAtMs
        held.settle({ cause: 'completed', verdict: 'ok', latencyMs })
      })
      tool.begin(call, random)
    },
    refused: () => end('refused'),
    reclaimed: () => end('lost'),
  }
}

export function isInTime(record: JobRecord, { validSeconds }: Stream): boolean {
  return record.ending === 'done' && (record.endedAtMs ?? 0) - record.askedAtMs <= validSeconds * 1000
}

/** The job started after it had become invalid. */
export function isStale(record: JobRecord, { validSeconds }: Stream): boolean {
  return record.startedAtMs !== undefined && record.startedAtMs - record.askedAtMs > validSeconds * 1000
}
