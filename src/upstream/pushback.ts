/**
 * Whether a tool's answer asks callers to wait, and for how long: 429, 503 with Retry-After (RFC 9110, 10.2.3), and the
 * way in which GitHub and its like say that a quota is used up: x-ratelimit-remaining: 0 until x-ratelimit-reset. Pure; a
 * moment is measured against the answer's own Date, so that no clock of this host is asked.
 */
import type { Pushback } from '../lane/throttle.ts'
import { headerValue } from './headers.ts'

/** Numbers above this are seconds since 1970, below it seconds from now: IETF drafts and some tools count so. */
const EARLIEST_MOMENT_SECONDS = 1_000_000_000
/** Milliseconds: a month. A quota that is filled later than this is a mistake, or no quota. */
const LONGEST_QUOTA_MS = 30 * 86_400_000

/** `headers`: flat list of names and values. An answer may be good and still say that it was the last for now. */
export function pushbackOf(status: number, headers: readonly string[]): Pushback | undefined {
  const said = headerValue(headers, 'retry-after')
  const sentMs = Date.parse(headerValue(headers, 'date') ?? '')
  const asks = status === 429 || ((status === 503 || status === 403) && said !== undefined)
  if (asks && said !== undefined) return { retryAfterMs: waitMs(said, sentMs) }
  const quotaMs = quotaWaitMs(headers, sentMs)
  if (quotaMs !== undefined && status < 500) return { retryAfterMs: quotaMs }
  return asks ? { retryAfterMs: undefined } : undefined
}

/** Seconds, also with a fraction, which some tools send; or a date. Nonsense says nothing. */
function waitMs(said: string, sentMs: number): number | undefined {
  if (/^\s*\d{1,9}(?:\.\d+)?\s*$/.test(said)) return Math.round(Number(said) * 1000)
  const untilMs = Date.parse(said)
  return Number.isNaN(untilMs - sentMs) ? undefined : Math.max(0, untilMs - sentMs)
}

/** Milliseconds until a used-up quota is filled again; undefined while something is left, or nobody says until when. */
function quotaWaitMs(headers: readonly string[], sentMs: number): number | undefined {
  if (headerValue(headers, 'x-ratelimit-remaining')?.trim() !== '0') return undefined
  const reset = headerValue(headers, 'x-ratelimit-reset')?.trim() ?? ''
  if (!/^\d{1,10}$/.test(reset)) return undefined
  const seconds = Number(reset)
  const ms = seconds < EARLIEST_MOMENT_SECONDS ? seconds * 1000 : seconds * 1000 - sentMs
  return Number.isNaN(ms) ? undefined : Math.min(LONGEST_QUOTA_MS, Math.max(0, ms))
}
