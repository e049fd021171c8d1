/**
 * A refusal as status, headers and JSON, from its reason's row in reasons.ts and the facts of the call. Pure.
 * Real clients break on a Retry-After that is 0, a date or a fraction, so it is a whole number of seconds of at least 1.
 * The finer value goes into retry-after-ms and the body.
 */
import type { Depths } from '../lane/event.ts'
import type { Priority } from '../lane/priority.ts'
import type { FaultCause, Reason } from '../lane/reason.ts'
import type { Answer } from './answer.ts'
import { REASON_ROWS } from './reasons.ts'
import type { ReasonRow } from './reasons.ts'

/** The lane that refused, as the caller may see it. */
export interface LaneView {
  readonly tool: string
  readonly maxQueueDepth: number
  readonly fallbackTools: readonly string[]
  readonly depths: Depths
}

export interface RefusalFacts {
  readonly reason: Reason
  readonly requestId: string
  /** Absent when no tool matched. */
  readonly lane?: LaneView | undefined
  /** The class of the call; `normal` where no lane was found that could tell. */
  readonly priority?: Priority | undefined
  /** Milliseconds; told with 429 and 503 only. */
  readonly retryAfterMs?: number | undefined
  /** Milliseconds spent in the queue. */
  readonly queuedMs?: number | undefined
  /** More about what was wrong, for people; a sentence without secrets. */
  readonly detail?: string | undefined
  /** What went wrong on the way to the tool. */
  readonly cause?: FaultCause | undefined
  /** False when the tool may have seen the call, for the reasons of which that is not certain beforehand. */
  readonly notExecuted?: boolean | undefined
}

export interface Reply extends Answer {
  /** Milliseconds; undefined where coming back makes no sense. */
  readonly retryAfterMs: number | undefined
}

/** Advice for refusals that no lane has an estimate for. */
export const DEFAULT_RETRY_AFTER_MS = 1000

/** The fields of the answer, before they are bytes. */
export function explain(facts: RefusalFacts) {
  const row = REASON_ROWS[facts.reason]
  const isTemporary = row.status === 429 || row.status === 503
  const retryAfterMs = isTemporary ? (facts.retryAfterMs ?? DEFAULT_RETRY_AFTER_MS) : undefined
  return { status: row.status, isTemporary, retryAfterMs, body: bodyOf(facts, row, retryAfterMs) }
}

/** What every refusal carries, whatever its form. Flat list of names and values. */
export function headersOf(facts: RefusalFacts, contentType: string, body: string): string[] {
  const headers = [
    'Content-Type',
    contentType,
    'Cache-Control',
    'no-store',
    'Content-Length',
    String(Buffer.byteLength(body)),
    'X-Spillway-Reason',
    facts.reason,
  ]
  if (facts.lane !== undefined) {
    headers.push('X-Spillway-Tool', facts.lane.tool)
    headers.push('Server-Timing', `queue;dur=${(facts.queuedMs ?? 0).toFixed(1)}`)
  }
  return headers
}

export function refuse(facts: RefusalFacts): Reply {
  const { status, retryAfterMs, ...explained } = explain(facts)
  const body = `${JSON.stringify(explained.body)}\n`
  const headers = headersOf(facts, 'application/json', body)
  if (retryAfterMs !== undefined) {
    headers.push('Retry-After', String(wholeSeconds(retryAfterMs)), 'retry-after-ms', String(retryAfterMs))
  }
  return { status, headers, body, retryAfterMs }
}

function bodyOf(facts: RefusalFacts, row: ReasonRow, retryAfterMs: number | undefined) {
  const { lane, notExecuted = row.notExecuted } = facts
  const words = notExecuted === row.notExecuted ? row.message : (row.messageIfRun ?? row.message)
  const message = words
    .replace('$tool', lane?.tool ?? '')
    .replace('$after', `${wholeSeconds(retryAfterMs ?? 0)} s`)
  return {
    accepted: false,
    reason: facts.reason,
    cause: facts.cause,
    tool: lane?.tool ?? null,
    retry_after_ms: retryAfterMs,
    not_executed: notExecuted,
    message: facts.detail === undefined ? message : `${message} (${facts.detail})`,
    queue_depth: lane?.depths.queueDepth,
    max_queue_depth: lane?.maxQueueDepth,
    active_workers: lane?.depths.active,
    limit: lane?.depths.limit,
    priority: facts.priority ?? 'normal',
    request_id: facts.requestId,
    fallback_tools: lane?.fallbackTools ?? [],
  }
}

/** Never 0: urllib3 reads that as a loop at 1 ms, axios-retry as "at once". */
function wholeSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000))
}
