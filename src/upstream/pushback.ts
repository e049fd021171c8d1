/**
 * Whether a tool's answer asks callers to wait, and for how long: 429, or 503 with Retry-After (RFC 9110, 10.2.3). Pure;
 * a date is measured against the answer's own Date, so that no clock of this host is asked.
 */
import type { Pushback } from '../lane/limit/limiter.ts'
import { headerValue } from './headers.ts'

/** `headers`: flat list of names and values. */
export function pushbackOf(status: number, headers: readonly string[]): Pushback | undefined {
  if (status !== 429 && status !== 503) return undefined
  const said = headerValue(headers, 'retry-after')
  if (status === 503 && said === undefined) return undefined
  return { retryAfterMs: said === undefined ? undefined : waitMs(said, headerValue(headers, 'date')) }
}

/** Seconds, also with a fraction, which some tools send; or a date. Nonsense says nothing. */
function waitMs(said: string, date: string | undefined): number | undefined {
  if (/^\s*\d{1,9}(?:\.\d+)?\s*$/.test(said)) return Math.round(Number(said) * 1000)
  const untilMs = Date.parse(said)
  const sentMs = Date.parse(date ?? '')
  return Number.isNaN(untilMs - sentMs) ? undefined : Math.max(0, untilMs - sentMs)
}
