/**
 * What passes beside the lanes of an MCP server is bounded: messages and streams have a bound each, and none waits.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Gate } from '../../src/gate/gate.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import { McpTraffic } from '../../src/tools/mcp-traffic.ts'
import { laneSettings } from '../support/lane-settings.ts'
import { rethrow } from '../support/rethrow.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

function traffic(lane: Partial<LaneSettings> = {}) {
  const clock = new VirtualClock()
  return { clock, traffic: new McpTraffic(laneSettings(lane), { clock, random: () => 0, failed: rethrow }) }
}

/** How many enter at once before one is refused. */
function room(gate: Gate): number {
  for (let count = 0; ; count++) {
    const entry = gate.enter({}, () => assert.fail('nothing waits here'))
    if (entry.kind === 'granted') continue
    assert.equal(entry.kind, 'refused', 'nothing waits here')
    return count
  }
}

function running({ messages, streams }: McpTraffic): number[] {
  return [messages.lane.depths().active, streams.lane.depths().active]
}

test('messages and streams have a bound each, neither takes the room of the other, and none waits', () => {
  const { traffic: beside } = traffic({ maxConcurrent: 1, maxQueueDepth: 10 })
  assert.deepEqual([room(beside.streams), room(beside.messages)], [1024, 256])
  beside.close('DRAINING')
})

test('the rate of the lane does not bound messages and streams', () => {
  const { traffic: beside } = traffic({ rate: { calls: 1, perMs: 60_000, burst: 1 } })
  assert.deepEqual([room(beside.streams), room(beside.messages)], [1024, 256])
})

test('a stream may be silent for hours, a message no longer than a call', () => {
  const { clock, traffic: beside } = traffic({ leaseMs: 1000 })
  for (const gate of [beside.streams, beside.messages]) gate.enter({}, () => undefined)
  clock.advance(3_600_000)
  assert.deepEqual(running(beside), [0, 1])
  beside.close('DRAINING')
  assert.equal(clock.timers, 0)
})

test('a stream that is silent for longer than a day is given up', () => {
  const { clock, traffic: beside } = traffic()
  beside.streams.enter({}, () => undefined)
  clock.advance(86_400_000 - 1)
  assert.deepEqual(running(beside), [0, 1])
  clock.advance(1000)
  assert.deepEqual(running(beside), [0, 0])
})

test('after a reload messages may be silent for as long as calls then may, and streams for a day as before', () => {
  const { clock, traffic: beside } = traffic({ leaseMs: 1000 })
  beside.change(laneSettings({ leaseMs: 5000 }))
  for (const gate of [beside.streams, beside.messages]) gate.enter({}, () => undefined)
  clock.advance(4999)
  assert.deepEqual(running(beside), [1, 1])
  clock.advance(1000)
  assert.deepEqual(running(beside), [0, 1])
  assert.equal(room(beside.messages), 256)
})

for (const reason of ['DRAINING', 'NO_ROUTE'] as const) {
  test(`after a close with ${reason} neither messages nor streams begin`, () => {
    const { traffic: beside } = traffic()
    beside.close(reason)
    for (const gate of [beside.messages, beside.streams]) {
      const entry = gate.enter({}, () => undefined)
      assert.deepEqual(entry.kind === 'refused' && entry.refusal.reason, reason)
    }
  })
}
