/**
 * Parses an operator's override of a lane: `{"limit": 4 | "auto", "paused": true, "for": "10m"}`. Pure.
 */
import { z } from 'zod'
import type { OverrideOrder } from '../lane/operator-override.ts'
import { parseJson } from './json-body.ts'
import type { ParsedBody } from './json-body.ts'

/** The lane's bounds for a limit. */
export interface LimitBounds {
  readonly min: number
  readonly max: number
}

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const DURATION = /^(\d{1,9})(ms|s|m|h|d)$/
/** A year. An override without `for` has no end. */
const LONGEST_MS = 365 * UNIT_MS.d

const schema = z.strictObject({
  limit: z.union([z.int(), z.literal('auto')], 'must be a whole number or "auto"').optional(),
  paused: z.boolean('must be true or false').optional(),
  for: z.string('must be a text').refine(isDuration, 'must be a duration from 1ms to 365d').optional(),
})

const EXAMPLE = 'write for example {"limit": 4, "for": "10m"}, {"limit": "auto"} or {"paused": true}'

export function parseOverrideOrder(body: string, bounds: LimitBounds): ParsedBody<OverrideOrder> {
  const parsed = parseJson(body, schema, EXAMPLE)
  if (!parsed.ok) return parsed
  const { limit, paused } = parsed.value
  if (limit === undefined && paused === undefined) return { ok: false, problem: `nothing to do; ${EXAMPLE}` }
  if (typeof limit === 'number' && (limit < bounds.min || limit > bounds.max)) {
    const problem = `limit must lie between minConcurrent ${bounds.min} and maxConcurrent ${bounds.max}`
    return { ok: false, problem: `${problem}; to stop the lane write {"paused": true}` }
  }
  return { ok: true, value: { limit, paused, forMs: durationMs(parsed.value.for) } }
}

function isDuration(text: string): boolean {
  const ms = durationMs(text) ?? 0
  return ms > 0 && ms <= LONGEST_MS
}

function durationMs(text: string | undefined): number | undefined {
  const parts = DURATION.exec(text ?? '')
  return parts === null ? undefined : Number(parts[1]) * UNIT_MS[parts[2] as keyof typeof UNIT_MS]
}
