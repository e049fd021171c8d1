/**
 * What goes wrong in one call ends that call: nobody else's turn depends on it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gate } from '../../src/gate/gate.ts'
import type { Entry, GateParts } from '../../src/gate/gate.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import { laneSettings } from '../support/lane-settings.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const OK = { cause: 'completed', verdict: 'ok', latencyMs: 5 } as const

function open(overrides: Partial<LaneSettings> = {}, tell: GateParts['tell'] = () => undefined) {
  const clock = new VirtualClock()
  const failures: unknown[] = []
  const settings = laneSettings({ maxConcurrent: 2, leaseMs: 1000, ...overrides })
  const failed = (error: unknown) => failures.push(error)
  return { clock, failures, gate: new Gate(settings, { clock, random: () => 0, tell, failed }) }
}

function leaseOf(entry: Entry) {
  assert.ok(entry.kind === 'granted')
  return entry.lease
}

function turnOf(entry: Entry) {
  assert.ok(entry.kind === 'queued')
  return entry.turn
}

test('a stop that throws keeps nobody from being stopped, refused or granted, and is reported', async () => {
  const { clock, gate, failures } = open()
  const stopped: string[] = []
  leaseOf(gate.enter()).stop = () => {
    throw new Error('of the first')
  }
  leaseOf(gate.enter()).stop = () => stopped.push('second')
  const stale = turnOf(gate.enter({ ttlMs: 1000 }))
  const turns = [turnOf(gate.enter()), turnOf(gate.enter())]
  clock.advance(1000)
  assert.deepEqual(stopped, ['second'])
  assert.equal((await stale).kind, 'refused')
  assert.deepEqual(
    (await Promise.all(turns)).map(({ kind }) => kind),
    ['granted', 'granted'],
  )
  assert.deepEqual(failures.map(String), ['Error: of the first'])
})

test('after a stop that throws the timer is set for what is due next', () => {
  const { clock, gate, failures } = open()
  leaseOf(gate.enter()).stop = () => {
    throw new Error('of the first')
  }
  clock.advance(400)
  const second = leaseOf(gate.enter())
  clock.advance(600)
  assert.equal(failures.length, 1)
  assert.deepEqual([clock.timers, clock.nextDueAtMs()], [1, 1400])
  clock.advance(400)
  assert.equal(second.state, 'reclaimed')
  assert.equal(clock.timers, 0)
})

test('a listener that throws changes nothing in the lane, and each time is reported', async () => {
  const { clock, gate, failures } = open({ maxConcurrent: 1 }, ({ kind }) => {
    throw new Error(kind)
  })
  const lease = leaseOf(gate.enter())
  const turn = turnOf(gate.enter())
  clock.advance(10)
  gate.settle(lease, OK)
  assert.equal((await turn).kind, 'granted')
  assert.deepEqual(gate.lane.depths(), { queueDepth: 0, active: 1, limit: 1 })
  assert.deepEqual(
    failures.map((error) => (error as Error).message),
    ['admitted', 'started', 'admitted', 'ended', 'started'],
  )
  gate.close()
})

test('leaving says whether the ticket still waited', async () => {
  const { gate } = open({ maxConcurrent: 1 })
  const lease = leaseOf(gate.enter())
  const [first, second] = [gate.enter(), gate.enter()]
  assert.ok(first.kind === 'queued' && second.kind === 'queued')
  assert.equal(second.leave(), true)
  assert.equal(second.leave(), false)
  gate.settle(lease, OK)
  // It was granted in this very turn of the event loop, and its caller does not know yet.
  assert.equal(first.leave(), false)
  assert.equal((await first.turn).kind, 'granted')
  gate.close()
})

test('a closed gate lets nobody in', () => {
  const { gate, clock } = open({ maxConcurrent: 2 })
  leaseOf(gate.enter())
  gate.close()
  assert.deepEqual(gate.enter(), { kind: 'closed' })
  assert.deepEqual(gate.lane.depths(), { queueDepth: 0, active: 1, limit: 2 })
  assert.equal(clock.timers, 0)
})
