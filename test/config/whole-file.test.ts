/**
 * Mistakes in the structure of the file, the line that each is told, and all of them together.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'
import { fileSchema } from '../../src/config/schema.ts'
import { problemsIn } from './reading.ts'

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
    'lanes: {}\ntools: { a: { upstream: http://x } }\n',
    '1:1 lanes: unknown key; remove it, or write one of listen, admin, drainSeconds, fleet, defaults, tools',
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

test('every problem of a file is reported at once, by position', () => {
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
    'tools.yaml:2:1 colour: unknown key; remove it, or write one of listen, admin, drainSeconds, fleet, defaults, tools',
    'tools.yaml:4:3 defaults.max_concurrent: unknown key; write maxConcurrent',
    'tools.yaml:8:20 tools.github.maxConcurrent: must be a whole number from 1 to 10000, not "eight"; write for example 8',
    'tools.yaml:9:20 tools.github.maxQueueDepth: must be a whole number from 0 to 100000, not -1; write for example 100',
    'tools.yaml:10:3 tools["bad name"]: is not a name for a tool; write 1 to 63 letters, digits, _ . or -, a letter or digit first',
    'tools.yaml:11:15 tools["bad name"].upstream: has the scheme ftp, which Spillway does not speak; write http:// or https://',
    'tools.yaml:12:5 tools["bad name"].ttl: unknown key; did you mean ttlSeconds?',
    'tools.yaml:13:3 tools.browser.upstream: is missing; write for example https://api.github.com',
    'tools.yaml:14:20 tools.browser.minConcurrent: 9 is above maxConcurrent, which is 8 by default; write at most 8, or raise maxConcurrent',
    'tools.yaml:15:13 tools.browser.match[0]: matches nothing; write host, path or both, for example { path: /browser }',
    'tools.yaml:15:25 tools.browser.match[1].path: must start with /, not "x"; write for example /github',
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
  assert.deepEqual(Object.keys(properties ?? {}), [
    'listen',
    'admin',
    'drainSeconds',
    'fleet',
    'defaults',
    'tools',
  ])
  assert.deepEqual(required, ['tools'])
})
