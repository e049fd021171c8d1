/**
 * Every answer that Spillway itself gives: the one room that turns a reason into a status, headers and bytes. Pure.
 * Facts behind the numbers: real clients break on a Retry-After that is 0, a date or a fraction, so it is a whole
 * number of seconds from 1 to 30; the finer value goes into retry-after-ms and the body.
 */
import type { Depths } from '../lane/event.ts'
import type { Priority } from '../lane/priority.ts'
import type { FaultCause, Reason } from '../lane/reason.ts'
import type { Answer } from './answer.ts'

interface Row {
  readonly status: number
  /** The tool was certainly not called, so that trying again is safe. */
  readonly notExecuted: boolean
  /** One sentence for a model; `$tool` and `$after` are filled in. */
  readonly message: string
}

/** The table of the contract, section 4; docs/reasons.md says it for people, and a test compares the two. */
export const REPLIES: Readonly<Record<Reason, Row>> = {
  QUEUE_SATURATED: {
    status: 429,
    notExecuted: true,
    message:
      'The tool $tool is busy and its queue is full; the call was not made. Try again in $after, or do without it.',
  },
  SHED_LOW_PRIORITY: {
    status: 429,
    notExecuted: true,
    message:
      'The tool $tool is overloaded and serves more important calls first; the call was not made. Try again in $after, or do without it.',
  },
  QUEUE_TTL_EXPIRED: {
    status: 429,
    notExecuted: true,
    message:
      'The call waited for the tool $tool as long as it may and was not made. Try again in $after if it still matters.',
  },
  DEADLINE_UNREACHABLE: {
    status: 429,
    notExecuted: true,
    message:
      'The tool $tool is too busy to start the call in the time that it may wait; the call was not made. Try again in $after, or allow more time.',
  },
  UPSTREAM_THROTTLED: {
    status: 429,
    notExecuted: true,
    message:
      'The tool $tool itself asked its callers to wait, so the call was not made. Try again in $after, or do without it.',
  },
  RATE_LIMITED: {
    status: 429,
    notExecuted: true,
    message:
      'The call rate that is set for the tool $tool is used up; the call was not made. Try again in $after.',
  },
  LANE_PAUSED: {
    status: 503,
    notExecuted: true,
    message:
      'An operator paused the tool $tool; the call was not made. Try again in $after, or do without it.',
  },
  DRAINING: {
    status: 503,
    notExecuted: true,
    message:
      'The proxy in front of the tool $tool is shutting down; the call was not made. Try again in $after.',
  },
  STORE_UNAVAILABLE: {
    status: 503,
    notExecuted: true,
    message:
      'Nobody can tell how many others call the tool $tool now, so the call was not made. Try again in $after, or do without it.',
  },
  PROXY_OVERLOADED: {
    status: 503,
    notExecuted: true,
    message:
      'The proxy holds as many calls as it can, so this one was not made. Try again in $after, or do without it.',
  },
  UPSTREAM_UNREACHABLE: {
    status: 502,
    notExecuted: true,
    message:
      'No connection to the tool $tool could be made; the call was not made. It may be down: use another way.',
  },
  UPSTREAM_FAILED: {
    status: 502,
    notExecuted: false,
    message:
      'The tool $tool broke the connection before it answered; the call may have had an effect. Check before repeating it.',
  },
  LEASE_EXPIRED: {
    status: 504,
    notExecuted: false,
    message:
      'The tool $tool went silent and the call was given up; it may have had an effect. Check before repeating it.',
  },
  NO_ROUTE: {
    status: 404,
    notExecuted: true,
    message: 'No tool matches this host and path, so nothing was called; trying again will not help.',
  },
  BAD_REQUEST: {
    status: 400,
    notExecuted: true,
    message:
      'The request could not be forwarded safely, so nothing was called; trying again unchanged will not help.',
  },
  REQUEST_TIMEOUT: {
    status: 408,
    notExecuted: true,
    message: 'The request did not arrive in time, so nothing was called. Send it again, faster.',
  },
  BODY_TOO_LARGE: {
    status: 413,
    notExecuted: true,
    message: 'The request body is larger than the tool $tool may be sent; the call was not made. Send less.',
  },
  TARGET_TOO_LONG: {
    status: 414,
    notExecuted: true,
    message: 'The address of the request is too long, so nothing was called. Move what it says into a body.',
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    notExecuted: true,
    message: 'The request headers are too large, so nothing was called. Send fewer or shorter headers.',
  },
  INTERNAL: {
    status: 500,
    notExecuted: true,
    message: 'An error inside the proxy ended this call before any tool was called.',
  },
}

/** What replaces the sentence of a reason whose tool may have been called after all. */
const MAY_HAVE_RUN: Partial<Readonly<Record<Reason, string>>> = {
  INTERNAL:
    'An error inside the proxy ended this call; it may have had an effect. Check before repeating it.',
  REQUEST_TIMEOUT:
    'The request body did not arrive in time and the call was given up; it may have had an effect. Check before repeating it.',
}

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
  const row = REPLIES[facts.reason]
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

function bodyOf(facts: RefusalFacts, row: Row, retryAfterMs: number | undefined) {
  const { lane, notExecuted = row.notExecuted } = facts
  const words = notExecuted === row.notExecuted ? row.message : (MAY_HAVE_RUN[facts.reason] ?? row.message)
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
