import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'
import { fileSchema } from '../../src/config/schema.ts'
import { problemsIn } from './reading.ts'

const LANE_KEYS =
  'stripPath, keepHost, maxQueueDepth, maxConcurrent, startConcurrent, minConcurrent, ttlSeconds, leaseSeconds, ' +
  'connectTimeoutSeconds, maxBodyBytes, onClientGone, fallbackTools, controller, retryAfter'

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
    'retryAfter: 5',
    '4:17 tools.github.retryAfter: must be a map, not 5; write for example { minSeconds: 1, maxSeconds: 30 }',
  ],
  [
    'controller: { algorithm: adaptive }',
    '4:30 tools.github.controller.algorithm: must be aimd or fixed, not "adaptive"; write for example aimd',
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
  ...['priority', 'fairness', 'retries', 'rate', 'mcp'].map(
    (key) =>
      [
        `${key}: {}`,
        `4:5 tools.github.${key}: unknown key; remove it, or write one of upstream, match, ${LANE_KEYS}`,
      ] as const,
  ),
]

for (const [setting, problem] of [...WRONG_VALUES, ...UNKNOWN_KEYS]) {
  test(`the lane setting \`${setting}\` is refused where it stands`, () => {
    const [first, ...others] = problemsIn(lane(setting))
    assert.equal(first, `tools.yaml:${problem}`)
    if (!setting.startsWith('match: [{')) assert.deepEqual(others, [])
  })
}

const WHOLE_FILES: readonly (readonly [string, string, string])[] = [
  [
    'an empty file',
    '',
    '1:1: is empty; write for example tools: { github: { upstream: https://api.github.com } }',
  ],
  [
    'a file of comments',
    '# nothing\n',
    '1:1: is empty; write for example tools: { github: { upstream: https://api.github.com } }',
  ],
  [
    'a list',
    '- a\n',
    '1:1: must be a map of settings, not a list; write for example tools: { github: { upstream: https://api.github.com } }',
  ],
  [
    'a word',
    'hello\n',
    '1:1: must be a map of settings, not "hello"; write for example tools: { github: { upstream: https://api.github.com } }',
  ],
  [
    'a file without tools',
    'listen: 8080\n',
    '1:1 tools: is missing; write for example { github: { upstream: https://api.github.com } }',
  ],
  [
    'tools with nothing behind it',
    'listen: 8080\ntools:\n',
    '2:1 tools: is empty; write for example { github: { upstream: https://api.github.com } }',
  ],
  [
    'tools without a tool',
    'tools: {}\n',
    '1:8 tools: names no tool; write for example { github: { upstream: https://api.github.com } }',
  ],
  [
    'a tool with nothing behind it',
    'tools:\n  github:\n',
    '2:3 tools.github: is empty; write for example { upstream: https://api.github.com }',
  ],
  [
    'a tool that is only a URL',
    'tools:\n  github: https://me:secret@x/\n',
    '2:11 tools.github: must be a map with at least upstream, not "***@x/"; write for example { upstream: https://api.github.com }',
  ],
  [
    'a tool without upstream',
    'tools:\n  github:\n    ttlSeconds: 5\n',
    '2:3 tools.github.upstream: is missing; write for example https://api.github.com',
  ],
  [
    'a misspelt upstream',
    'tools:\n  github:\n    upstreem: http://x\n',
    '3:5 tools.github.upstreem: unknown key; did you mean upstream?',
  ],
  [
    'a name that no tool can have',
    'tools:\n  _a: { upstream: http://x }\n',
    '2:3 tools._a: is not a name for a tool; write 1 to 63 letters, digits, _ . or -, a letter or digit first',
  ],
  [
    'the name __proto__',
    'tools:\n  __proto__: { upstream: http://x }\n',
    '2:3 tools.__proto__: is not a name for a tool; write 1 to 63 letters, digits, _ . or -, a letter or digit first',
  ],
  [
    'an unknown key at the top',
    'fleet: {}\ntools: { a: { upstream: http://x } }\n',
    '1:1 fleet: unknown key; remove it, or write one of listen, admin, drainSeconds, defaults, tools',
  ],
  [
    'a lane key at the top',
    'ttlSeconds: 3\ntools: { a: { upstream: http://x } }\n',
    '1:1 ttlSeconds: has no meaning here; write it in a tool or in defaults',
  ],
  [
    'upstream in defaults',
    'defaults: { upstream: http://x }\ntools: { a: { upstream: http://x } }\n',
    '1:13 defaults.upstream: has no meaning here; write it in a tool',
  ],
  [
    'match in defaults',
    'defaults: { match: [] }\ntools: { a: { upstream: http://x } }\n',
    '1:13 defaults.match: has no meaning here; write it in a tool',
  ],
  [
    'empty defaults',
    'defaults:\ntools: { a: { upstream: http://x } }\n',
    '1:1 defaults: is empty; write for example { maxConcurrent: 8 }',
  ],
  [
    'a wrong drainSeconds',
    'drainSeconds: soon\ntools: { a: { upstream: http://x } }\n',
    '1:15 drainSeconds: must be a number from 0 to 3600, not "soon"; write for example 25',
  ],
]

for (const [what, text, problem] of WHOLE_FILES) {
  test(`${what} is refused in one line that says what to write`, () => {
    assert.deepEqual(problemsIn(text), [`tools.yaml:${problem}`])
  })
}

test('every problem of a file is told at once, by position', () => {
  const text = `listen: here
colour: red
defaults:
  max_concurrent: 3
tools:
  github:
    upstream: https://api.github.com
    maxConcurrent: eight
    maxQueueDepth: -1
  "bad name":
    upstream: ftp://x
    ttl: 5
  browser:
    minConcurrent: 9
    match: [{}, { path: x }]
`
  assert.deepEqual(problemsIn(text, { env: { SPILLWAY_ADMIN: 'there' } }), [
    'tools.yaml:1:9 listen: must be an address with a port, not "here"; write HOST:PORT, for example 127.0.0.1:8080',
    'tools.yaml:2:1 colour: unknown key; remove it, or write one of listen, admin, drainSeconds, defaults, tools',
    'tools.yaml:4:3 defaults.max_concurrent: unknown key; write maxConcurrent',
    'tools.yaml:8:20 tools.github.maxConcurrent: must be a whole number from 1 to 10000, not "eight"; write for example 8',
    'tools.yaml:9:20 tools.github.maxQueueDepth: must be a whole number from 0 to 100000, not -1; write for example 100',
    'tools.yaml:10:3 tools["bad name"]: is not a name for a tool; write 1 to 63 letters, digits, _ . or -, a letter or digit first',
    'tools.yaml:11:15 tools["bad name"].upstream: has the scheme ftp, which Spillway does not speak; write http:// or https://',
    'tools.yaml:12:5 tools["bad name"].ttl: unknown key; did you mean ttlSeconds?',
    'tools.yaml:13:3 tools.browser.upstream: is missing; write for example https://api.github.com',
    'tools.yaml:14:20 tools.browser.minConcurrent: 9 is above maxConcurrent, which is 8 by default; write at most 8, or raise maxConcurrent',
    'tools.yaml:15:13 tools.browser.match[0]: matches nothing; write host, path or both, for example { path: /browser }',
    'tools.yaml:15:23 tools.browser.match[1].path: must start with /, not "x"; write for example /github',
    'SPILLWAY_ADMIN: must be an address with a port, not "there"; write HOST:PORT, for example 127.0.0.1:8080',
  ])
})

test('more than 1000 tools are refused', () => {
  const tools = Array.from({ length: 1001 }, (_, index) => `  t${index}: { upstream: http://x }\n`)
  assert.deepEqual(problemsIn(`tools:\n${tools.join('')}`), [
    'tools.yaml:2:3 tools: names 1001 tools; write at most 1000',
  ])
})

test('the schema can be given to an editor as JSON Schema', () => {
  const { properties, required } = z.toJSONSchema(fileSchema, { io: 'input' })
  assert.deepEqual(Object.keys(properties ?? {}), ['listen', 'admin', 'drainSeconds', 'defaults', 'tools'])
  assert.deepEqual(required, ['tools'])
})
