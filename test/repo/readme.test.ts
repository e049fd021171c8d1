/**
 * The README agrees with the program: commands, flags, keys with their defaults, metrics and exit codes are the program's,
 * and the samples have the shape of real answers.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { COMMANDS, HELP } from '../../src/cli/arguments.ts'
import { EXIT } from '../../src/cli/exit.ts'
import { parseSettings } from '../../src/config/load.ts'
import { Lane } from '../../src/lane/lane.ts'
import { showLane } from '../../src/observe/lane-json.ts'
import { Totals } from '../../src/observe/totals.ts'
import { Metrics } from '../../src/observe/metrics.ts'
import { refuse } from '../../src/reply/refuse.ts'
import { laneSettings } from '../support/lane-settings.ts'
import { PROCESS_LINES, shownDefault, TOOL_LINES } from './configuration-page.ts'
import { blocksOf, codeIn, filesBelow, read, tableAfter } from './tree.ts'

const README = read('README.md')

/** Keys that the README explains in the row of the key that they stand in. */
const TOLD_ELSEWHERE = /^(?:match\[\]|rate|fairness)\./

test('the README has every key of the configuration with its default', () => {
  const table = tableAfter(README, '## Configuration').map(([key = '', value = '']) => [
    codeIn(key)[0],
    codeIn(value)[0] ?? '',
  ])
  const keys = [...PROCESS_LINES, ...TOOL_LINES].filter(({ key }) => !TOLD_ELSEWHERE.test(key))
  assert.deepEqual(
    Object.fromEntries(table),
    Object.fromEntries(keys.map(({ key, row }) => [key, shownDefault(row.default)])),
  )
  assert.equal(table.length, keys.length)
})

test("the README's commands are scripts of package.json and commands of spillway", () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const code = [...codeIn(README), ...blocksOf(README, 'sh')].join('\n')
  const npm = [...code.matchAll(/\bnpm (?:run ([\w:]+)|(start|test)\b)/g)].map(
    (match) => match[1] ?? match[2] ?? '',
  )
  assert.ok(npm.length >= 5)
  for (const script of npm) assert.ok(script in scripts, `npm run ${script}`)
  for (const [, word = ''] of code.matchAll(/(?:\bnpm start -- |`?spillway )([a-z]+)\b/g)) {
    assert.ok(word in scripts || COMMANDS.some((command) => command === word), `spillway ${word}`)
  }
})

test("the README's flags and environment variables are those of the program", () => {
  const variables = new Set(codeIn(README).flatMap((code) => code.match(/SPILLWAY_\w+/g) ?? []))
  assert.deepEqual([...variables].toSorted(), [
    'SPILLWAY_ADMIN',
    'SPILLWAY_ADMIN_TOKEN',
    'SPILLWAY_LISTEN',
    'SPILLWAY_RESOLV_CONF',
  ])
  const own = codeIn(README).filter((code) => code.startsWith('--') && !code.includes('exclude'))
  for (const flag of own) assert.ok(HELP.includes(flag.split(' ')[0] ?? ''), flag)
})

test("the README's exit codes are the program's", () => {
  const codes = tableAfter(README, '### Signals and exit codes').map(([code]) => Number(code))
  assert.deepEqual(codes, Object.values(EXIT))
})

test("the README's metrics and their types are those of /metrics", async () => {
  const page = await new Metrics({
    totals: new Totals(),
    lanes: () => [],
    nowMs: () => 0,
    connections: () => ({ open: [], refused: [] }),
    fleet: () => undefined,
  }).page()
  const real = [...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type])
  const said = tableAfter(README, '### Metrics').map(([name = '', type = '']) => [codeIn(name)[0], type])
  assert.deepEqual(Object.fromEntries(said), Object.fromEntries(real))
})

test('each tools.yaml of the README and of the examples is a valid configuration', () => {
  const examples = filesBelow('examples').filter((file) => file.endsWith('.yaml'))
  const texts = [...blocksOf(README, 'yaml'), ...examples.map(read)]
  assert.ok(texts.length >= 3)
  for (const text of texts) {
    assert.deepEqual(parseSettings({ text, file: 'README.md', env: {}, flags: {} }).ok, true, text)
  }
})

test('the sample refusal and the sample lane in the README have the keys of real ones', () => {
  const [refusal = '', lane = ''] = blocksOf(README, 'json')
  const real = new Lane(laneSettings(), 0, () => undefined)
  const reply = refuse({
    reason: 'QUEUE_SATURATED',
    requestId: '1',
    lane: { tool: 'browser', maxQueueDepth: 20, fallbackTools: [], depths: real.depths() },
    retryAfterMs: 8287,
  })
  assert.deepEqual(keysOf(refusal), keysOf(reply.body))
  assert.deepEqual(
    keysOf(lane),
    keysOf(JSON.stringify(showLane(real, new Totals().of('t'), { nowMs: 0, wallMs: 0 }))),
  )
  for (const name of ['X-Spillway-Reason', 'X-Spillway-Tool', 'Retry-After', 'retry-after-ms']) {
    assert.ok(reply.headers.includes(name))
    assert.match(README, new RegExp(`^${name}: \\S+$`, 'm'))
  }
})

test('the README names the versions of npm clients that the tests use', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as {
    dependencies: Record<string, string>
    devDependencies: Record<string, string>
  }
  const used: Record<string, string> = { ...dependencies, ...devDependencies }
  const clients = tableAfter(README, '#### What clients do with a refusal').map(([client = '']) => client)
  const said = clients.flatMap((client) => [...client.matchAll(/`([@\w/-]+)` (\d+\.\d+\.\d+)/g)])
  assert.equal(said.length, 5)
  for (const [, name = '', version] of said) assert.equal(version, used[name], name)
})

function keysOf(json: string): string[] {
  return Object.keys(JSON.parse(json) as object)
}

test('the README has a section for measurements', () => {
  assert.match(README, /^## Measured$/m)
})
