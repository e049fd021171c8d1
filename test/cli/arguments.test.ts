/**
 * The command line: which words and options are understood, and which are a usage error. Values are not judged here; the
 * configuration does that.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { COMMANDS, HELP, parseArguments } from '../../src/cli/arguments.ts'
import type { Typed } from '../../src/cli/arguments.ts'
import { PROCESS_ROWS } from '../../src/config/keys/list.ts'

const NOTHING_TYPED: Typed = {
  command: 'run',
  config: 'tools.yaml',
  log: undefined,
  upstream: undefined,
  concurrency: undefined,
  flags: {},
}

const UPSTREAM = 'http://127.0.0.1:3000'

const GOOD: readonly [line: string, typed: Partial<Typed>][] = [
  ['', {}],
  ['run', {}],
  ['check', { command: 'check' }],
  ['demo', { command: 'demo' }],
  ['healthcheck', { command: 'healthcheck' }],
  ['-c other.yaml', { config: 'other.yaml' }],
  ['run --config other.yaml', { config: 'other.yaml' }],
  ['--config=other.yaml check', { command: 'check', config: 'other.yaml' }],
  ['--log json', { log: 'json' }],
  ['--log text', { log: 'text' }],
  ['--listen 0.0.0.0:80 --admin :9', { flags: { listen: '0.0.0.0:80', admin: ':9' } }],
  ['--drain-seconds 5', { flags: { drainSeconds: '5' } }],
  [`--upstream ${UPSTREAM}`, { upstream: UPSTREAM }],
  [`--upstream ${UPSTREAM} --concurrency 4`, { upstream: UPSTREAM, concurrency: '4' }],
  // The value is passed on as typed, because the configuration checks it as it checks a file's.
  [`--upstream ${UPSTREAM} --concurrency many`, { upstream: UPSTREAM, concurrency: 'many' }],
  ['--help', { command: 'help' }],
  ['-h', { command: 'help' }],
  ['check --help', { command: 'help' }],
  ['--version', { command: 'version' }],
  ['-v', { command: 'version' }],
  ['-h -v', { command: 'help' }],
]

const split = (line: string): string[] => line.split(' ').filter((word) => word !== '')

for (const [line, typed] of GOOD) {
  test(`\`spillway ${line}\` is understood`, () => {
    assert.deepEqual(parseArguments(split(line)), { ok: true, typed: { ...NOTHING_TYPED, ...typed } })
  })
}

const BAD: readonly [line: string, problem: RegExp][] = [
  ['start', /no command "start"/],
  ['run check', /too many words: check/],
  ['--unknown', /unknown/i],
  ['-x', /unknown/i],
  ['--config', /config/],
  ['--help=yes', /help/],
  ['--log xml', /--log takes json or text/],
  ['--concurrency 4', /--concurrency goes with --upstream/],
  [`--upstream ${UPSTREAM} -c other.yaml`, /leave out --config/],
]

for (const [line, problem] of BAD) {
  test(`\`spillway ${line}\` is a usage error that points to --help`, () => {
    const parsed = parseArguments(split(line))
    assert.ok(!parsed.ok)
    assert.match(parsed.problem, problem)
    assert.match(parsed.problem, /\nspillway --help lists commands and options$/)
  })
}

test('the help names every command', () => {
  for (const command of COMMANDS) assert.match(HELP, new RegExp(`spillway \\[?${command}\\b`))
})

test('the help has the flag, the variable and the default of every key that a flag overrules', () => {
  for (const { name, key } of PROCESS_ROWS) {
    if (key.flag === undefined) continue
    const line = HELP.split('\n').find((each) => each.includes(` ${key.flag ?? ''} `)) ?? ''
    assert.ok(key.default.kind === 'given' && line.includes(`default ${String(key.default.value)}`), name)
    assert.ok(line.includes(key.variable ?? ''), name)
  }
})

test('the arguments that were passed in are left as they were', () => {
  const args = Object.freeze(['--log', 'json'])
  parseArguments(args)
  assert.deepEqual(args, ['--log', 'json'])
})
