/**
 * A batch gets all of its leases at once, or none and the reason that a single call would hear.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gate } from '../../src/gate/gate.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import { leaseAll } from '../../src/call/mcp-batch.ts'
import type { Routed } from '../../src/call/routed.ts'
import { laneSettings } from '../support/lane-settings.ts'
import { rethrow } from '../support/rethrow.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const clock = new VirtualClock()
const around = { isDraining: () => false }

function wantOf(overrides: Partial<LaneSettings>): { want: Routed; gate: Gate } {
  const lane = laneSettings(overrides)
  const gate = new Gate(lane, { clock, random: () => 0, tell: () => undefined, failed: rethrow })
  const tool = { gate, settings: { lane, maxBodyBytes: 100 } }
  return { want: { tool, priority: 'normal', bodyBytes: 1 } as unknown as Routed, gate }
}

test('a batch whose second lane is full gives back the lease of its first', () => {
  const [first, second] = [wantOf({}), wantOf({ maxConcurrent: 1 })]
  assert.equal(leaseAll([first.want, second.want], around).kind, 'all')
  const refused = leaseAll([first.want, second.want], around)
  assert.ok(
    refused.kind === 'refused' && refused.reason === 'QUEUE_SATURATED' && refused.want === second.want,
  )
  assert.deepEqual([first.gate.lane.depths().active, second.gate.lane.depths().queueDepth], [1, 0])
})

test('a batch for a paused lane hears that, and when to come back', () => {
  const { want, gate } = wantOf({})
  gate.operate({ paused: true })
  const refused = leaseAll([want], around)
  assert.ok(refused.kind === 'refused' && refused.reason === 'LANE_PAUSED')
  assert.ok((refused.told.retryAfterMs ?? 0) > 0)
})

test('a batch puts nobody out of a queue, however high its class is', () => {
  const { want, gate } = wantOf({ maxConcurrent: 1, maxQueueDepth: 1 })
  gate.enter({}, () => undefined)
  gate.enter({ priority: 'low' }, () => undefined)
  const refused = leaseAll([{ ...want, priority: 'critical' }], around)
  assert.ok(refused.kind === 'refused' && refused.reason === 'QUEUE_SATURATED')
  assert.equal(gate.lane.depths().queueDepth, 1)
})
