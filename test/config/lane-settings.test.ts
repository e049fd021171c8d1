/**
 * Wrong values and unknown keys of a lane: the one line that each of them is told, word for word.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TOOL_KEYS } from '../../src/config/keys/tool.ts'
import { problemsIn } from './reading.ts'

/** One lane setting in a file that is otherwise right; the setting stands in line 4, column 5. */
function lane(setting: string): string {
  return `tools:\n  github:\n    upstream: https://api.github.com\n    ${setting}\n`
}

const WRONG_VALUES: readonly (readonly [string, string])[] = [
  [
    'maxConcurrent: eight',
    '4:20 tools.github.maxConcurrent: must be a whole number from 1 to 10000, not "eight"; write for example 8',
  ],
  [
    'maxConcurrent: 0',
    '4:20 tools.github.maxConcurrent: must be a whole number from 1 to 10000, not 0; write for example 8',
  ],
  [
    'maxConcurrent: 2.5',
    '4:20 tools.github.maxConcurrent: must be a whole number from 1 to 10000, not 2.5; write for example 8',
  ],
  [
    'maxConcurrent: "8"',
    '4:20 tools.github.maxConcurrent: must be a whole number from 1 to 10000, not "8"; write for example 8',
  ],
  [
    'maxConcurrent: .inf',
    '4:20 tools.github.maxConcurrent: must be a whole number from 1 to 10000, not Infinity; write for example 8',
  ],
  [
    'maxConcurrent: 10001',
    '4:20 tools.github.maxConcurrent: must be a whole number from 1 to 10000, not 10001; write for example 8',
  ],
  ['maxConcurrent:', '4:5 tools.github.maxConcurrent: is empty; write for example 8'],
  ['maxConcurrent: ~', '4:20 tools.github.maxConcurrent: is empty; write for example 8'],
  [
    'maxConcurrent: [8]',
    '4:20 tools.github.maxConcurrent: must be a whole number from 1 to 10000, not a list; write for example 8',
  ],
  [
    'maxQueueDepth: -1',
    '4:20 tools.github.maxQueueDepth: must be a whole number from 0 to 100000, not -1; write for example 100',
  ],
  [
    'ttlSeconds: 0',
    '4:17 tools.github.ttlSeconds: must be a number of seconds above 0 and up to 86400, not 0; write for example 60',
  ],
  [
    'ttlSeconds: 60s',
    '4:17 tools.github.ttlSeconds: must be a number of seconds above 0 and up to 86400, not "60s"; write for example 60',
  ],
  [
    'retries: { on: [conect] }',
    '4:21 tools.github.retries.on[0]: must be connect, 500, 502, 503 or 504, not "conect"; write for example 503',
  ],
  [
    'retries: { on: [429] }',
    '4:21 tools.github.retries.on[0]: must be connect, 500, 502, 503 or 504, not 429; write for example 503',
  ],
  [
    'retries: { on: 503 }',
    '4:20 tools.github.retries.on: must be a list of connect and statuses such as 502, not 503; write for example [connect, 502, 503, 504]',
  ],
  ['rate: { calls: 5 }', '4:5 tools.github.rate.perSeconds: is missing; write for example 3600'],
  [
    'maxBodyBytes: 1.5',
    '4:19 tools.github.maxBodyBytes: must be a whole number from 0 to 1099511627776, not 1.5; write for example 104857600',
  ],
  ['stripPath: yes', '4:16 tools.github.stripPath: must be true or false, not "yes"; write for example true'],
  [
    'onClientGone: ignore',
    '4:19 tools.github.onClientGone: must be cancel or finish, not "ignore"; write for example cancel',
  ],
  [
    'retryAfter: { maxSeconds: 31 }',
    '4:31 tools.github.retryAfter.maxSeconds: must be a whole number from 1 to 30, not 31; write for example 30',
  ],
  [
    'priority: { max: urgent }',
    '4:22 tools.github.priority.max: must be critical, high, normal or low, not "urgent"; write for example critical',
  ],
  [
    'priority: { min: low }',
    '4:17 tools.github.priority.min: unknown key; remove it, or write one of max, default',
  ],
  [
    'fairness: some',
    '4:15 tools.github.fairness: must be none or a map with by, the name of a header, not "some"; write for example { by: X-Agent-Id }',
  ],
  [
    'fairness: { by: "a b" }',
    '4:21 tools.github.fairness.by: "a b" is not the name of a header; write for example X-Agent-Id',
  ],
  [
    'fairness: { by: X-Agent-Id, bye: X }',
    '4:33 tools.github.fairness.bye: unknown key; remove it, or write one of by',
  ],
  [
    'retryAfter: 5',
    '4:17 tools.github.retryAfter: must be a map, not 5; write for example { minSeconds: 1, maxSeconds: 30 }',
  ],
  [
    'controller: { algorithm: vegas }',
    '4:30 tools.github.controller.algorithm: must be adaptive, aimd, gradient or fixed, not "vegas"; write for example adaptive',
  ],
  [
    'controller: { halveAboveErrorRate: 10 }',
    '4:40 tools.github.controller.halveAboveErrorRate: must be a number from 0 to 1, not 10; write for example 0.1',
  ],
  [
    'fallbackTools: search',
    '4:20 tools.github.fallbackTools: must be a list of tool names, not "search"; write for example [search_cache]',
  ],
  [
    'fallbackTools: [a, b c]',
    '4:24 tools.github.fallbackTools[1]: must be a tool name, not "b c"; write for example search_cache',
  ],
  [
    'fallbackTools: [a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a]',
    '4:20 tools.github.fallbackTools: holds more than 16 names; write those an agent should try first',
  ],
  [
    'match: []',
    '4:12 tools.github.match: must be a list of 1 to 64 entries, not an empty list; write for example [{ path: /browser }]',
  ],
  [
    'match: /github',
    '4:12 tools.github.match: must be a list, not "/github"; write for example [{ path: /browser }]',
  ],
]

const UNKNOWN_KEYS: readonly (readonly [string, string])[] = [
  ['maxConcurent: 8', '4:5 tools.github.maxConcurent: unknown key; did you mean maxConcurrent?'],
  ['max_concurrent: 8', '4:5 tools.github.max_concurrent: unknown key; write maxConcurrent'],
  ['MaxConcurrent: 8', '4:5 tools.github.MaxConcurrent: unknown key; write maxConcurrent'],
  ['ttl: 8', '4:5 tools.github.ttl: unknown key; did you mean ttlSeconds?'],
  ['decreaseBy: 8', '4:5 tools.github.decreaseBy: has no meaning here; write it in controller'],
  ['listen: 8080', '4:5 tools.github.listen: has no meaning here; write it at the top level'],
  [
    'controller: { decreeseBy: 2 }',
    '4:19 tools.github.controller.decreeseBy: unknown key; did you mean decreaseBy?',
  ],
  ['retryAfter: { min: 2 }', '4:19 tools.github.retryAfter.min: unknown key; did you mean minSeconds?'],
  ['match: [{ hosts: a.b }]', '4:15 tools.github.match[0].hosts: unknown key; did you mean host?'],
  [
    '<<: { ttlSeconds: 8 }',
    '4:5 tools.github["<<"]: merge keys are not part of YAML 1.2; write what tools share in defaults, or an alias as a whole value',
  ],
  ...['pool'].map(
    (key) =>
      [
        `${key}: {}`,
        `4:5 tools.github.${key}: unknown key; remove it, or write one of ${Object.keys(TOOL_KEYS).join(', ')}`,
      ] as const,
  ),
]

for (const [setting, problem] of [...WRONG_VALUES, ...UNKNOWN_KEYS]) {
  test(`the lane setting \`${setting}\` is refused where it stands`, () => {
    assert.deepEqual(problemsIn(lane(setting)), [`tools.yaml:${problem}`])
  })
}
