/**
 * From a file to settings: defaults, layers, flags and environment, and files that cannot be read.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readSettings } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problems.ts'
import { settingsIn, toolIn } from './reading.ts'

const ONE_TOOL = 'tools: { a: { upstream: "http://x" } }\n'
const FOLDER = mkdtempSync(join(tmpdir(), 'spillway-config-'))
after(() => {
  rmSync(FOLDER, { recursive: true })
})

test('upstream alone is a complete lane', () => {
  assert.deepEqual(settingsIn('tools: { github: { upstream: "https://api.github.com" } }'), {
    listen: { host: '127.0.0.1', port: 8080 },
    admin: { host: '127.0.0.1', port: 9090 },
    drainMs: 25_000,
    fleet: undefined,
    tools: [
      {
        tool: 'github',
        upstream: { origin: 'https://api.github.com', host: 'api.github.com', basePath: '' },
        match: [{ path: '/github' }],
        stripPath: true,
        keepHost: false,
        connectTimeoutMs: 5000,
        maxBodyBytes: 104_857_600,
        onClientGone: 'cancel',
        fallbackTools: [],
        retries: { max: 0, on: ['connect', 502, 503, 504] },
        agentHeader: 'x-agent-id',
        mcp: undefined,
        lane: {
          tool: 'github',
          maxQueueDepth: 100,
          minConcurrent: 1,
          startConcurrent: 8,
          maxConcurrent: 8,
          ttlMs: 60_000,
          leaseMs: 120_000,
          priority: { max: 'critical', default: 'normal' },
          retryAfter: { minMs: 1000, maxMs: 30_000 },
          controller: { algorithm: 'adaptive' },
          rate: undefined,
          retryBudgetRatio: 0.1,
        },
      },
    ],
  })
})

test('the value of a tool wins over defaults, and defaults over the built-in value, key by key, also inside controller', () => {
  const text = `defaults:
  ttlSeconds: 5
  leaseSeconds: 6
  controller: { decreaseBy: 3, increaseBy: 2 }
tools:
  a:
    upstream: http://x
    leaseSeconds: 7.5
    maxConcurrent: 3
    controller: { increaseBy: 1, windowSeconds: 4 }
    fallbackTools: [b, c]
    onClientGone: finish
  b: { upstream: http://x, controller: { algorithm: fixed }, startConcurrent: 2 }
`
  const { lane, fallbackTools, onClientGone } = toolIn(text, 'a')
  assert.deepEqual([lane.ttlMs, lane.leaseMs, lane.maxConcurrent, lane.startConcurrent], [5000, 7500, 3, 3])
  assert.deepEqual([fallbackTools, onClientGone], [['b', 'c'], 'finish'])
  assert.partialDeepStrictEqual(lane.controller, {
    decreaseBy: 3,
    increaseBy: 1,
    windowMs: 4000,
    decreaseAboveP95Ms: 4000,
  })
  assert.deepEqual(toolIn(text, 'b').lane.controller, { algorithm: 'fixed' })
  assert.equal(toolIn(text, 'b').lane.startConcurrent, 2)
})

test('for keys of the process, a flag wins over the environment, and the environment over the file', () => {
  const text = `listen: 10.0.0.1:1\nadmin: 10.0.0.1:2\ndrainSeconds: 3\n${ONE_TOOL}`
  const env = { SPILLWAY_LISTEN: '10.0.0.2:1', SPILLWAY_ADMIN: '10.0.0.2:2' }
  const flags = { listen: '10.0.0.3:1', drainSeconds: '0.5' }
  const both = settingsIn(text, { env, flags })
  assert.deepEqual([both.listen.host, both.admin.host, both.drainMs], ['10.0.0.3', '10.0.0.2', 500])
  const alone = settingsIn(text)
  assert.deepEqual([alone.listen.host, alone.admin.host, alone.drainMs], ['10.0.0.1', '10.0.0.1', 3000])
})

test('settings are frozen at every depth', () => {
  const assertFrozen = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) return
    assert.ok(Object.isFrozen(value), path)
    for (const [key, each] of Object.entries(value)) assertFrozen(each, `${path}.${key}`)
  }
  assertFrozen(settingsIn(`${ONE_TOOL}listen: 81\n`), 'settings')
})

function reading(file: string): readonly string[] {
  const result = readSettings({ file, env: { SPILLWAY_LISTEN: 'x' }, flags: {} })
  return result.ok ? [] : result.problems.map(formatProblem)
}

const VARIABLE =
  'SPILLWAY_LISTEN: must be an address with a port, not "x"; write HOST:PORT, for example 127.0.0.1:8080'

test('a file that cannot be read is a problem with a remedy, beside the problems of the environment', () => {
  const missing = join(FOLDER, 'missing.yaml')
  assert.deepEqual(reading(missing), [
    `${missing}: there is no such file; write it, name another with -c FILE, or use --upstream URL without a file`,
    VARIABLE,
  ])
  assert.deepEqual(reading(FOLDER), [`${FOLDER}: is a directory; name the file in it with -c FILE`, VARIABLE])
})

test('a file larger than 1 MiB is not read', () => {
  const large = join(FOLDER, 'large.yaml')
  writeFileSync(large, `${ONE_TOOL}#${'x'.repeat(1_048_576)}`)
  assert.deepEqual(reading(large), [
    `${large}: is larger than 1 MiB; name the tools.yaml of Spillway with -c FILE`,
    VARIABLE,
  ])
})

test('a file that is not UTF-8 is refused', () => {
  const latin1 = join(FOLDER, 'latin1.yaml')
  writeFileSync(latin1, Buffer.from('# caf\u00e9\n', 'latin1'))
  assert.deepEqual(reading(latin1), [`${latin1}: is not UTF-8 text; save it as UTF-8`, VARIABLE])
})

test('figures without an algorithm mean aimd, in the tool and in defaults', () => {
  const algorithms = (text: string) => {
    return settingsIn(text).tools.map(({ lane }) => lane.controller.algorithm)
  }
  const tools =
    'tools: { a: { upstream: http://x, controller: { decreaseBy: 3 } }, b: { upstream: http://y } }'
  assert.deepEqual(algorithms(tools), ['aimd', 'adaptive'])
  assert.deepEqual(algorithms(`defaults: { controller: { windowSeconds: 1 } }\n${tools}`), ['aimd', 'aimd'])
  assert.deepEqual(algorithms(tools.replace('y }', 'y, controller: { algorithm: gradient } }')), [
    'aimd',
    'gradient',
  ])
})
