/**
 * A reload of the configuration, as POST /reload and SIGHUP run it: what it answers and logs, what it changes, and what
 * keeps its running value. test/config/reload.test.ts has the plan.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Settings } from '../../src/config/settings.ts'
import type { Fields } from '../../src/observe/log.ts'
import { Reload } from '../../src/tools/reload.ts'
import type { Reread } from '../../src/tools/reload.ts'
import { Tools } from '../../src/tools/tools.ts'
import { settingsIn } from '../config/reading.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const RUNNING = `listen: 127.0.0.1:8080
tools:
  a: { upstream: http://a.internal, maxConcurrent: 3 }
  b: { upstream: http://b.internal }
`
const NEXT = `listen: 127.0.0.1:8081
drainSeconds: 7
tools:
  a: { upstream: http://a.internal, maxConcurrent: 5 }
  c: { upstream: http://c.internal }
`

function open() {
  const settings = settingsIn(RUNNING)
  const tools = new Tools(settings.tools, {
    clock: new VirtualClock(),
    random: () => 0,
    failed: (error) => assert.fail(String(error)),
    emit: () => undefined,
    fleet: undefined,
  })
  const allotted: string[][] = []
  const lines: [string, Fields][] = []
  let reread: Reread = { ok: true, settings }
  const reload = new Reload(settings, {
    tools,
    allot: (given) => allotted.push(given.map(({ tool }) => tool)),
    reread: () => reread,
    log: (level, fields) => lines.push([level, fields]),
  })
  const run = (next: Reread) => {
    reread = next
    return reload.run()
  }
  const runText = (text: string) => run({ ok: true, settings: settingsIn(text) })
  const names = (): string[] => [...tools.all()].map(({ tool }) => tool)
  return { settings, tools, allotted, lines, reload, run, runText, names }
}

/** Where the process listens. */
function portOf({ listen }: Settings): number {
  return listen.port
}

test('a bad file changes nothing, and its problems are told and logged', () => {
  const { settings, tools, allotted, lines, reload, run, names } = open()
  const problems = ['tools.yaml:1:1 tools: bad', 'tools.yaml:2:1 other: bad']
  assert.deepEqual(run({ ok: false, problems }), { ok: false, body: { reloaded: false, problems } })
  assert.deepEqual([reload.settings === settings, names(), allotted], [true, ['a', 'b'], []])
  assert.equal(tools.get('a')?.settings.lane.maxConcurrent, 3)
  assert.deepEqual(lines, [['error', { reload: 'refused', problems: 2, first: problems[0] }]])
})

test('a good file is applied whole, and the answer names every change', () => {
  const { tools, allotted, lines, runText, names } = open()
  assert.deepEqual(runText(NEXT), {
    ok: true,
    body: {
      reloaded: true,
      added: ['c'],
      changed: [{ tool: 'a', keys: ['maxConcurrent', 'startConcurrent'] }],
      removed: ['b'],
      takes_effect: ['drainSeconds'],
      needs_restart: ['listen'],
    },
  })
  assert.deepEqual([names(), allotted], [['a', 'c'], [['a', 'c']]])
  assert.equal(tools.get('a')?.settings.lane.maxConcurrent, 5)
  assert.deepEqual(lines, [
    ['info', { reload: 'done', added: 1, changed: 1, removed: 1, needs_restart: 'listen' }],
  ])
})

test('a key that needs a restart keeps its running value, so that the next reload names it again', () => {
  const { reload, runText } = open()
  for (let i = 0; i < 2; i++) {
    const { body } = runText(NEXT)
    assert.deepEqual((body as { needs_restart: unknown }).needs_restart, ['listen'])
    assert.deepEqual([portOf(reload.settings), reload.settings.drainMs], [8080, 7000])
  }
})

test('a reload of the same file names no change', () => {
  const { lines, runText } = open()
  assert.deepEqual(runText(RUNNING).body, {
    reloaded: true,
    added: [],
    changed: [],
    removed: [],
    takes_effect: [],
    needs_restart: [],
  })
  assert.deepEqual(lines, [
    ['info', { reload: 'done', added: 0, changed: 0, removed: 0, needs_restart: undefined }],
  ])
})

test('a good file after a bad one is compared with the settings in force', () => {
  const { run, runText, names } = open()
  runText(NEXT)
  run({ ok: false, problems: ['bad'] })
  const { body } = runText(RUNNING)
  assert.deepEqual(names(), ['a', 'b'])
  assert.deepEqual(body, {
    reloaded: true,
    added: ['b'],
    changed: [{ tool: 'a', keys: ['maxConcurrent', 'startConcurrent'] }],
    removed: ['c'],
    takes_effect: ['drainSeconds'],
    needs_restart: [],
  })
})
