/**
 * The lanes as the admin listener shows them: the figures of the lane and its totals, and beside them its part in an MCP
 * server and in the fleet.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planReload } from '../../src/config/reload.ts'
import type { MembershipStatus } from '../../src/fleet/membership.ts'
import { Totals } from '../../src/observe/totals.ts'
import { LaneViews } from '../../src/tools/lane-views.ts'
import { Tools } from '../../src/tools/tools.ts'
import { settingsIn } from '../config/reading.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const YAML = `tools:
  plain: { upstream: http://a.internal, maxConcurrent: 1, controller: { algorithm: fixed } }
  server: { upstream: http://s.internal, mcp: {} }
  writes: { mcp: { server: server, tools: ["write_*"], overload: http_429 } }
`

const STATUS = { mode: 'up', held: 2, ceiling: 3, sidecars: 4, waitingSidecars: 1 } as MembershipStatus

function open(status: (tool: string) => MembershipStatus | undefined = () => undefined) {
  const clock = new VirtualClock()
  const totals = new Totals()
  const settings = settingsIn(YAML)
  const tools = new Tools(settings.tools, {
    clock,
    random: () => 0,
    failed: (error) => assert.fail(String(error)),
    emit: totals.count,
    fleet: undefined,
  })
  const views = new LaneViews({ tools, totals, clock, membership: status })
  const one = (name: string) => views.one(name) as Record<string, unknown> | undefined
  return { clock, settings, tools, views, one }
}

test('a lane shows its figures at the moment of the question and its totals', () => {
  const { clock, tools, one } = open()
  const gate = tools.get('plain')!.gate
  for (let i = 0; i < 2; i++) gate.enter({}, () => undefined)
  clock.advance(1500)
  const shown = one('plain')
  assert.deepEqual(
    [shown?.['tool'], shown?.['active_workers'], shown?.['queue_depth'], shown?.['oldest_wait_ms']],
    ['plain', 1, 1, 1500],
  )
  assert.equal((shown?.['totals'] as { admitted: number }).admitted, 2)
  assert.deepEqual([shown?.['mcp'], shown?.['fleet']], [undefined, undefined])
})

test('a moment of the lane is shown as time of the wall clock', () => {
  const { tools, one } = open()
  tools.get('plain')?.gate.operate({ paused: true, forMs: 60_000 })
  assert.equal(one('plain')?.['paused_until'], '2026-01-01T00:01:00.000Z')
})

test('an unknown tool has no view', () => {
  assert.equal(open().views.one('nobody'), undefined)
})

for (const [tool, mcp] of [
  ['server', { overload: 'tool_result', messages: {} }],
  ['writes', { server: 'server', tools: ['write_*'], overload: 'http_429', messages: {} }],
] as const) {
  test(`the lane of the tool ${tool} shows its part in its MCP server`, () => {
    assert.deepEqual(open().one(tool)?.['mcp'], mcp)
  })
}

test('a lane shows its own part in the fleet', () => {
  const { one } = open((tool) => (tool === 'plain' ? STATUS : undefined))
  const fleet = { store: 'up', held: 2, ceiling: 3, sidecars: 4, waiting_sidecars: 1 }
  assert.deepEqual([one('plain')?.['fleet'], one('server')?.['fleet']], [fleet, undefined])
})

test('all views and all lanes follow a reload', () => {
  const { settings, tools, views } = open()
  const shown = (): unknown[] => views.all().map((each) => (each as { tool: string }).tool)
  const counted = (): string[] => [...views.lanes()].map((lane) => lane.settings.tool)
  assert.deepEqual(
    [shown(), counted()],
    [
      ['plain', 'server', 'writes'],
      ['plain', 'server', 'writes'],
    ],
  )
  const next = settingsIn(
    'tools: { plain: { upstream: http://a.internal }, new: { upstream: http://n.internal } }',
  )
  tools.apply(planReload(settings, next))
  assert.deepEqual(
    [shown(), counted()],
    [
      ['plain', 'new'],
      ['plain', 'new'],
    ],
  )
})
