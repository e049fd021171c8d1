/**
 * The keys that `defaults` and every tool can have: what a lane allows, and how its calls are forwarded. The order here
 * is the order in messages and in docs/configuration.md.
 */
import * as z from 'zod'
import { PRIORITIES } from '../../lane/priority.ts'
import type { RateSettings } from '../../lane/token-bucket.ts'
import { field, noneOr, oneOf, says, seconds, text, twoLines, whole, yesOrNo } from '../fields.ts'
import { parseHeaderName } from '../header-name.ts'
import { TOOL_NAME } from '../tool-name.ts'
import { CONTROLLER } from './controller.ts'
import { asWritten, toMs } from './convert.ts'
import { mapOf, mapWith } from './map-of.ts'
import { RETRIES, RETRY_AFTER } from './retries.ts'
import { given, NEEDED, none, part, sameAs, section, toolKey } from './row.ts'

const MOST_LEASES = 10_000
const MOST_FALLBACKS = 16
const MOST_CALLS = 1_000_000_000
const DAY_SECONDS = 86_400
const TEBIBYTE = 1_099_511_627_776
/** The share of the calls of a whole period that may start at once: the most by which a burst exceeds the rate. */
const BURST_RATIO = 0.1

const PRIORITY_KEYS = {
  max: toolKey({
    field: oneOf(PRIORITIES),
    default: given('critical', 'agents behind one sidecar are trusted alike'),
    says: 'The highest class that a caller may claim. A higher claim counts as this one.',
    setting: { lane: { priority: { max: asWritten } } },
    reload: 'new calls',
  }),
  default: toolKey({
    field: oneOf(PRIORITIES),
    default: given('normal', 'RFC 9218: what a client means that says nothing'),
    says: 'The class of a call that claims none.',
    setting: { lane: { priority: { default: asWritten } } },
    reload: 'new calls',
  }),
}

const PRIORITY = section({
  field: mapOf({ what: 'a map', example: '{ max: high }' }, PRIORITY_KEYS),
  says: 'Which classes calls have.',
  keys: PRIORITY_KEYS,
})

const FAIRNESS_PARTS = {
  by: part({
    field: text(parseHeaderName, { what: 'the name of a header', example: 'X-Agent-Id' }),
    default: NEEDED,
    says: 'The request header that tells agents apart. Agents of one class take turns.',
  }),
}

const RATE_NEEDED = {
  calls: part({
    field: whole({ from: 1, to: MOST_CALLS, example: 5000 }),
    default: NEEDED,
    unit: 'calls',
    says: 'How many calls may start in `perSeconds`.',
  }),
  perSeconds: part({
    field: seconds({ to: 30 * DAY_SECONDS, example: 3600 }),
    default: NEEDED,
    unit: 'seconds',
    says: 'The time in which `calls` may start.',
  }),
}

const RATE_OPTIONAL = {
  burst: part({
    field: whole({ from: 1, to: MOST_CALLS, example: 100 }),
    default: none('a tenth of `calls`'),
    unit: 'calls',
    says: 'How many calls may start at once after a quiet time.',
  }),
}

const RATE_EXAMPLE = '{ calls: 5000, perSeconds: 3600, burst: 100 }'
const RATE_MAP = mapWith({ what: 'a map', example: RATE_EXAMPLE }, RATE_NEEDED, RATE_OPTIONAL)
const FALLBACK_TOOL = says('a tool name', 'search_cache')

export const LANE_KEYS = {
  stripPath: toolKey({
    field: yesOrNo(),
    default: given(true, 'the tool does not know under which path it was put'),
    says: 'Whether the matched path is cut off before the call is forwarded.',
    setting: { stripPath: asWritten },
    reload: 'starting calls',
    isOfServer: true,
  }),
  keepHost: toolKey({
    field: yesOrNo(),
    default: given(false, 'hosted tools answer to their own name only'),
    says: "Whether the tool gets the caller's Host header in place of its own.",
    setting: { keepHost: asWritten },
    reload: 'starting calls',
    isOfServer: true,
  }),
  maxQueueDepth: toolKey({
    field: whole({ from: 0, to: 100_000, example: 100 }),
    default: given(100, 'twelve rounds of eight: enough for a burst, short of a backlog'),
    unit: 'calls',
    says: 'How many calls may wait. 0: no call ever waits.',
    setting: { lane: { maxQueueDepth: asWritten } },
    reload: 'new calls',
  }),
  maxConcurrent: toolKey({
    field: whole({ from: 1, to: MOST_LEASES, example: 8 }),
    default: given(8, "the seed document's figure for a hosted API"),
    unit: 'calls',
    says: 'The ceiling of the limit: how many calls may run at a time at most.',
    setting: { lane: { maxConcurrent: asWritten } },
    reload: 'at once',
  }),
  startConcurrent: toolKey({
    field: whole({ from: 1, to: MOST_LEASES, example: 8 }),
    default: sameAs('maxConcurrent', 'a lower start refuses calls that the tool could take'),
    unit: 'calls',
    says: 'The limit at the start. Under `controller.algorithm: fixed` the limit itself, which a reload moves at once.',
    setting: { lane: { startConcurrent: asWritten } },
    reload: 'new lane',
  }),
  minConcurrent: toolKey({
    field: whole({ from: 1, to: MOST_LEASES, example: 1 }),
    default: given(1, 'one call at a time still learns when the tool has recovered'),
    unit: 'calls',
    says: 'The floor of the limit.',
    setting: { lane: { minConcurrent: asWritten } },
    reload: 'at once',
  }),
  ttlSeconds: toolKey({
    field: seconds({ to: DAY_SECONDS, example: 60 }),
    default: given(60, 'most agents have given up by then'),
    withMcp: given(30, 'common MCP clients give up after 60 s, and the call itself takes time, too'),
    unit: 'seconds',
    says: 'How long a call may wait. After that it is refused and never runs.',
    setting: { lane: { ttlMs: toMs } },
    reload: 'new calls',
  }),
  leaseSeconds: toolKey({
    field: seconds({ to: DAY_SECONDS, example: 120 }),
    default: given(120, 'silence, not length: a tool that streams keeps its lease'),
    unit: 'seconds',
    says: 'How long a running call may go without a byte in either direction.',
    setting: { lane: { leaseMs: toMs } },
    reload: 'at once',
  }),
  connectTimeoutSeconds: toolKey({
    field: seconds({ to: 300, example: 5 }),
    default: given(5, 'two lost SYN packets, which are sent again after 1 s and 3 s'),
    unit: 'seconds',
    says: 'How long a connection to the tool may take to come about.',
    setting: { connectTimeoutMs: toMs },
    reload: 'new connections',
    isOfServer: true,
  }),
  maxBodyBytes: toolKey({
    field: whole({ from: 0, to: TEBIBYTE, example: 104_857_600 }),
    default: given(104_857_600, '100 MiB: documents and images pass, a runaway upload does not'),
    withMcp: given(4_194_304, "4 MiB: the MCP SDKs' own bound; the whole body is held to be read"),
    unit: 'bytes',
    says: 'The largest request body.',
    setting: { maxBodyBytes: asWritten },
    reload: 'new calls',
  }),
  onClientGone: toolKey({
    field: oneOf(['cancel', 'finish']),
    default: given('cancel', 'work that nobody waits for holds a place that others need'),
    says: 'What happens to the running call of a caller who left. After 16 MiB of an answer that nobody gets, `finish` cancels, too.',
    setting: { onClientGone: asWritten },
    reload: 'at once',
  }),
  fallbackTools: toolKey({
    field: field({ what: 'a list of tool names', example: '[search_cache]' }, (error) =>
      z
        .array(z.string({ error: FALLBACK_TOOL }).regex(TOOL_NAME, { error: FALLBACK_TOOL }), { error })
        .max(MOST_FALLBACKS, {
          error: twoLines(`holds more than ${MOST_FALLBACKS} names`, 'write those an agent should try first'),
        }),
    ),
    default: given([], 'only the operator knows what can stand in'),
    says: 'Tools that refusals name as replacements.',
    setting: { fallbackTools: asWritten },
    reload: 'at once',
  }),
  controller: CONTROLLER,
  priority: PRIORITY,
  fairness: toolKey({
    field: noneOr(
      { what: 'none or a map with by, the name of a header', example: '{ by: X-Agent-Id }' },
      mapWith({ what: 'a map', example: '{ by: X-Agent-Id }' }, FAIRNESS_PARTS, {}),
    ),
    default: given({ by: 'X-Agent-Id' }, 'one agent that calls in a loop must not push out the others'),
    says: 'How agents are told apart. `none`: within a class the call that came first goes first.',
    setting: { agentHeader: (fairness) => (fairness === 'none' ? undefined : fairness.by.toLowerCase()) },
    reload: 'new calls',
    parts: FAIRNESS_PARTS,
  }),
  retryAfter: RETRY_AFTER,
  retries: RETRIES,
  rate: toolKey({
    field: noneOr({ what: 'none or a map with calls and perSeconds', example: RATE_EXAMPLE }, RATE_MAP),
    default: none(),
    says: 'How many calls may start in a time, whatever the limit. A call beyond it is refused with RATE_LIMITED. `none` takes the rate of `defaults` away.',
    setting: { lane: { rate: rateOf } },
    reload: 'at once',
    parts: { ...RATE_NEEDED, ...RATE_OPTIONAL },
  }),
}

function rateOf(rate: 'none' | z.infer<typeof RATE_MAP.schema> | undefined): RateSettings | undefined {
  if (rate === undefined || rate === 'none') return undefined
  const { calls, perSeconds, burst = Math.ceil(calls * BURST_RATIO) } = rate
  return { calls, perMs: toMs(perSeconds), burst }
}
