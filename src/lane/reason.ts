/**
 * The closed set of reasons why a request gets Spillway's own answer: the same word in code, body, header, log and
 * metric. A new reason is a name here, a row in reply/reasons.ts (the compiler asks for it) and a row in docs/reasons.md (a
 * test asks for it).
 */
export const REASONS = [
  'QUEUE_SATURATED',
  'SHED_LOW_PRIORITY',
  'QUEUE_TTL_EXPIRED',
  'DEADLINE_UNREACHABLE',
  'UPSTREAM_THROTTLED',
  'RATE_LIMITED',
  'LANE_PAUSED',
  'DRAINING',
  'STORE_UNAVAILABLE',
  'PROXY_OVERLOADED',
  'UPSTREAM_UNREACHABLE',
  'UPSTREAM_FAILED',
  'LEASE_EXPIRED',
  'NO_ROUTE',
  'BAD_REQUEST',
  'REQUEST_TIMEOUT',
  'BODY_TOO_LARGE',
  'TARGET_TOO_LONG',
  'HEADERS_TOO_LARGE',
  'INTERNAL',
] as const

export type Reason = (typeof REASONS)[number]

/** Why a lane was closed: the process stops, or a reload removed the tool. */
export type ClosedReason = Extract<Reason, 'DRAINING' | 'NO_ROUTE'>

/** The reasons that the core gives; the other reasons are found outside it. */
export type LaneReason = Extract<
  Reason,
  | ClosedReason
  | 'QUEUE_SATURATED'
  | 'SHED_LOW_PRIORITY'
  | 'QUEUE_TTL_EXPIRED'
  | 'DEADLINE_UNREACHABLE'
  | 'UPSTREAM_THROTTLED'
  | 'RATE_LIMITED'
  | 'LANE_PAUSED'
  | 'STORE_UNAVAILABLE'
>

/**
 * What the end of a lease tells the control law. `ok`: the tool served the call. `dropped`: the tool failed or was
 * overloaded. `ignored`: it says nothing about the tool, for example because the request was wrong.
 */
export type Verdict = 'ok' | 'dropped' | 'ignored'

/** How a lease ended; exactly one of them for each lease. */
export type EndCause = 'completed' | 'failed' | 'cancelled' | 'reclaimed'

/** What became of a retry; a closed set, the label of retries_total. Retries with the last two results were never sent. */
export const RETRY_RESULTS = [
  'succeeded',
  'failed',
  'cancelled',
  'refused',
  'overloaded',
  'no_budget',
] as const

export type RetryResult = (typeof RETRY_RESULTS)[number]

/** How a request ended for its caller; a closed set, the label of requests_total. */
export const OUTCOMES = ['completed', 'refused', 'broken', 'cancelled'] as const

export type Outcome = (typeof OUTCOMES)[number]

/**
 * Why a tool could not be reached or broke a call off; a closed set, the label of upstream_failures_total. `local`: this
 * host ran out of files or ports. `interim`: more interim answers (1xx) than one call may have.
 */
export type FaultCause =
  | 'dns'
  | 'refused'
  | 'timeout'
  | 'unreachable'
  | 'certificate'
  | 'tls'
  | 'reset'
  | 'closed'
  | 'malformed'
  | 'too_large'
  | 'interim'
  | 'local'
  | 'other'
/** How the way to a tool failed one call. */
export interface Fault {
  /** How far the call had come: no connection yet, no response head yet, in the middle of the answer. */
  readonly phase: 'connect' | 'head' | 'body'
  readonly cause: FaultCause
  /** The error code of the system or the library, for example ECONNREFUSED; never an address, a name or other text. */
  readonly code: string | undefined
}

/** The reason for the caller of a call that failed in this way before the tool's response head. */
export function reasonOfFault({
  phase,
  cause,
}: Fault): Extract<Reason, 'PROXY_OVERLOADED' | 'UPSTREAM_UNREACHABLE' | 'UPSTREAM_FAILED'> {
  if (phase !== 'connect') return 'UPSTREAM_FAILED'
  // This host has no file or port left for a connection: no tool is to blame for that.
  return cause === 'local' ? 'PROXY_OVERLOADED' : 'UPSTREAM_UNREACHABLE'
}
