/**
 * Memberships of one fleet on virtual time: which sidecar gets slots and when, how many round trips a store costs, and what
 * each policy does without the store.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gate } from '../../src/gate/gate.ts'
import { rethrow } from '../support/rethrow.ts'
import { laneSettings } from '../support/lane-settings.ts'
import { Rig, TTL_MS } from './rig.ts'
import type { Sidecar } from './rig.ts'

test('one busy sidecar uses the whole cap', async () => {
  const rig = new Rig({ cap: 8 })
  const busy = await rig.start()
  await rig.start()
  for (let i = 0; i < 20; i++) busy.call(100)
  await rig.pass(10)
  assert.equal(busy.active, 8)
  await rig.pass(1000)
  assert.equal(rig.mostActive, 8)
})

test('busy sidecars share the cap and together stay within it', async () => {
  const rig = new Rig({ cap: 8 })
  const sidecars: Sidecar[] = []
  for (let i = 0; i < 4; i++) sidecars.push(await rig.start())
  for (const sidecar of sidecars) for (let i = 0; i < 40; i++) sidecar.call(50)
  await rig.pass(500)
  assert.deepEqual(
    sidecars.map(({ active }) => active),
    [2, 2, 2, 2],
  )
  assert.equal(rig.mostActive, 8)
})

test('ten busy sidecars take turns at a cap of three', async () => {
  const rig = new Rig({ cap: 3, lane: { ttlMs: 600_000 } })
  for (let i = 0; i < 10; i++) await rig.start()
  const calls = rig.sidecars.flatMap((sidecar, i) =>
    Array.from({ length: 12 }, () => ({ i, call: sidecar.call(50) })),
  )
  await rig.pass(1000)
  const done = new Map<number, number>()
  for (const { i, call } of calls) if (call.turn === 'granted') done.set(i, (done.get(i) ?? 0) + 1)
  // 20 rounds of three calls are six for each sidecar; the first one was alone at the start and got three more.
  const [first = 0, ...others] = [...done.values()]
  assert.equal(others.length, 9)
  assert.ok(first <= 9 && Math.max(...others) - Math.min(...others) <= 1, `${first}, ${others.join(' ')}`)
  assert.equal(rig.mostActive, 3)
})

test('a freed slot goes to a waiting sidecar at once', async () => {
  const rig = new Rig({ cap: 1 })
  const [a, b] = [await rig.start(), await rig.start()]
  a.call(300)
  await rig.pass(1)
  const waiting = b.call(10)
  await rig.pass(298)
  assert.equal(waiting.turn, 'waiting')
  await rig.pass(2)
  assert.equal(waiting.turn, 'granted')
})

test('a call on a held slot costs no round trip', async () => {
  const rig = new Rig({ cap: 4, isOpen: true })
  const sidecar = await rig.start()
  sidecar.call(5)
  await rig.pass(10)
  const before = rig.hub.reports
  for (let i = 0; i < 50; i++) {
    const call = sidecar.call(5)
    assert.equal(call.turn, 'granted')
    await rig.pass(10)
  }
  assert.ok(rig.hub.reports - before <= 1, `${rig.hub.reports - before} reports, none but a renewal`)
})

test('a slot that stays idle is given back', async () => {
  const rig = new Rig({ cap: 4 })
  const [a, b] = [await rig.start(), await rig.start()]
  for (let i = 0; i < 4; i++) a.call(10)
  await rig.pass(20)
  assert.equal(a.membership.status().held, 4)
  await rig.pass(400)
  assert.equal(a.membership.status().held, 0)
  assert.equal(b.call(1).turn, 'waiting')
  await rig.pass(0)
  assert.equal(b.active, 1)
})

test('the slots of a killed sidecar go to the others within one TTL', async () => {
  const rig = new Rig({ cap: 2 })
  const [a, b] = [await rig.start(), await rig.start()]
  a.call(60_000)
  a.call(60_000)
  await rig.pass(500)
  a.isDead = true
  const calls = [b.call(10), b.call(10)]
  await rig.pass(TTL_MS)
  assert.deepEqual(
    calls.map(({ turn }) => turn),
    ['granted', 'granted'],
  )
})

test('a sidecar that cannot renew stops using its slots before others get them, and its running calls count as overshoot', async () => {
  const rig = new Rig({ cap: 1, onStoreLoss: 'closed', lane: { ttlMs: 600_000 } })
  const [a, b] = [await rig.start(), await rig.start()]
  a.call(2 * TTL_MS)
  await rig.pass(100)
  a.isCut = true
  const given = b.call(10)
  await rig.pass(TTL_MS * 0.9)
  assert.equal(a.membership.status().ceiling, 0)
  assert.equal(given.turn, 'waiting')
  await rig.pass(TTL_MS * 0.2)
  assert.equal(given.turn, 'granted')
  assert.deepEqual(a.told('fleet_overshoot'), [{ kind: 'fleet_overshoot', calls: 1 }])
})

test('a stalled process starts no call on slots that ended during the stall', () => {
  // Time passes without a timer, so that the end of a call or a new call comes first.
  let nowMs = 1000
  const clock = {
    nowMs: () => nowMs,
    wallMs: () => nowMs,
    stoppedMs: () => 0,
    after: () => ({ clear: () => undefined }),
  }
  const gate = new Gate(laneSettings({ maxConcurrent: 2 }), {
    clock,
    random: () => 0,
    tell: () => undefined,
    failed: rethrow,
  })
  gate.cap({ slots: 1, untilMs: 2000, isShut: false })
  const first = gate.enter({}, () => undefined)
  assert.ok(first.kind === 'granted')
  const second = gate.enter({}, () => undefined)
  assert.ok(second.kind === 'queued')
  nowMs = 2000
  first.lease.settle({ cause: 'completed', verdict: 'ok', latencyMs: 1 })
  assert.equal(gate.enter({}, () => undefined).kind, 'queued')
  assert.deepEqual(gate.lane.depths().active, 0)
})

test('without the store, local-share allows the cap divided by the last known number of sidecars', async () => {
  const rig = new Rig({ cap: 7, lane: { ttlMs: 600_000 } })
  const sidecars = [await rig.start(), await rig.start(), await rig.start()]
  await rig.pass(TTL_MS)
  for (const sidecar of sidecars) sidecar.isCut = true
  for (const sidecar of sidecars) for (let i = 0; i < 10; i++) sidecar.call(100_000)
  await rig.pass(TTL_MS * 2)
  assert.deepEqual(
    sidecars.map(({ active }) => active),
    [3, 2, 2],
  )
  const told = { kind: 'fleet_mode', mode: 'lost', onStoreLoss: 'local-share', cause: 'cut' }
  assert.deepEqual(sidecars[0]?.told('fleet_mode').at(-1), { ...told, opensInMs: undefined, isFirst: false })
})

test('without the store, closed refuses waiting and new calls with STORE_UNAVAILABLE', async () => {
  const rig = new Rig({ cap: 2, onStoreLoss: 'closed' })
  const [a, b] = [await rig.start(), await rig.start()]
  a.call(100_000)
  a.call(100_000)
  await rig.pass(10)
  const early = b.call(1)
  b.isCut = true
  await rig.pass(TTL_MS)
  assert.deepEqual([early.turn, early.reason], ['refused', 'STORE_UNAVAILABLE'])
  assert.ok((early.waitedMs ?? Infinity) < TTL_MS, 'the refusal came after the end of a session')
  assert.equal(b.call(1).reason, 'STORE_UNAVAILABLE')
})

test('without the store, open allows each sidecar the whole cap', async () => {
  const rig = new Rig({ cap: 3, onStoreLoss: 'open' })
  const sidecar = await rig.start()
  await rig.start()
  await rig.pass(100)
  sidecar.isCut = true
  for (let i = 0; i < 5; i++) sidecar.call(100_000)
  await rig.pass(TTL_MS)
  assert.equal(sidecar.active, 3)
})

test('a store that answers again is used again after the pause', async () => {
  const rig = new Rig({ cap: 4, onStoreLoss: 'closed', lane: { ttlMs: 600_000 } })
  const sidecar = await rig.start()
  await rig.pass(100)
  sidecar.isCut = true
  await rig.pass(TTL_MS * 3)
  assert.equal(sidecar.call(10).reason, 'STORE_UNAVAILABLE')
  sidecar.isCut = false
  await rig.pass(2000)
  assert.equal(sidecar.membership.status().mode, 'learning', 'other sidecars may have been cut off, too')
  await rig.pass(TTL_MS)
  const call = sidecar.call(10)
  await rig.pass(5)
  assert.equal(call.turn, 'granted')
  assert.equal(sidecar.membership.status().mode, 'up')
})

test('until the store is first reached each sidecar uses one slot', async () => {
  const rig = new Rig({ cap: 8 })
  const sidecar = await rig.start()
  sidecar.isCut = true
  const alone = new Rig({ cap: 8 })
  alone.hub.isSilent = true
  const late = await alone.start()
  for (let i = 0; i < 4; i++) late.call(100_000)
  await alone.pass(4000)
  assert.equal(late.active, 1)
})

test('a store that lost its memory gives no new slots for one TTL, and running calls still count', async () => {
  const rig = new Rig({ cap: 4, isOpen: false, lane: { ttlMs: 600_000 } })
  const [a, b] = [await rig.start(), await rig.start()]
  for (let i = 0; i < 4; i++) a.call(TTL_MS * 3)
  await rig.pass(TTL_MS + 100)
  assert.equal(a.active, 4)
  rig.hub.forget()
  for (let i = 0; i < 4; i++) b.call(10)
  await rig.pass(TTL_MS * 2)
  assert.equal(rig.mostActive, 4)
  assert.equal(b.active, 0)
})

test('a store that no sidecar reached for a time gives no new slots for one TTL, and calls that ran meanwhile count', async () => {
  const rig = new Rig({ cap: 6, lane: { ttlMs: 600_000 } })
  const sidecars = [await rig.start(), await rig.start(), await rig.start()]
  for (const sidecar of sidecars) for (let i = 0; i < 20; i++) sidecar.call(TTL_MS)
  await rig.pass(TTL_MS)
  rig.hub.isSilent = true
  await rig.pass(2.5 * TTL_MS)
  assert.deepEqual(
    sidecars.map(({ active }) => active),
    [2, 2, 2],
  )
  rig.hub.isSilent = false
  rig.mostActive = 0
  await rig.pass(3 * TTL_MS)
  assert.equal(rig.mostActive, 6)
  assert.equal(sidecars[0]?.membership.status().mode, 'up')
})

test('sidecars with different caps all get slots, within the smallest cap', async () => {
  const rig = new Rig({ cap: 8 })
  const [small, large] = [await rig.start(), await rig.start()]
  small.membership.reconfigure(2)
  await rig.pass(1)
  for (const sidecar of [small, large]) for (let i = 0; i < 60; i++) sidecar.call(50)
  await rig.pass(500)
  assert.deepEqual([small.active, large.active], [1, 1])
  small.membership.reconfigure(8)
  await rig.pass(300)
  assert.deepEqual([small.active, large.active], [4, 4])
})

test('a lane that an operator paused gives its slots to the others', async () => {
  const rig = new Rig({ cap: 1 })
  const [a, b] = [await rig.start(), await rig.start()]
  a.call(10)
  await rig.pass(1)
  a.call(10)
  a.gate.operate({ paused: true })
  a.membership.notice()
  const other = b.call(10)
  await rig.pass(500)
  assert.equal(other.turn, 'granted')
})

test('a sidecar that leaves gives back all slots at once', async () => {
  const rig = new Rig({ cap: 2 })
  const [a, b] = [await rig.start(), await rig.start()]
  a.call(100_000)
  a.call(100_000)
  await rig.pass(10)
  const waiting = b.call(10)
  await rig.pass(10)
  a.isDead = false
  await a.membership.close()
  await rig.pass(1)
  assert.equal(waiting.turn, 'granted')
  assert.equal(b.active, 1)
})

test('a closed membership has no timer', async () => {
  const rig = new Rig({ cap: 2 })
  const sidecar = await rig.start()
  await rig.pass(10)
  await sidecar.membership.close()
  sidecar.gate.close('DRAINING')
  assert.equal(rig.clock.timers, 0)
})
