/**
 * Decides whether a tool's answer asks callers to wait, and for how long. Such answers are 429, 503 or 403 with Retry-After
 * (RFC 9110, 10.2.3), and answers whose x-ratelimit-remaining is 0, until x-ratelimit-reset (GitHub). A date is compared
 * with the Date of the same answer, so that this host's clock does not matter. Pure.
 */
import type { Pushback } from '../lane/throttle.ts'
import { headerValue } from './headers.ts'

/** A smaller x-ratelimit-reset is in seconds from now (IETF drafts, some tools), a larger one in seconds since 1970. */
const EARLIEST_EPOCH_SECONDS = 1_000_000_000
/** Milliseconds: 30 days. A later reset is cut to this, since it is most likely a mistake. */
const LONGEST_QUOTA_MS = 30 * 86_400_000

/** `headers`: flat list of names and values. A successful answer, too, can say that the quota is now used up. */
export function pushbackOf(status: number, headers: readonly string[]): Pushback | undefined {
  const retryAfter = headerValue(headers, 'retry-after')
  const sentMs = Date.parse(headerValue(headers, 'date') ?? '')
  const asks = status === 429 || ((status === 503 || status === 403) && retryAfter !== undefined)
  if (asks && retryAfter !== undefined) return { retryAfterMs: waitMs(retryAfter, sentMs) }
  const quotaMs = quotaWaitMs(headers, sentMs)
  if (quotaMs !== undefined && status < 500) return { retryAfterMs: quotaMs }
  return asks ? { retryAfterMs: undefined } : undefined
}

/** Milliseconds of a Retry-After: seconds, with a fraction from some tools, or a date. Undefined if it is neither. */
function waitMs(retryAfter: string, sentMs: number): number | undefined {
  if (/^\s*\d{1,9}(?:\.\d+)?\s*$/.test(retryAfter)) return Math.round(Number(retryAfter) * 1000)
  const untilMs = Date.parse(retryAfter)
  return Number.isNaN(untilMs - sentMs) ? undefined : Math.max(0, untilMs - sentMs)
}

/** Milliseconds until a used-up quota is filled again; undefined if the quota is not used up or has no reset time. */
function quotaWaitMs(headers: readonly string[], sentMs: number): number | undefined {
  if (headerValue(headers, 'x-ratelimit-remaining')?.trim() !== '0') return undefined
  const reset = headerValue(headers, 'x-ratelimit-reset')?.trim() ?? ''
  if (!/^\d{1,10}$/.test(reset)) return undefined
  const seconds = Number(reset)
  const ms = seconds < EARLIEST_EPOCH_SECONDS ? seconds * 1000 : seconds * 1000 - sentMs
  return Number.isNaN(ms) ? undefined : Math.min(LONGEST_QUOTA_MS, Math.max(0, ms))
}
