/**
 * A gate whose process stood still: its timer is late, and what came through sockets meanwhile is read before it fires.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gate } from '../../src/gate/gate.ts'
import type { LaneEvent } from '../../src/lane/event.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import { laneSettings } from '../support/lane-settings.ts'
import { started, visit } from '../support/lane-turns.ts'
import { rethrow } from '../support/rethrow.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** Calls at once at a limit of 16: enough for a law to cut, too few to make it try something. */
const BUSY = 10
const OK = { cause: 'completed', verdict: 'ok', latencyMs: 5200 } as const

function open(overrides: Partial<LaneSettings> = {}) {
  const clock = new VirtualClock({ nowMs: 1000 })
  const events: LaneEvent[] = []
  const settings = laneSettings({ maxConcurrent: 1, ttlMs: 500, leaseMs: 2000, ...overrides })
  const tell = (event: LaneEvent) => events.push(event)
  return { clock, events, gate: new Gate(settings, { clock, random: () => 0, tell, failed: rethrow }) }
}

test('a newcomer that is read before the late timer fires reclaims nobody', () => {
  const { clock, gate } = open({ maxConcurrent: 2 })
  const lease = started(gate)
  // A clock that has noticed no stop: the timer alone is late.
  Object.assign(clock, { stoppedMs: () => 0 })
  clock.stop(5000)
  started(gate)
  assert.equal(lease.isOver, false)
  lease.settle(OK)
  assert.equal(lease.isOver, true)
  gate.close('DRAINING')
})

test('a stop does not count as silence: a lease is reclaimed after its whole time without the stop', () => {
  const { clock, gate } = open()
  const lease = started(gate)
  clock.advance(500)
  clock.stop(5000)
  clock.advance(0)
  assert.equal(lease.isOver, false)
  clock.advance(1499)
  assert.equal(lease.isOver, false)
  clock.advance(1)
  assert.equal(lease.isOver, true)
  gate.close('DRAINING')
})

test('a lease that was renewed after the stop has no more than its time left', () => {
  const { clock, gate } = open()
  const lease = started(gate)
  clock.stop(5000)
  lease.renew()
  clock.advance(1999)
  assert.equal(lease.isOver, false)
  clock.advance(1)
  assert.equal(lease.isOver, true)
  gate.close('DRAINING')
})

test('the TTL of waiting calls goes on while the process stands still', () => {
  const { clock, gate, events } = open()
  const lease = started(gate)
  const waiting = visit(gate)
  clock.stop(5000)
  // The end of the running call is read first, and must not start a ticket that is stale.
  lease.settle(OK)
  assert.equal(waiting.reason, 'QUEUE_TTL_EXPIRED')
  assert.equal(events.filter(({ kind }) => kind === 'started').length, 1)
  gate.close('DRAINING')
})

for (const algorithm of ['aimd', 'adaptive', 'gradient'] as const) {
  test(`a stop during many calls does not fool ${algorithm}`, () => {
    const { clock, gate } = open({
      maxConcurrent: 16,
      controller: algorithm === 'aimd' ? laneSettings().controller : { algorithm },
    })
    const second = (): void => {
      for (let tenth = 0; tenth < 10; tenth++) {
        const leases = Array.from({ length: BUSY }, () => started(gate))
        clock.advance(100)
        for (const lease of leases) lease.settle({ ...OK, latencyMs: 100 })
      }
    }
    for (let i = 0; i < 20; i++) second()
    const { limit } = gate.lane.depths()
    const leases = Array.from({ length: BUSY }, () => started(gate))
    clock.stop(5000)
    clock.advance(0)
    for (const lease of leases) lease.settle({ ...OK, latencyMs: 5100 })
    for (let i = 0; i < 5; i++) second()
    assert.equal(limit, 16)
    assert.equal(gate.lane.depths().limit, 16)
    const { p95Ms, errorRate } = gate.lane.snapshot(clock.nowMs())
    assert.deepEqual([p95Ms, errorRate], [100, 0])
    gate.close('DRAINING')
  })
}

test('the wait estimate does not take a stop for a hang', () => {
  const { clock, gate } = open({ maxConcurrent: 4, ttlMs: 10_000 })
  for (let i = 0; i < 10; i++) {
    const lease = started(gate)
    clock.advance(100)
    lease.settle({ ...OK, latencyMs: 100 })
  }
  for (let i = 0; i < 4; i++) started(gate)
  clock.stop(60_000)
  assert.equal(visit(gate).kind, 'queued')
  assert.ok(gate.lane.snapshot(clock.nowMs()).estimateMs < 200)
  gate.close('DRAINING')
})
