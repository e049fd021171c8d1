/**
 * The Prometheus page without sockets: what a scrape reads from lanes, from the totals and from events.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lane } from '../../src/lane/lane.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import type { ConnectionFigures } from '../../src/observe/connections.ts'
import type { ToolEvent } from '../../src/observe/events.ts'
import { COUNTERS, GAUGES } from '../../src/observe/metric-rows.ts'
import type { FleetGauges } from '../../src/observe/metric-rows.ts'
import { Metrics } from '../../src/observe/metrics.ts'
import { Totals } from '../../src/observe/totals.ts'
import { laneSettings } from '../support/lane-settings.ts'

const NO_CONNECTIONS: ConnectionFigures = { open: [], refused: [] }

interface World {
  readonly overrides?: Partial<LaneSettings>
  readonly fleet?: FleetGauges
  readonly connections?: ConnectionFigures
}

/** A lane `github`, and a clock that the test sets. */
function open({ overrides, fleet, connections = NO_CONNECTIONS }: World = {}) {
  const totals = new Totals()
  const time = { nowMs: 0 }
  const lanes: Lane[] = []
  const metrics = new Metrics({
    totals,
    lanes: () => lanes,
    nowMs: () => time.nowMs,
    connections: () => connections,
    fleet: () => fleet,
  })
  const tell = (tool: string, event: ToolEvent): void => {
    totals.count(tool, event)
    metrics.observe(tool, event)
  }
  const lane = new Lane(laneSettings(overrides), 0, (event) => tell('github', event))
  lanes.push(lane)
  /** The samples of one metric, `labels value`, without the histogram's buckets. */
  const samples = async (name: string): Promise<string[]> =>
    (await metrics.page())
      .split('\n')
      .filter((line) => line.startsWith(`spillway_${name}{`) || line.startsWith(`spillway_${name} `))
      .map((line) => line.slice(`spillway_${name}`.length))
  return { lane, lanes, metrics, tell, time, samples }
}

test('every gauge and counter has one name, a help text and the prefix', async () => {
  const { metrics } = open()
  const page = await metrics.page()
  const names = [...GAUGES, ...COUNTERS].map(({ name }) => name)
  assert.equal(new Set(names).size, names.length)
  for (const { name, help } of GAUGES)
    assert.ok(page.includes(`# HELP spillway_${name} ${help}\n# TYPE spillway_${name} gauge\n`), name)
  for (const { name, help } of COUNTERS)
    assert.ok(page.includes(`# HELP spillway_${name} ${help}\n# TYPE spillway_${name} counter\n`), name)
  for (const name of page.matchAll(/^(\w+)/gm)) assert.match(name[1] ?? '', /^spillway_/)
})

test('gauges show the lane at the time of the scrape', async () => {
  const { lane, time, samples } = open({ overrides: { maxConcurrent: 1, maxQueueDepth: 7 } })
  const first = lane.admit({ spread: 0 }, 0)
  assert.ok(first.kind === 'granted')
  assert.deepEqual(await samples('upstream_p95_seconds'), [])
  lane.settle(first.lease, { cause: 'failed', verdict: 'dropped', latencyMs: 250 }, 250)
  assert.equal(lane.admit({ spread: 0 }, 300).kind, 'granted')
  assert.equal(lane.admit({ spread: 0 }, 300).kind, 'queued')
  lane.operate({ paused: true }, 400)
  time.nowMs = 1800
  const read = async (name: string): Promise<string> => (await samples(name)).join()
  assert.deepEqual(
    await Promise.all(
      [
        'queue_depth',
        'queue_depth_limit',
        'active_leases',
        'concurrency_limit',
        'oldest_ticket_age_seconds',
        'error_ratio',
        'lane_paused',
        'lane_throttled',
      ].map(read),
    ),
    [1, 7, 1, 1, 1.5, 1, 1, 0].map((value) => `{tool="github"} ${value}`),
  )
})

test('counters with labels of closed sets start at 0 for each configured tool, and others when a label is first counted', async () => {
  const { samples } = open()
  assert.deepEqual(await samples('requests_total'), [
    '{tool="github",outcome="completed"} 0',
    '{tool="github",outcome="refused"} 0',
    '{tool="github",outcome="broken"} 0',
    '{tool="github",outcome="cancelled"} 0',
  ])
  assert.deepEqual(await samples('leases_reclaimed_total'), ['{tool="github",cause="silent"} 0'])
  assert.deepEqual(await samples('refused_total'), [])
})

test('counters equal the totals, for every label', async () => {
  const { tell, samples } = open()
  const refused = { kind: 'replied', retryAfterMs: 1000, depths: undefined } as const
  tell('github', { ...refused, reason: 'QUEUE_SATURATED', priority: 'low' })
  tell('github', { ...refused, reason: 'QUEUE_SATURATED', priority: 'low' })
  tell('github', { ...refused, reason: 'DRAINING', priority: 'high' })
  tell('github', { kind: 'mcp', method: 'tools/call' })
  tell('github', { kind: 'retried', result: 'no_budget' })
  tell('github', { kind: 'reconnected' })
  tell('github', { kind: 'ended_twice' })
  tell('github', { kind: 'fleet_reported', isOk: false, tookMs: 3 })
  assert.deepEqual(await samples('refused_total'), [
    '{tool="github",reason="QUEUE_SATURATED",priority="low"} 2',
    '{tool="github",reason="DRAINING",priority="high"} 1',
  ])
  assert.deepEqual(await samples('mcp_messages_total'), ['{tool="github",method="tools/call"} 1'])
  assert.ok((await samples('retries_total')).includes('{tool="github",result="no_budget"} 1'))
  assert.deepEqual(await samples('upstream_reconnects_total'), ['{tool="github"} 1'])
  assert.deepEqual(await samples('leases_ended_twice_total'), ['{tool="github"} 1'])
  assert.deepEqual(await samples('fleet_store_operations_total'), [
    '{tool="github",result="ok"} 0',
    '{tool="github",result="failed"} 1',
  ])
})

test('a second scrape without events shows the same page', async () => {
  const { tell, metrics } = open()
  tell('github', { kind: 'finished', outcome: 'completed', durationMs: 20 })
  assert.equal(await metrics.page(), await metrics.page())
})

test('a tool that was removed keeps its counters and loses its gauges', async () => {
  const { lanes, tell, samples } = open()
  tell('github', { kind: 'finished', outcome: 'completed', durationMs: 20 })
  lanes.length = 0
  assert.deepEqual(await samples('queue_depth'), [])
  assert.equal((await samples('requests_total'))[0], '{tool="github",outcome="completed"} 1')
})

test('histograms count each event once, in seconds', async () => {
  const { tell, samples } = open()
  tell('github', { kind: 'started', waitedMs: 1500, priority: 'high' })
  tell('github', { kind: 'answered', status: 200, firstByteMs: 250 })
  tell('github', { kind: 'finished', outcome: 'completed', durationMs: 500 })
  tell('github', { kind: 'finished', outcome: 'refused', durationMs: undefined })
  assert.deepEqual(await samples('queue_wait_seconds_sum'), ['{tool="github",priority="high"} 1.5'])
  assert.deepEqual(await samples('upstream_first_byte_seconds_sum'), ['{tool="github"} 0.25'])
  assert.deepEqual(await samples('upstream_duration_seconds_sum'), ['{tool="github"} 0.5'])
  assert.deepEqual(await samples('upstream_duration_seconds_count'), ['{tool="github"} 1'])
})

test('a lane in a fleet shows its slots, and a lane without a fleet has no metrics of a fleet', async () => {
  assert.deepEqual(await open().samples('fleet_slots'), [])
  for (const [mode, isUp] of [
    ['up', 1],
    ['learning', 1],
    ['joining', 0],
    ['lost', 0],
  ] as const) {
    const { samples } = open({ fleet: { mode, held: 3, sidecars: undefined, lagMs: 250 } })
    assert.deepEqual(await samples('fleet_store_up'), [`{tool="github"} ${isUp}`])
    assert.deepEqual(await samples('fleet_slots'), ['{tool="github"} 3'])
    assert.deepEqual(await samples('fleet_sidecars'), [])
    assert.deepEqual(await samples('fleet_renewal_lag_seconds'), ['{tool="github"} 0.25'])
  }
})

test('connections are counted by listener', async () => {
  const { samples } = open({
    connections: {
      open: [{ listener: 'proxy', open: 5, idle: 2 }],
      refused: [{ listener: 'admin', cause: 'no_room', count: 4 }],
    },
  })
  assert.deepEqual(await samples('connections'), [
    '{listener="proxy",state="idle"} 2',
    '{listener="proxy",state="busy"} 3',
  ])
  assert.deepEqual(await samples('connections_refused_total'), ['{listener="admin",cause="no_room"} 4'])
})
