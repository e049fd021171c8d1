/**
 * Parses the bodies of the lease API: a worker's request for a lease (`{"job_id": "...", "lease_seconds": 30, "wait_ms":
 * 5000, "priority": "normal", "agent": "..."}`) and the verdict with which it ends one. Every field may be left out. Pure.
 */
import { z } from 'zod'
import { PRIORITIES } from '../lane/priority.ts'
import type { Priority } from '../lane/priority.ts'
import type { Verdict } from '../lane/reason.ts'
import { parseJson } from './json-body.ts'
import type { ParsedBody } from './json-body.ts'

export interface LeaseRequest {
  readonly jobId: string | undefined
  /** Milliseconds without a renewal; undefined: the lane's leaseSeconds. */
  readonly leaseMs: number | undefined
  /** Milliseconds in the queue; undefined: the lane's ttlSeconds. */
  readonly waitMs: number | undefined
  readonly priority: Priority | undefined
  /** A key for fairness, like X-Agent-Id for calls. */
  readonly agent: string | undefined
}

const DAY_SECONDS = 86_400
const LONGEST_TEXT = 256

const text = z.string('must be a text').min(1, 'must not be empty').max(LONGEST_TEXT, 'is longer than 256')
const leaseSchema = z.strictObject({
  job_id: text.optional(),
  lease_seconds: z
    .number('must be a number of seconds')
    .min(0.1, 'must be at least 0.1')
    .max(DAY_SECONDS, 'must be at most 86400')
    .optional(),
  wait_ms: z
    .int('must be a whole number of milliseconds')
    .min(0, 'must not be below 0')
    .max(DAY_SECONDS * 1000, 'must be at most 86400000')
    .optional(),
  priority: z.enum(PRIORITIES, `must be one of ${PRIORITIES.join(', ')}`).optional(),
  agent: text.optional(),
})
const endSchema = z.strictObject({
  verdict: z.enum(['ok', 'dropped', 'ignored'], 'must be ok, dropped or ignored').optional(),
})

const LEASE_EXAMPLE = 'write for example {"job_id": "crawl-7", "lease_seconds": 30, "wait_ms": 5000}'
const END_EXAMPLE = 'write for example {"verdict": "ok"}'

export function parseLeaseRequest(body: string): ParsedBody<LeaseRequest> {
  const parsed = parse(body, leaseSchema, LEASE_EXAMPLE)
  if (!parsed.ok) return parsed
  const { job_id: jobId, lease_seconds: seconds, wait_ms: waitMs, priority, agent } = parsed.value
  const leaseMs = seconds === undefined ? undefined : Math.round(seconds * 1000)
  return { ok: true, value: { jobId, leaseMs, waitMs, priority, agent } }
}

/** `ok` if the body names no verdict. */
export function parseVerdict(body: string): ParsedBody<Verdict> {
  const parsed = parse(body, endSchema, END_EXAMPLE)
  return parsed.ok ? { ok: true, value: parsed.value.verdict ?? 'ok' } : parsed
}

/** A body may be left out: everything in it may. */
function parse<T>(body: string, schema: z.ZodType<T>, example: string): ParsedBody<T> {
  return parseJson(body.trim() === '' ? '{}' : body, schema, example)
}
