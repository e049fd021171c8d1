/**
 * The gate calls `demandMoved` when the lane would use another number of the fleet's slots, and only then.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { enterAll, Gate } from '../../src/gate/gate.ts'
import { laneSettings } from '../support/lane-settings.ts'
import { started, visit } from '../support/lane-turns.ts'
import { rethrow } from '../support/rethrow.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const OK = { cause: 'completed', verdict: 'ok', latencyMs: 5 } as const

function open() {
  const clock = new VirtualClock()
  let told = 0
  const gate = new Gate(laneSettings({ maxConcurrent: 1 }), {
    clock,
    random: () => 0,
    tell: () => undefined,
    failed: rethrow,
    demandMoved: () => told++,
  })
  const toldBy = (act: () => unknown): number => {
    told = 0
    act()
    return told
  }
  return { clock, gate, toldBy }
}

test('the fleet hears of a call that comes, waits, leaves, goes stale or ends, and of orders', () => {
  const { gate, clock, toldBy } = open()
  let lease = undefined as ReturnType<typeof started> | undefined
  let waiting = undefined as ReturnType<typeof visit> | undefined
  assert.equal(
    toldBy(() => (lease = started(gate))),
    1,
  )
  assert.equal(
    toldBy(() => (waiting = visit(gate))),
    1,
  )
  assert.equal(
    toldBy(() => waiting?.leave()),
    1,
  )
  assert.equal(
    toldBy(() => visit(gate, { ttlMs: 500 })),
    1,
  )
  assert.equal(
    toldBy(() => clock.advance(500)),
    1,
  )
  assert.equal(
    toldBy(() => lease?.settle(OK)),
    1,
  )
  assert.equal(
    toldBy(() => started(gate)),
    1,
  )
  assert.equal(
    toldBy(() => visit(gate)),
    1,
  )
  assert.equal(
    toldBy(() => gate.operate({ paused: true })),
    1,
  )
  assert.equal(
    toldBy(() => gate.close('DRAINING')),
    1,
  )
})

test('the fleet hears once of a batch, and nothing of what changes no demand', () => {
  const { gate, toldBy } = open()
  const want = { gate, want: {} }
  assert.equal(
    toldBy(() => enterAll([want])),
    1,
  )
  assert.equal(
    toldBy(() => enterAll([want])),
    0,
  )
  assert.equal(
    toldBy(() => gate.operate({})),
    0,
  )
  assert.equal(
    toldBy(() => gate.cap({ slots: 1, untilMs: Infinity, isShut: false })),
    0,
  )
})
