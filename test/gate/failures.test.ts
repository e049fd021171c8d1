/**
 * An error in the callback of one call is reported and affects no other call.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gate } from '../../src/gate/gate.ts'
import type { GateParts } from '../../src/gate/gate.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import { laneSettings } from '../support/lane-settings.ts'
import { started, visit } from '../support/lane-turns.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const OK = { cause: 'completed', verdict: 'ok', latencyMs: 5 } as const

function open(overrides: Partial<LaneSettings> = {}, tell: GateParts['tell'] = () => undefined) {
  const clock = new VirtualClock()
  const failures: unknown[] = []
  const settings = laneSettings({ maxConcurrent: 2, leaseMs: 1000, ...overrides })
  const failed = (error: unknown) => failures.push(error)
  return { clock, failures, gate: new Gate(settings, { clock, random: () => 0, tell, failed }) }
}

function fail(whose: string): () => never {
  return () => {
    throw new Error(`of the ${whose}`)
  }
}

test('a stop that throws is reported, and the other calls are stopped, refused and granted', () => {
  const { clock, gate, failures } = open()
  const stopped: string[] = []
  started(gate).onReclaimed(fail('first'))
  started(gate).onReclaimed(() => stopped.push('second'))
  const stale = visit(gate, { ttlMs: 1000 })
  const turns = [visit(gate), visit(gate)]
  clock.advance(1000)
  assert.deepEqual(stopped, ['second'])
  assert.equal(stale.now, 'refused')
  assert.deepEqual(
    turns.map(({ now }) => now),
    ['granted', 'granted'],
  )
  assert.deepEqual(failures.map(String), ['Error: of the first'])
  gate.close('DRAINING')
})

test('after a stop that throws the timer is set for what is due next', () => {
  const { clock, gate, failures } = open()
  started(gate).onReclaimed(fail('first'))
  clock.advance(400)
  const second = started(gate)
  clock.advance(600)
  assert.equal(failures.length, 1)
  assert.deepEqual([clock.timers, clock.nextDueAtMs()], [1, 1400])
  clock.advance(400)
  assert.equal(second.isOver, true)
  assert.equal(clock.timers, 0)
})

test('a callback that throws is reported, and the turns after it are told', () => {
  const { gate, failures } = open()
  const leases = [started(gate), started(gate)]
  const first = visit(gate, {}, fail('first'))
  const second = visit(gate)
  gate.operate({ paused: true })
  for (const lease of leases) lease.settle(OK)
  gate.operate({ paused: false })
  assert.deepEqual([first.now, second.now], ['granted', 'granted'])
  assert.deepEqual(failures.map(String), ['Error: of the first'])
  gate.close('DRAINING')
})

test('turns are told with the next act even where reporting an error throws', () => {
  const clock = new VirtualClock()
  const parts = { clock, random: () => 0, tell: () => undefined, failed: fail('reporter') }
  const gate = new Gate(laneSettings({ maxConcurrent: 2 }), parts)
  const leases = [started(gate), started(gate)]
  visit(gate, {}, fail('first'))
  const second = visit(gate)
  gate.operate({ paused: true })
  for (const lease of leases) lease.settle(OK)
  assert.throws(() => gate.operate({ paused: false }), /of the reporter/)
  assert.equal(second.now, 'waiting')
  gate.operate({})
  assert.equal(second.now, 'granted')
  gate.close('DRAINING')
})

test('a listener that throws changes nothing in the lane, and each time is reported', () => {
  const { clock, gate, failures } = open({ maxConcurrent: 1 }, ({ kind }) => {
    throw new Error(kind)
  })
  const lease = started(gate)
  const next = visit(gate)
  clock.advance(10)
  lease.settle(OK)
  assert.equal(next.now, 'granted')
  assert.deepEqual(gate.lane.depths(), { queueDepth: 0, active: 1, limit: 1 })
  assert.deepEqual(
    failures.map((error) => (error as Error).message),
    ['admitted', 'started', 'admitted', 'ended', 'started'],
  )
  gate.close('DRAINING')
})
