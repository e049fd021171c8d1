/**
 * The reasons, one row each: what Spillway answers when it answers in the tool's place. docs/reasons.md says the same for
 * people, and a test compares the two. A new reason is a name in lane/reason.ts, a row here and a row there.
 */
import type { Reason } from '../lane/reason.ts'

export interface ReasonRow {
  readonly status: number
  /** The tool was certainly not called, so that trying again is safe. */
  readonly notExecuted: boolean
  /**
   * Over MCP: `model` gets the refusal as a result that it reads; `client` gets the status, since the client has to change
   * the request and no model can.
   */
  readonly tells: 'model' | 'client'
  /** One sentence that a model can act on; `$tool` and `$after` are filled in. */
  readonly message: string
  /** The sentence for a call that the tool may have seen, where `notExecuted` cannot be promised for each call. */
  readonly messageIfRun?: string
}

export const REASON_ROWS: Readonly<Record<Reason, ReasonRow>> = {
  QUEUE_SATURATED: {
    status: 429,
    notExecuted: true,
    tells: 'model',
    message:
      'The tool $tool is busy and its queue is full; the call was not made. Try again in $after, or do without it.',
  },
  SHED_LOW_PRIORITY: {
    status: 429,
    notExecuted: true,
    tells: 'model',
    message:
      'The tool $tool is overloaded and serves more important calls first; the call was not made. Try again in $after, or do without it.',
  },
  QUEUE_TTL_EXPIRED: {
    status: 429,
    notExecuted: true,
    tells: 'model',
    message:
      'The call waited for the tool $tool as long as it was allowed to and was not made. Try again in $after if it still matters.',
  },
  DEADLINE_UNREACHABLE: {
    status: 429,
    notExecuted: true,
    tells: 'model',
    message:
      'The tool $tool is too busy to start the call in the time that it may wait; the call was not made. Try again in $after, or allow more time.',
  },
  UPSTREAM_THROTTLED: {
    status: 429,
    notExecuted: true,
    tells: 'model',
    message:
      'The tool $tool itself asked its callers to wait, so the call was not made. Try again in $after, or do without it.',
  },
  RATE_LIMITED: {
    status: 429,
    notExecuted: true,
    tells: 'model',
    message:
      'The call rate that is set for the tool $tool is used up; the call was not made. Try again in $after.',
  },
  LANE_PAUSED: {
    status: 503,
    notExecuted: true,
    tells: 'model',
    message:
      'An operator paused the tool $tool; the call was not made. Try again in $after, or do without it.',
  },
  DRAINING: {
    status: 503,
    notExecuted: true,
    tells: 'model',
    message:
      'The proxy in front of the tool $tool is shutting down; the call was not made. Try again in $after.',
  },
  STORE_UNAVAILABLE: {
    status: 503,
    notExecuted: true,
    tells: 'model',
    message:
      'The store that counts all calls of the tool $tool does not answer, so the call was not made. Try again in $after, or do without it.',
  },
  PROXY_OVERLOADED: {
    status: 503,
    notExecuted: true,
    tells: 'model',
    message:
      'The proxy holds as many calls as it can, so this one was not made. Try again in $after, or do without it.',
  },
  UPSTREAM_UNREACHABLE: {
    status: 502,
    notExecuted: true,
    tells: 'model',
    message:
      'No connection to the tool $tool could be made; the call was not made. It may be down: use another way.',
  },
  UPSTREAM_FAILED: {
    status: 502,
    notExecuted: false,
    tells: 'model',
    message:
      'The tool $tool broke the connection before it answered; the call may have had an effect. Check before repeating it.',
  },
  LEASE_EXPIRED: {
    status: 504,
    notExecuted: false,
    tells: 'model',
    message:
      'The tool $tool went silent and the call was given up; it may have had an effect. Check before repeating it.',
  },
  NO_ROUTE: {
    status: 404,
    notExecuted: true,
    tells: 'client',
    message: 'No tool matches this host and path, so nothing was called; trying again will not help.',
  },
  BAD_REQUEST: {
    status: 400,
    notExecuted: true,
    tells: 'client',
    message:
      'The request could not be forwarded safely, so nothing was called; trying again unchanged will not help.',
  },
  REQUEST_TIMEOUT: {
    status: 408,
    notExecuted: true,
    tells: 'client',
    message: 'The request did not arrive in time, so nothing was called. Send it again, faster.',
    messageIfRun:
      'The request body did not arrive in time and the call was given up; it may have had an effect. Check before repeating it.',
  },
  BODY_TOO_LARGE: {
    status: 413,
    notExecuted: true,
    tells: 'client',
    message: 'The request body is larger than the tool $tool may be sent; the call was not made. Send less.',
  },
  TARGET_TOO_LONG: {
    status: 414,
    notExecuted: true,
    tells: 'client',
    message: 'The address of the request is too long, so nothing was called. Move what it says into a body.',
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    notExecuted: true,
    tells: 'client',
    message: 'The request headers are too large, so nothing was called. Send fewer or shorter headers.',
  },
  INTERNAL: {
    status: 500,
    notExecuted: true,
    tells: 'model',
    message: 'An error inside the proxy ended this call before any tool was called.',
    messageIfRun:
      'An error inside the proxy ended this call; it may have had an effect. Check before repeating it.',
  },
}
