/**
 * The keys of `retries` and `retryAfter`: Spillway's own further tries, and what refused callers are told about theirs.
 */
import * as z from 'zod'
import { decimal, field, says, whole } from '../fields.ts'
import { asWritten, toMs } from './convert.ts'
import { mapOf } from './map-of.ts'
import { given, section, toolKey } from './row.ts'

const MOST_RETRIES = 5
/** Clients wait no longer than this: contract, section 4. */
const LONGEST_RETRY_AFTER_SECONDS = 30
/** Statuses of an answer that may be thrown away for another try: the tool could not do it, whoever asked. */
const RETRYABLE = [500, 502, 503, 504] as const
const ONE_FAILURE = says(`connect, ${RETRYABLE.slice(0, -1).join(', ')} or ${RETRYABLE.at(-1) ?? ''}`, '503')

const RETRIES_KEYS = {
  max: toolKey({
    field: whole({ from: 0, to: MOST_RETRIES, example: 2 }),
    default: given(0, 'most clients retry by themselves, and two layers of retries multiply'),
    unit: 'retries',
    says: 'How often Spillway itself tries a failed call again, where that is safe.',
    setting: { retries: { max: asWritten } },
    reload: 'new calls',
  }),
  on: toolKey({
    field: field(
      { what: 'a list of connect and statuses such as 502', example: '[connect, 502, 503, 504]' },
      (error) =>
        z
          .array(z.union([z.literal('connect'), z.literal(RETRYABLE)], { error: ONE_FAILURE }), { error })
          .max(RETRYABLE.length + 1, { error }),
    ),
    default: given(['connect', 502, 503, 504], 'these say that the call was probably not carried out'),
    says: 'Which failures are tried again: `connect` (no connection came about), or an answer of 500, 502, 503 or 504.',
    setting: { retries: { on: asWritten } },
    reload: 'starting calls',
  }),
  budgetRatio: toolKey({
    field: decimal({ from: 0, to: 1, example: 0.1 }),
    default: given(0.1, 'a tool that fails gets a tenth more load, not several times as much'),
    unit: 'share of calls',
    says: 'The share of recent calls that may be retries. Three in 10 s are always allowed.',
    setting: { lane: { retryBudgetRatio: asWritten } },
    reload: 'at once',
  }),
}

export const RETRIES = section({
  field: mapOf({ what: 'a map', example: '{ max: 2 }' }, RETRIES_KEYS),
  says: "Spillway's own retries.",
  keys: RETRIES_KEYS,
})

const RETRY_AFTER_KEYS = {
  minSeconds: toolKey({
    field: whole({ from: 1, to: LONGEST_RETRY_AFTER_SECONDS, example: 1 }),
    default: given(1, 'Retry-After knows whole seconds, and 0 invites an immediate return'),
    unit: 'seconds',
    says: 'The shortest advice in refusals.',
    setting: { lane: { retryAfter: { minMs: toMs } } },
    reload: 'at once',
  }),
  maxSeconds: toolKey({
    field: whole({ from: 1, to: LONGEST_RETRY_AFTER_SECONDS, example: 30 }),
    default: given(30, 'clients give up on, or ignore, longer waits'),
    unit: 'seconds',
    says: 'The longest advice in refusals.',
    setting: { lane: { retryAfter: { maxMs: toMs } } },
    reload: 'at once',
  }),
}

export const RETRY_AFTER = section({
  field: mapOf({ what: 'a map', example: '{ minSeconds: 1, maxSeconds: 30 }' }, RETRY_AFTER_KEYS),
  says: 'Bounds of the advice in refusals.',
  keys: RETRY_AFTER_KEYS,
})
