/**
 * The tools.yaml for `spillway --upstream URL`, and the name of its tool.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quickYaml } from '../../src/config/quick.ts'
import { problemsIn, settingsIn } from './reading.ts'

test('an upstream alone gives one tool that takes every path', () => {
  const text = quickYaml({ upstream: 'https://api.github.com', concurrency: '4' })
  assert.equal(
    text,
    'tools:\n  github:\n    upstream: https://api.github.com\n    match: [{ path: / }]\n    maxConcurrent: 4\n',
  )
  const [tool] = settingsIn(text).tools
  assert.deepEqual([tool?.tool, tool?.match, tool?.lane.maxConcurrent], ['github', [{ path: '/' }], 4])
})

const NAMES: readonly (readonly [string, string])[] = [
  ['https://api.github.com/v3', 'github'],
  ['https://example.co.uk', 'example'],
  ['http://search.default.svc.cluster.local', 'search'],
  ['http://browser.tools.internal:3000', 'browser'],
  ['http://web:3', 'web'],
  ['http://127.0.0.1:3000', 'tool'],
  ['http://[::1]:3000', 'tool'],
  ['http://localhost:3000', 'tool'],
  ['https://404.com', '404'],
  ['https://null.com', 'null'],
]

for (const [upstream, name] of NAMES) {
  test(`the tool at ${upstream} is called ${name}`, () => {
    assert.deepEqual(
      settingsIn(quickYaml({ upstream })).tools.map(({ tool }) => tool),
      [name],
    )
  })
}

test('no typed text becomes a key or a list of the file', () => {
  assert.deepEqual(problemsIn(quickYaml({ upstream: 'http://x"\nlisten: 1', concurrency: '8\nlisten: 1' })), [
    'tools.yaml:3:15 tools.tool.upstream: holds a space, a backslash or a control character; write for example https://api.github.com',
    'tools.yaml:5:20 tools.tool.maxConcurrent: must be a whole number from 1 to 10000, not "8\\nlisten: 1"; write for example 8',
  ])
})
