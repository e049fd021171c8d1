import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { parseSettings, readSettings } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problems.ts'
import { problemsIn, settingsIn, toolIn } from './reading.ts'

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
        lane: {
          tool: 'github',
          maxQueueDepth: 100,
          minConcurrent: 1,
          startConcurrent: 8,
          maxConcurrent: 8,
          ttlMs: 60_000,
          leaseMs: 120_000,
          retryAfter: { minMs: 1000, maxMs: 30_000 },
          controller: {
            algorithm: 'aimd',
            decreaseAboveP95Ms: 4000,
            increaseBelowP95Ms: 1200,
            halveAboveErrorRate: 0.1,
            increaseBelowErrorRate: 0.02,
            decreaseBy: 2,
            increaseBy: 1,
            windowMs: 2000,
          },
        },
      },
    ],
  })
})

test('a tool stands over defaults and defaults over what is built in, key by key, also inside controller', () => {
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

test('for the process, a flag stands over the environment, and that over the file', () => {
  const text = `listen: 10.0.0.1:1\nadmin: 10.0.0.1:2\ndrainSeconds: 3\n${ONE_TOOL}`
  const env = { SPILLWAY_LISTEN: '10.0.0.2:1', SPILLWAY_ADMIN: '10.0.0.2:2' }
  const flags = { listen: '10.0.0.3:1', drainSeconds: '0.5' }
  const both = settingsIn(text, { env, flags })
  assert.deepEqual([both.listen.host, both.admin.host, both.drainMs], ['10.0.0.3', '10.0.0.2', 500])
  const alone = settingsIn(text)
  assert.deepEqual([alone.listen.host, alone.admin.host, alone.drainMs], ['10.0.0.1', '10.0.0.1', 3000])
})

const ADDRESSES: readonly (readonly [string, string, number])[] = [
  ['127.0.0.1:81', '127.0.0.1', 81],
  ['LocalHost:0', 'localhost', 0],
  ['[::1]:81', '::1', 81],
  ['[0:0::1]:81', '::1', 81],
  [':81', '0.0.0.0', 81],
  ['81', '127.0.0.1', 81],
]

for (const [written, host, port] of ADDRESSES) {
  test(`the address ${written} is read`, () => {
    assert.deepEqual(settingsIn(ONE_TOOL, { flags: { listen: written } }).listen, { host, port })
  })
}

const FORM = 'write HOST:PORT, for example 127.0.0.1:8080'
const BAD_ADDRESSES: readonly (readonly [string, string])[] = [
  ['', `must be an address with a port, not ""; ${FORM}`],
  ['localhost', `must be an address with a port, not "localhost"; ${FORM}`],
  [
    '::1:80',
    'must be an address with a port, not "::1:80"; write an IPv6 address in brackets, for example "[::1]:8080"',
  ],
  ['[:::1]:80', '":::1" is no IPv6 address; write for example "[::1]:8080"'],
  ['1.2.3.256:80', `"1.2.3.256" is no host name or IPv4 address; ${FORM}`],
  ['*:80', `"*" is no host name or IPv4 address; ${FORM}`],
  ['a:65536', '"65536" is no port; write a port from 0 to 65535'],
  ['http://me:secret@a:80', `must be an address, not a URL; ${FORM}`],
  [
    'me:secret@a:80',
    'must be an address with a port, not "***@a:80"; write an IPv6 address in brackets, for example "[::1]:8080"',
  ],
]

for (const [written, problem] of BAD_ADDRESSES) {
  test(`the address "${written}" is refused under the name of the flag or variable that gave it`, () => {
    assert.deepEqual(problemsIn(ONE_TOOL, { flags: { listen: written } }), [`--listen: ${problem}`])
    assert.deepEqual(problemsIn(ONE_TOOL, { env: { SPILLWAY_ADMIN: written } }), [
      `SPILLWAY_ADMIN: ${problem}`,
    ])
  })
}

test('a bad variable is a problem even where a flag stands over it', () => {
  assert.deepEqual(
    problemsIn(ONE_TOOL, { env: { SPILLWAY_LISTEN: 'x' }, flags: { listen: '81', drainSeconds: 'soon' } }),
    [
      `SPILLWAY_LISTEN: must be an address with a port, not "x"; ${FORM}`,
      '--drain-seconds: must be a number from 0 to 3600, not "soon"; write for example 25',
    ],
  )
})

test('settings are frozen through and through', () => {
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

const VARIABLE = `SPILLWAY_LISTEN: must be an address with a port, not "x"; ${FORM}`

test('a file that cannot be read is a problem with a remedy, next to those of the environment', () => {
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

const KEY = fc.constantFrom(
  'tools',
  'defaults',
  'listen',
  'a',
  'upstream',
  'match',
  'path',
  'host',
  'controller',
  '__proto__',
)
const LEAF = fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constantFrom('http://x', '/a', 8, 0, '127.0.0.1:80'))
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    LEAF,
    fc.dictionary(KEY, tie('tree'), { maxKeys: 5 }),
    fc.array(tie('tree'), { maxLength: 3 }),
  ),
}))

function assertCertain(text: string): void {
  const result = parseSettings({ text, file: 'tools.yaml', env: {}, flags: {} })
  if (result.ok) assert.ok(result.settings.tools.length > 0)
  else assert.ok(result.problems.length > 0)
  if (!result.ok)
    for (const problem of result.problems)
      assert.match(formatProblem(problem), /^tools\.yaml:\d+:\d+[: ][^\n]+; [^\n]+$/)
}

test('any value as configuration is settings or at least one problem of one line, never an error', () => {
  fc.assert(
    fc.property(fc.oneof(tree, fc.record({ tools: tree }), fc.jsonValue()), (value) => {
      assertCertain(JSON.stringify(value))
      assertCertain(stringify(value))
    }),
  )
})

test('any text as configuration is settings or at least one problem of one line, never an error', () => {
  const piece = fc.constantFrom(
    'tools:',
    'a:',
    '\n',
    '  ',
    ' ',
    '- ',
    '&x',
    '*x',
    '!!set',
    '{',
    '}',
    '[',
    ']',
    '"',
    '#',
    '\t',
    '? ',
    ': ',
    '---\n',
    '%YAML 1.1',
    '|',
    '\u0000',
    'b',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece).map((pieces) => pieces.join('')),
      ),
      assertCertain,
    ),
    { numRuns: 500 },
  )
})
