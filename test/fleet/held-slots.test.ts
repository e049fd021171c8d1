/**
 * HeldSlots without a store, a lane or a clock: how many slots a sidecar keeps, gives back and asks for, from given figures
 * of demand and allotment.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { HeldSlots } from '../../src/fleet/held-slots.ts'
import type { Demand } from '../../src/fleet/held-slots.ts'
import type { Allotment } from '../../src/fleet/store.ts'

const TTL_MS = 10_000
const IDLE_MS = 100
const CAP = 8

function slots(): HeldSlots {
  return new HeldSlots({ ttlMs: TTL_MS, idleMs: IDLE_MS })
}

function allotment(more: Partial<Allotment>): Allotment {
  const alone = { waiting: 0, claimants: 1, cap: CAP, sidecars: 1, rank: 0, pausedMs: 0, nextEndMs: 0 }
  return { version: 1, epoch: 7, given: 0, ...alone, ...more }
}

/** A lane without a limit of its own below the cap. */
function demand(active: number, wants = active): Demand {
  return { active, wants, keeps: wants }
}

/** A sidecar with `given` slots and a running call on each. */
function busy(given: number, more: Partial<Allotment> = {}): HeldSlots {
  const held = slots()
  held.decide(demand(0, given), CAP, 0)
  held.answered(allotment({ given, ...more }), 0)
  held.decide(demand(given), CAP, 0)
  return held
}

const report = (held: HeldSlots, active: number, nowMs: number) =>
  held.report({ tool: 'github', cap: CAP, active }, nowMs)

test('a sidecar wants a slot for each call that could run, up to the cap', () => {
  const held = slots()
  assert.equal(held.decide(demand(0, 3), CAP, 0), true, 'the want is not reported')
  assert.equal(held.want, 3)
  held.decide(demand(0, 100), CAP, 0)
  assert.equal(held.want, CAP)
})

test('a reported want is reported again once it has doubled or is over', () => {
  const held = slots()
  held.decide(demand(0, 3), CAP, 0)
  report(held, 0, 0)
  assert.equal(held.decide(demand(0, 5), CAP, 1), false)
  assert.equal(held.decide(demand(0, 6), CAP, 2), true)
  assert.equal(held.decide(demand(0, 0), CAP, 3), true)
})

test('slots may be used until a tenth of the TTL before their session ends, counted from the sending of the report', () => {
  const held = slots()
  held.answered(allotment({ given: 2 }), 1000)
  const untilMs = 1000 + 0.9 * TTL_MS
  assert.deepEqual(held.held(untilMs - 1), { slots: 2, untilMs })
  assert.equal(held.held(untilMs).slots, 0)
})

test('with a short TTL the margin is 50 ms', () => {
  const held = new HeldSlots({ ttlMs: 200, idleMs: IDLE_MS })
  held.answered(allotment({ given: 1 }), 0)
  assert.equal(held.held(0).untilMs, 150)
})

test('an idle slot is given back after a whole window, while no other sidecar waits', () => {
  const held = busy(3)
  // The first decision opened the window.
  held.decide(demand(1), CAP, IDLE_MS)
  assert.equal(held.held(IDLE_MS).slots, 3, 'slots that were busy within this window were given back')
  held.decide(demand(2), CAP, 1.5 * IDLE_MS)
  assert.equal(held.decide(demand(1), CAP, 2 * IDLE_MS), true)
  assert.equal(
    report(held, 1, 2 * IDLE_MS).returned,
    1,
    'a slot that was busy within this window was given back',
  )
})

test('while another sidecar waits, an idle slot is given back at once', () => {
  const held = busy(3, { waiting: 1, claimants: 2 })
  assert.equal(held.decide(demand(2), CAP, 1), true)
  assert.equal(report(held, 2, 1).returned, 1)
})

test('slots above the share are given back as their calls end, one for each sidecar that waits', () => {
  const held = busy(CAP, { waiting: 1, claimants: 2 })
  assert.equal(held.usable(1).slots, CAP - 1, 'a call may follow on the slot to give back')
  held.decide({ active: CAP, wants: 20, keeps: 20 }, CAP, 1)
  assert.equal(report(held, CAP, 1).returned, 0)
  held.decide({ active: CAP - 1, wants: 20, keeps: 20 }, CAP, 2)
  assert.equal(report(held, CAP - 1, 2).returned, 1)
})

test('a sidecar keeps the slots of its share while others wait', () => {
  const held = busy(4, { waiting: 3, claimants: 2 })
  assert.equal(held.decide(demand(4, 20), CAP, 1), true, 'the want of the sidecar is not reported')
  assert.deepEqual([held.usable(1).slots, report(held, 4, 1).returned], [4, 0])
})

test('a slot of the share that the law leaves unused is not given back', () => {
  const held = busy(4, { waiting: 1, claimants: 2 })
  held.decide({ active: 2, wants: 2, keeps: 4 }, CAP, 1)
  assert.equal(report(held, 2, 1).returned, 0)
})

test('a new slot may start one call before it is given back, also with a share of 0', () => {
  const held = slots()
  held.decide(demand(0, 2), 1, 0)
  held.answered(allotment({ given: 1, waiting: 3, claimants: 4, cap: 1 }), 0)
  held.decide(demand(0, 2), 1, 1)
  assert.equal(held.usable(1).slots, 1)
  held.decide({ active: 1, wants: 2, keeps: 2 }, 1, 2)
  assert.equal(held.usable(2).slots, 0, 'a second call may start on the slot')
  held.decide({ active: 0, wants: 1, keeps: 1 }, 1, 3)
  assert.equal(report(held, 0, 3).returned, 1)
})

test('while the store gives no slots, idle slots are not given back at once', () => {
  const held = busy(3, { waiting: 1, claimants: 2, pausedMs: 500 })
  held.decide(demand(0), CAP, 1)
  assert.equal(report(held, 0, 1).returned, 0)
})

test('in a new session the slots returned in the old one do not count', () => {
  const held = busy(3, { waiting: 1, claimants: 2 })
  held.decide(demand(1), CAP, 1)
  assert.equal(report(held, 1, 1).returned, 2)
  assert.equal(held.answered(allotment({ epoch: 8, given: 1 }), 2), true, 'the new session was not noticed')
  assert.equal(held.held(3).slots, 1)
  assert.equal(report(held, 1, 3).returned, 0)
})

test('running calls whose slots were lost are reported as held, up to the cap', () => {
  const held = busy(3)
  assert.equal(report(held, 3, 2 * TTL_MS).held, 3)
  assert.equal(report(held, 20, 2 * TTL_MS).held, CAP)
})

test('news of another session is ignored, and of older news only a higher number of given slots counts', () => {
  const held = busy(2, { version: 5 })
  const news = { tool: 'github', version: 4, epoch: 7, given: 3, waiting: 9, claimants: 9, cap: 1 }
  assert.equal(held.heard({ ...news, epoch: 6 }), false)
  assert.equal(held.heard(news), true)
  assert.deepEqual([held.held(1).slots, held.waitingSidecars], [3, 0])
})

test('a report without an answer is sent again', () => {
  const held = busy(2)
  report(held, 2, 0)
  assert.equal(held.decide(demand(2), CAP, 1), false)
  held.unanswered()
  assert.equal(held.decide(demand(2), CAP, 2), true)
})

test('the last report returns all slots and wants none', () => {
  const held = busy(3)
  held.decide(demand(3, 20), CAP, 1)
  const { returned, held: stillHeld, want, isLeaving } = held.leavingReport('github', CAP, 2)
  assert.deepEqual([returned, stillHeld, want, isLeaving], [3, 0, 0, true])
})

test('the order of reports rises within one millisecond and over the memberships of one process', () => {
  const first = slots()
  const orders = [0, 0, 0].map((nowMs) => report(first, 0, nowMs).order)
  assert.deepEqual(
    orders.toSorted((a, b) => a - b),
    [...new Set(orders)],
  )
  assert.ok(report(slots(), 0, 1).order > Math.max(...orders))
})

test('after any demand and news a lane may use at most the held slots, and at most the given ones are returned', () => {
  const step = fc.record({
    active: fc.nat({ max: CAP }),
    wants: fc.nat({ max: 20 }),
    keeps: fc.nat({ max: 20 }),
    gained: fc.nat({ max: 3 }),
    waiting: fc.nat({ max: 4 }),
    passMs: fc.nat({ max: IDLE_MS }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const held = slots()
      let [given, nowMs, version] = [0, 0, 0]
      for (const { active, wants, keeps, gained, waiting, passMs } of steps) {
        nowMs += passMs
        const { returned } = report(held, 0, nowMs)
        given = Math.min(given + gained, returned + CAP)
        held.answered(allotment({ version: ++version, given, waiting, claimants: waiting + 1 }), nowMs)
        const running = Math.min(active, given - returned)
        const most = Math.max(running, wants)
        held.decide({ active: running, wants: most, keeps: Math.max(most, keeps) }, CAP, nowMs)
        const { slots: now } = held.held(nowMs)
        assert.ok(now >= running, 'the slot of a running call was given back')
        assert.ok(held.usable(nowMs).slots <= now)
        assert.equal(report(held, 0, nowMs).returned, given - now)
      }
    }),
  )
})
