/**
 * The configured tools over reloads, without sockets: which tools are found, what a changed tool keeps, and how a removed
 * tool ends or comes back.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { planReload } from '../../src/config/reload.ts'
import type { Fleet } from '../../src/fleet/fleet.ts'
import type { LeaseHandle } from '../../src/gate/lease-handle.ts'
import type { Tool } from '../../src/tools/tool.ts'
import { Tools } from '../../src/tools/tools.ts'
import { ToolPool } from '../../src/upstream/tool-pool.ts'
import { settingsIn } from '../config/reading.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const A = 'a: { upstream: "http://a.internal:1", maxConcurrent: 1, controller: { algorithm: fixed } }'
const B = 'b: { upstream: "http://b.internal:1" }'
const A_WIDER = A.replace('maxConcurrent: 1', 'maxConcurrent: 2')
const CHECK_EVERY_MS = 1000
const SETTLED = { cause: 'completed', verdict: 'ok' } as const

function yaml(...tools: readonly string[]): string {
  return ['tools:', ...tools.map((tool) => `  ${tool}`)].join('\n')
}

/** Tools whose pools and fleet record what becomes of them. */
function open(context: TestContext, ...tools: readonly string[]) {
  const clock = new VirtualClock()
  const events: string[] = []
  const told: string[] = []
  const closed: unknown[] = []
  const destroyed: unknown[] = []
  context.mock.method(ToolPool.prototype, 'close', function close(this: ToolPool) {
    closed.push(this)
    return Promise.reject(new Error('made up: closing fails'))
  })
  context.mock.method(ToolPool.prototype, 'destroy', function destroy(this: ToolPool) {
    destroyed.push(this)
    return Promise.resolve()
  })
  const fleet = {
    join: (tool: string, cap: number) => told.push(`join ${tool} ${cap}`),
    reconfigure: (tool: string, cap: number) => told.push(`reconfigure ${tool} ${cap}`),
    leave: (tool: string) => told.push(`leave ${tool}`),
    notice: () => undefined,
  } as unknown as Fleet
  let running = settingsIn(yaml(...tools))
  const of = new Tools(running.tools, {
    clock,
    random: () => 0,
    failed: (error) => assert.fail(String(error)),
    emit: (tool, { kind }) => events.push(`${tool} ${kind}`),
    fleet,
  })
  const reload = (...next: readonly string[]): void => {
    const wanted = settingsIn(yaml(...next))
    of.apply(planReload(running, wanted))
    running = wanted
  }
  return { clock, of, events, told, closed, destroyed, reload }
}

function start(tool: Tool | undefined): LeaseHandle {
  const entered = tool?.gate.enter({}, () => undefined)
  if (entered?.kind !== 'granted') return assert.fail('the call did not start')
  return entered.lease
}

/** How the gate answers one more call. */
function answerOf(tool: Tool | undefined): string {
  const entered = tool?.gate.enter({}, () => undefined)
  return entered?.kind === 'refused' ? entered.refusal.reason : String(entered?.kind)
}

function routeOf(tools: Tools, path: string): string | undefined {
  const target = { host: '', hostHeader: '', path, query: '', isAbsolute: false }
  const route = tools.router.find(target)
  return route.kind === 'found' ? route.to.tool : undefined
}

test('each configured tool is found by its name and by its route, in the order of the file', (t) => {
  const { of, told } = open(t, A, B)
  assert.deepEqual(
    [...of.all()].map(({ tool }) => tool),
    ['a', 'b'],
  )
  assert.deepEqual([of.get('a')?.tool, of.get('c')], ['a', undefined])
  assert.deepEqual([routeOf(of, '/b/x'), routeOf(of, '/c/x')], ['b', undefined])
  assert.deepEqual(told, ['join a 1', 'join b 8'])
})

test('the events of a lane carry the name of its tool', (t) => {
  const { of, events } = open(t, A, B)
  start(of.get('b')).settle(SETTLED)
  assert.deepEqual(new Set(events), new Set(['b admitted', 'b started', 'b ended']))
})

test('a reload that adds a tool leaves the others as they are', (t) => {
  const { of, reload, closed, told } = open(t, A)
  const before = of.get('a')
  reload(A, B)
  assert.equal(of.get('a'), before)
  assert.deepEqual([routeOf(of, '/b'), closed, told], ['b', [], ['join a 1', 'join b 8']])
})

test('a changed tool keeps its lane and its leases under the new settings', (t) => {
  const { of, reload, closed, told } = open(t, A)
  const tool = of.get('a')
  const pool = tool?.pool
  const lease = start(tool)
  const entered = tool?.gate.enter({}, (turn) => turns.push(turn.kind))
  const turns: string[] = []
  assert.equal(entered?.kind, 'queued')
  reload(A_WIDER)
  assert.deepEqual([of.get('a') === tool, tool?.pool === pool, closed], [true, true, []])
  assert.deepEqual([turns, lease.isOver], [['granted'], false])
  assert.equal(tool?.settings.lane.maxConcurrent, 2)
  assert.deepEqual(told, ['join a 1', 'reconfigure a 2'])
})

for (const [name, next] of [
  ['another address', A.replace('a.internal', 'other.internal')],
  ['another time to connect', A.replace('{ upstream', '{ connectTimeoutSeconds: 1, upstream')],
] as const) {
  test(`a tool with ${name} gets new connections, and the old ones are let go`, (t) => {
    const { of, reload, closed } = open(t, A)
    const tool = of.get('a')
    const pool = tool?.pool
    reload(next)
    assert.deepEqual([of.get('a') === tool, tool?.pool === pool], [true, false])
    assert.deepEqual(closed, [pool])
  })
}

test('a removed tool without calls is closed at once', (t) => {
  const { of, reload, closed, told, clock } = open(t, A, B)
  const tool = of.get('a')
  reload(B)
  assert.deepEqual([of.get('a'), routeOf(of, '/a')], [undefined, undefined])
  assert.deepEqual([answerOf(tool), closed, told.at(-1)], ['NO_ROUTE', [tool?.pool], 'leave a'])
  clock.advance(10 * CHECK_EVERY_MS)
  assert.deepEqual([closed.length, told.length], [1, 3])
})

test('a removed tool completes its running and waiting calls before it is closed', (t) => {
  const { of, reload, closed, told, clock } = open(t, A, B)
  const tool = of.get('a')
  const first = start(tool)
  const second: LeaseHandle[] = []
  tool?.gate.enter({}, (turn) => turn.kind === 'granted' && second.push(turn.lease))
  reload(B)
  assert.equal(routeOf(of, '/a'), undefined)
  clock.advance(CHECK_EVERY_MS)
  assert.deepEqual([closed, second.length], [[], 0])
  first.settle(SETTLED)
  assert.equal(second.length, 1, 'the waiting call gets its turn')
  clock.advance(CHECK_EVERY_MS)
  assert.deepEqual([closed, told.includes('leave a')], [[], false])
  second[0]?.settle(SETTLED)
  clock.advance(CHECK_EVERY_MS)
  assert.deepEqual([closed, told.at(-1), answerOf(tool)], [[tool?.pool], 'leave a', 'NO_ROUTE'])
  assert.equal(clock.timers, 0)
})

test('a removed tool that comes back finds its old calls in its lane, and they count against its new limit', (t) => {
  const { of, reload, closed, told, clock } = open(t, A, B)
  const tool = of.get('a')
  const lease = start(tool)
  reload(B)
  reload(B, A_WIDER)
  assert.equal(of.get('a'), tool)
  assert.equal(routeOf(of, '/a'), 'a')
  assert.deepEqual(told, ['join a 1', 'join b 8', 'reconfigure a 2'])
  const second = start(tool)
  const entered = tool?.gate.enter({}, () => undefined)
  assert.ok(entered?.kind === 'queued' && entered.leave())
  for (const each of [lease, second]) each.settle(SETTLED)
  clock.advance(10 * CHECK_EVERY_MS)
  assert.deepEqual([closed, told.includes('leave a')], [[], false])
})

test('a tool that comes back after it was closed begins anew', (t) => {
  const { of, reload, told } = open(t, A, B)
  const tool = of.get('a')
  reload(B)
  reload(B, A)
  assert.notEqual(of.get('a'), tool)
  assert.equal(answerOf(of.get('a')), 'granted')
  assert.deepEqual(told.slice(2), ['leave a', 'join a 1'])
})

test('a tool that is removed, comes back and is removed again is closed once', (t) => {
  const { of, reload, closed, told, clock } = open(t, A, B)
  const lease = start(of.get('a'))
  reload(B)
  reload(B, A)
  reload(B)
  clock.advance(CHECK_EVERY_MS)
  assert.deepEqual(closed, [])
  lease.settle(SETTLED)
  clock.advance(10 * CHECK_EVERY_MS)
  assert.deepEqual([closed.length, told.filter((each) => each === 'leave a')], [1, ['leave a']])
})

test('a shutdown refuses the calls of all tools, those of a removed tool with calls among them', (t) => {
  const { of, reload } = open(t, A, B)
  const gone = of.get('a')
  start(gone)
  const turns: string[] = []
  gone?.gate.enter({}, (turn) => turns.push(turn.kind === 'refused' ? turn.refusal.reason : turn.kind))
  reload(B)
  of.closeGates()
  assert.deepEqual([turns, answerOf(gone), answerOf(of.get('b'))], [['DRAINING'], 'DRAINING', 'DRAINING'])
})

test('a shutdown cuts the connections of all tools, those of a removed tool with calls among them', async (t) => {
  const { of, reload, destroyed } = open(t, A, B)
  const gone = of.get('a')
  start(gone)
  reload(B)
  await of.close()
  assert.deepEqual(new Set(destroyed), new Set([gone?.pool, of.get('b')?.pool]))
  assert.equal(destroyed.length, 2)
})

const SERVER = 's: { upstream: "http://s.internal:1", mcp: {} }'
const LANE = 'w: { mcp: { server: s, tools: ["write_*"] } }'

test('a call of an MCP server runs in the lane whose glob matches, or in the lane of the server', (t) => {
  const { of, reload } = open(t, SERVER, LANE)
  const server = of.get('s') as Tool
  assert.deepEqual([of.mcpLane(server, 'write_file').tool, of.mcpLane(server, 'read_file').tool], ['w', 's'])
  reload(SERVER)
  assert.equal(of.mcpLane(server, 'write_file'), server)
  reload(SERVER, LANE.replace('write_', 'read_'))
  assert.equal(of.mcpLane(server, 'read_file').tool, 'w')
})
