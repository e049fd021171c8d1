/**
 * Conflicts between values that are valid alone: within a lane, between tools, between listeners.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problemsIn } from './reading.ts'

function lane(settings: string, defaults = '{ keepHost: true }'): string {
  return `defaults: ${defaults}\ntools:\n  a: { upstream: http://x, ${settings} }\n`
}

const OUT_OF_ORDER: readonly (readonly [string, string, string])[] = [
  [
    'minConcurrent above maxConcurrent',
    'minConcurrent: 9, maxConcurrent: 4',
    '3:43 tools.a.minConcurrent: 9 is above maxConcurrent, which is 4; write at most 4, or raise maxConcurrent',
  ],
  [
    'minConcurrent above the default of maxConcurrent',
    'minConcurrent: 9',
    '3:43 tools.a.minConcurrent: 9 is above maxConcurrent, which is 8 by default; write at most 8, or raise maxConcurrent',
  ],
  [
    'startConcurrent above maxConcurrent',
    'startConcurrent: 9',
    '3:45 tools.a.startConcurrent: 9 is above maxConcurrent, which is 8 by default; write at most 8, or raise maxConcurrent',
  ],
  [
    'startConcurrent below minConcurrent',
    'startConcurrent: 2, minConcurrent: 3',
    '3:63 tools.a.minConcurrent: 3 is above startConcurrent, which is 2; write at most 2, or raise startConcurrent',
  ],
  [
    'a retryAfter whose least is above its most',
    'retryAfter: { minSeconds: 9, maxSeconds: 8 }',
    '3:54 tools.a.retryAfter.minSeconds: 9 is above retryAfter.maxSeconds, which is 8; write at most 8, or raise retryAfter.maxSeconds',
  ],
  [
    'a default priority above the highest',
    'priority: { max: normal, default: high }',
    '3:62 tools.a.priority.default: high is above priority.max, which is normal; write normal or lower, or raise priority.max',
  ],
  [
    'a p95 that would both raise and lower the limit',
    'controller: { increaseBelowP95Ms: 4000 }',
    '3:62 tools.a.controller.increaseBelowP95Ms: 4000 is not below controller.decreaseAboveP95Ms, which is 4000 by default; write less than 4000, or raise controller.decreaseAboveP95Ms',
  ],
  [
    'an error rate that would both raise and lower the limit',
    'controller: { halveAboveErrorRate: 0.01 }',
    '3:63 tools.a.controller.halveAboveErrorRate: 0.01 is below controller.increaseBelowErrorRate, which is 0.02 by default; write at least 0.02, or lower controller.increaseBelowErrorRate',
  ],
  [
    "aimd's figures under the algorithm fixed",
    'controller: { algorithm: fixed, decreaseBy: 2 }',
    '3:60 tools.a.controller.decreaseBy: does nothing under the algorithm fixed; remove it, or write algorithm: aimd',
  ],
]

for (const [what, settings, problem] of OUT_OF_ORDER) {
  test(`${what} is refused`, () => {
    assert.deepEqual(problemsIn(lane(settings)), [`tools.yaml:${problem}`])
  })
}

test('a conflict between defaults and a tool is reported at the tool', () => {
  assert.deepEqual(problemsIn(lane('maxConcurrent: 4', '{ minConcurrent: 5 }')), [
    'tools.yaml:3:43 tools.a.maxConcurrent: 4 is below minConcurrent, which is 5 in defaults; write at least 5, or lower minConcurrent',
  ])
})

test('a conflict within defaults is reported once for all tools', () => {
  const text = `defaults: { minConcurrent: 10 }
tools:
  a: { upstream: http://x }
  b: { upstream: http://x }
  c: { upstream: http://x, maxConcurrent: 10 }
`
  assert.deepEqual(problemsIn(text), [
    'tools.yaml:1:28 defaults.minConcurrent: 10 is above maxConcurrent, which is 8 by default; write at most 8, or raise maxConcurrent',
  ])
})

test('a refused value causes no further conflict', () => {
  assert.deepEqual(problemsIn(lane('maxConcurrent: many, minConcurrent: 9')), [
    'tools.yaml:3:43 tools.a.maxConcurrent: must be a whole number from 1 to 10000, not "many"; write for example 8',
  ])
})

test('a tool with the algorithm fixed may inherit figures from defaults', () => {
  assert.deepEqual(
    problemsIn(lane('controller: { algorithm: fixed }', '{ controller: { decreaseBy: 3 } }')),
    [],
  )
})

test('two tools with the same match are refused at the second', () => {
  const text = `tools:
  a: { upstream: http://x, match: [{ host: X.y, path: /p/ }, { host: z }] }
  b: { upstream: http://x, match: [{ host: x.Y, path: /p }, { host: Z, path: / }] }
`
  const remedy = 'keep one of the two, or tell them apart by host or path'
  assert.deepEqual(problemsIn(text), [
    `tools.yaml:3:36 tools.b.match[0]: the same match as tools.a.match[0]; ${remedy}`,
    `tools.yaml:3:61 tools.b.match[1]: the same match as tools.a.match[1]; ${remedy}`,
  ])
})

const SAME: readonly (readonly [string, string])[] = [
  ['{ path: /api/heavy }', '{ path: "/api/%68eavy" }'],
  ['{ path: "/a/b%2fc" }', '{ path: "/a/b%2Fc" }'],
  ['{ path: "/a/b%2Fc" }', '{ path: /a/b/c }'],
  ['{ path: "/a/b%5Cc" }', '{ path: /a/b/c }'],
  ['{ path: /API, ignoreCase: true }', '{ path: /api }'],
  ['{ path: /api }', '{ path: /Api, ignoreCase: true }'],
  ['{ path: "/%C3%89", ignoreCase: true }', '{ path: "/%c3%a9" }'],
  ['{ host: "[::1]" }', '{ host: "[0:0:0::1]" }'],
  ['{ host: a.b. }', '{ host: A.b, path: / }'],
  ['{ host: 127.0.0.1 }', '{ host: "0x7f.0.0.1" }'],
]

for (const [one, other] of SAME) {
  test(`two tools with the matches ${one} and ${other} have the same one`, () => {
    const text = `tools:\n  a: { upstream: http://x, match: [${one}] }\n  b: { upstream: http://x, match: [${other}] }\n`
    const problems = problemsIn(text)
    assert.equal(problems.length, 1)
    assert.match(problems[0] ?? '', /tools\.b\.match\[0\]: the same match as tools\.a\.match\[0\]/)
  })
}

test('two tools may have paths that differ in letter case only, or in an escaped percent', () => {
  const text = (one: string, other: string) =>
    `tools:\n  a: { upstream: http://x, match: [{ path: "${one}" }] }\n  b: { upstream: http://x, match: [{ path: "${other}" }] }\n`
  assert.deepEqual(problemsIn(text('/api', '/API')), [])
  assert.deepEqual(problemsIn(text('/heavy', '/%2568eavy')), [])
  assert.deepEqual(problemsIn(text('/a/b%2Fc', '/a/b')), [])
})

test('a tool without match is told to write one where another tool has its implied path', () => {
  const text = 'tools:\n  a: { upstream: http://x }\n  b: { upstream: http://x, match: [{ path: /a }] }\n'
  assert.deepEqual(problemsIn(text), [
    'tools.yaml:2:3 tools.a: its match, { path: /a } when none is written, is taken by tools.b.match[0]; write a match of its own',
  ])
})

test('one address for both listeners is refused, also through a wildcard', () => {
  const tools = 'tools: { a: { upstream: http://x } }\n'
  const remedy = 'write another port'
  assert.deepEqual(problemsIn(`admin: localhost:8080\n${tools}`), [
    `tools.yaml:1:8 admin: localhost:8080 is taken by listen, which is 127.0.0.1:8080; ${remedy}`,
  ])
  assert.deepEqual(problemsIn(`listen: :9090\n${tools}`), [
    `tools.yaml:1:9 listen: 0.0.0.0:9090 is taken by admin, which is 127.0.0.1:9090; ${remedy}`,
  ])
  assert.deepEqual(problemsIn(tools, { env: { SPILLWAY_LISTEN: '9090' } }), [
    `SPILLWAY_LISTEN: 127.0.0.1:9090 is taken by admin, which is 127.0.0.1:9090; ${remedy}`,
  ])
  assert.deepEqual(problemsIn(`listen: 0\nadmin: 0\n${tools}`), [])
})

test('an upstream that is Spillway itself is refused as a loop', () => {
  const remedy = 'so every call would come back; write where the tool itself answers'
  assert.deepEqual(problemsIn('tools: { a: { upstream: "http://localhost:8080/x" } }\n'), [
    `tools.yaml:1:25 tools.a.upstream: is Spillway's own listen address 127.0.0.1:8080, ${remedy}`,
  ])
  assert.deepEqual(
    problemsIn('tools: { a: { upstream: "http://127.0.0.1" } }\n', { flags: { listen: ':80' } }),
    [`tools.yaml:1:25 tools.a.upstream: is Spillway's own listen address 0.0.0.0:80, ${remedy}`],
  )
  assert.deepEqual(problemsIn('tools: { a: { upstream: "http://10.0.0.1:8080" } }\n'), [])
})
