/**
 * A closed gate refuses waiting calls and newcomers with the reason it was closed with. Running calls run to their end, and
 * no call starts any more.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { enterAll, Gate } from '../../src/gate/gate.ts'
import type { LaneEvent } from '../../src/lane/event.ts'
import { laneSettings } from '../support/lane-settings.ts'
import { started, visit } from '../support/lane-turns.ts'
import { rethrow } from '../support/rethrow.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const OK = { cause: 'completed', verdict: 'ok', latencyMs: 5 } as const

function open(random = () => 0) {
  const clock = new VirtualClock()
  const events: LaneEvent[] = []
  const tell = (event: LaneEvent) => events.push(event)
  const settings = laneSettings({ maxConcurrent: 2, retryAfter: { minMs: 1000, maxMs: 30_000 } })
  return { clock, events, gate: new Gate(settings, { clock, random, tell, failed: rethrow }) }
}

for (const reason of ['DRAINING', 'NO_ROUTE'] as const) {
  test(`calls that wait, and those that come later, are refused with ${reason}`, () => {
    const { gate, clock } = open()
    const lease = started(gate)
    started(gate)
    const waiting = [visit(gate), visit(gate)]
    gate.close(reason)
    assert.deepEqual(
      waiting.map((each) => each.reason),
      [reason, reason],
    )
    assert.equal(visit(gate).reason, reason)
    assert.equal(visit(gate, { priority: 'critical' }).reason, reason)
    const batch = enterAll([{ gate, want: {} }])
    assert.equal(batch.kind === 'refused' && batch.refusal.reason, reason)
    assert.deepEqual(gate.lane.depths(), { queueDepth: 0, active: 2, limit: 2 })
    assert.equal(lease.isOver, false)
    assert.equal(clock.timers, 0)
  })
}

test('the callers of a closed gate are spread over the 5 s after the least that they may be told to wait', () => {
  let random = 0
  const { gate } = open(() => random)
  for (let i = 0; i < 2; i++) started(gate)
  const waits: number[] = []
  for (random of [0, 0.5, 0.999]) {
    gate.enter({}, (turn) => turn.kind === 'refused' && waits.push(turn.refusal.retryAfterMs))
  }
  gate.close('DRAINING')
  assert.deepEqual(
    waits.sort((a, b) => a - b),
    [1000, 3500, 5995],
  )
})

test('no call starts after the close, whatever frees a slot, and a lease still ends exactly once', () => {
  const { gate, events } = open()
  const leases = [started(gate), started(gate)]
  visit(gate)
  gate.close('DRAINING')
  events.length = 0
  for (const lease of leases) lease.settle(OK)
  for (const lease of leases) lease.settle(OK)
  gate.operate({ limit: 2, paused: false })
  gate.cap({ slots: 2, untilMs: Infinity, isShut: false })
  gate.reconfigure(laneSettings({ maxConcurrent: 8 }))
  assert.equal(visit(gate).kind, 'refused')
  assert.equal(events.filter(({ kind }) => kind === 'ended').length, 2)
  assert.ok(!events.some(({ kind }) => kind === 'started' || kind === 'admitted' || kind === 'ended_twice'))
  assert.deepEqual(gate.demand(), { active: 0, wants: 0, keeps: 0, queueDepth: 0 })
})

test('a call that enters the gate within the callback of its close is refused, too', () => {
  const { gate } = open()
  const leases = [started(gate), started(gate)]
  const kinds: string[] = []
  visit(gate, {}, () => {
    leases[0]?.settle(OK)
    kinds.push(visit(gate).kind)
  })
  gate.close('NO_ROUTE')
  assert.deepEqual(kinds, ['refused'])
})
