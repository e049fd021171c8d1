/**
 * The gate's one timer: set for the earliest due time, and cleared when the gate is closed.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Gate } from '../../src/gate/gate.ts'
import type { LeaseHandle } from '../../src/gate/lease-handle.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import { laneSettings } from '../support/lane-settings.ts'
import { started, visit } from '../support/lane-turns.ts'
import { rethrow } from '../support/rethrow.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const OK = { cause: 'completed', verdict: 'ok', latencyMs: 5 } as const

function open(overrides: Partial<LaneSettings> = {}, nowMs = 0) {
  const clock = new VirtualClock({ nowMs })
  const settings = laneSettings({ maxConcurrent: 1, ...overrides })
  return {
    clock,
    gate: new Gate(settings, { clock, random: () => 0, tell: () => undefined, failed: rethrow }),
  }
}

test('an idle gate sets no timer', () => {
  assert.equal(open().clock.timers, 0)
})

test('the one timer is set for the earliest thing that is due', () => {
  const { clock, gate } = open({ ttlMs: 300, leaseMs: 1000 })
  visit(gate)
  assert.deepEqual([clock.timers, clock.nextDueAtMs()], [1, 1000])
  clock.advance(10)
  visit(gate)
  assert.deepEqual([clock.timers, clock.nextDueAtMs()], [1, 310])
  gate.operate({ paused: true, forMs: 20 })
  assert.deepEqual([clock.timers, clock.nextDueAtMs()], [1, 30])
  clock.advance(20)
  assert.deepEqual([clock.timers, clock.nextDueAtMs()], [1, 310])
  clock.advance(280)
  assert.deepEqual([clock.timers, clock.nextDueAtMs()], [1, 1000])
})

test('a timer that fires too early is set for the next due time, and not at all when nothing is due', () => {
  const { clock, gate } = open({ leaseMs: 100 })
  const lease = started(gate)
  clock.advance(60)
  lease.renew()
  clock.advance(40)
  assert.deepEqual([clock.timers, clock.nextDueAtMs()], [1, 160])
  lease.settle(OK)
  clock.advance(60)
  assert.equal(clock.timers, 0)
})

test("the law's window closes by the timer when no call ends any more", () => {
  const { clock, gate } = open({ startConcurrent: 1, maxConcurrent: 8 })
  for (let i = 0; i < 8; i++) started(gate).settle(OK)
  assert.equal(clock.nextDueAtMs(), 2000)
  clock.advance(2000)
  assert.equal(gate.lane.depths().limit, 2)
})

test('a closed gate leaves no timer', () => {
  const { clock, gate } = open()
  visit(gate)
  visit(gate)
  gate.close('DRAINING')
  gate.close('DRAINING')
  assert.equal(clock.timers, 0)
})

test('a closed gate sets no timer for calls that end, come or are renewed afterwards', () => {
  const { clock, gate } = open({ maxConcurrent: 2 })
  const lease = started(gate)
  visit(gate)
  gate.close('DRAINING')
  lease.renew()
  lease.settle(OK)
  assert.equal(clock.timers, 0, 'after a call ended')
  visit(gate)
  gate.operate({ limit: 1, forMs: 50 })
  assert.equal(clock.timers, 0, 'after more work')
})

test('a gate never has more than one timer, and never a late one', () => {
  const steps = fc.array(fc.record({ waitMs: fc.nat(80), does: fc.constantFrom('enter', 'settle', 'pause') }))
  fc.assert(
    fc.property(steps, (history) => {
      const { clock, gate } = open({ maxConcurrent: 3, ttlMs: 70, leaseMs: 100 })
      const leases: LeaseHandle[] = []
      for (const { waitMs, does } of history) {
        clock.advance(waitMs)
        if (does === 'pause') gate.operate({ paused: true, forMs: 30 })
        else if (does === 'settle') leases.splice(0, 1).forEach((lease) => lease.settle(OK))
        else {
          const newcomer = visit(gate)
          if (newcomer.kind === 'granted') leases.push(newcomer.lease)
        }
        assert.ok(clock.timers <= 1)
        assert.ok(clock.nextDueAtMs() <= gate.lane.wakeAtMs())
      }
      gate.close('DRAINING')
      assert.equal(clock.timers, 0)
    }),
    { numRuns: 300 },
  )
})

test('the timer of a window that opened in a fraction of a millisecond does not spin', () => {
  const { clock, gate } = open({ startConcurrent: 1, maxConcurrent: 8 }, 48.2)
  for (let i = 0; i < 8; i++) started(gate).settle(OK)
  clock.advance(3000)
  assert.equal(gate.lane.depths().limit, 2)
})
