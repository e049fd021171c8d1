/**
 * Throttle, alone and in a lane. After a tool has pushed back no call is sent for a time, then one call probes, and then
 * calls are sent at a limited pace.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lane } from '../../src/lane/lane.ts'
import type { Lease, LeaseEnd } from '../../src/lane/lease.ts'
import { Throttle } from '../../src/lane/throttle.ts'
import { SEED_LAW, laneSettings } from '../support/lane-settings.ts'

const callAt = (grantedAtMs: number) => ({ grantedAtMs, waitedMs: 0 })

function sentAt(throttle: Throttle, nowMs: number) {
  const call = callAt(nowMs)
  throttle.sent(call)
  return call
}

/** A call that the tool answers with success at once. */
function answer(throttle: Throttle, nowMs: number): void {
  throttle.ended(sentAt(throttle, nowMs), { cause: 'completed', verdict: 'ok' }, { nowMs, spread: 0 })
}

/** A call that comes back at once with a 429. */
function pushBack(throttle: Throttle, nowMs: number, retryAfterMs: number | undefined, spread = 0): boolean {
  const call = sentAt(throttle, nowMs)
  const isNews = throttle.pushedBack(call, { retryAfterMs }, { nowMs, spread })
  throttle.left(call)
  return isNews
}

test('a throttle lets calls go until the tool pushes back', () => {
  const throttle = new Throttle()
  sentAt(throttle, 1000)
  assert.ok(throttle.opensAtMs() <= 1000)
})

test('a throttle is closed for the time of Retry-After and up to a tenth longer, at random', () => {
  for (const [spread, untilMs] of [
    [0, 4000],
    [0.5, 4150],
  ] as const) {
    const throttle = new Throttle()
    pushBack(throttle, 1000, 3000, spread)
    assert.equal(throttle.opensAtMs(), untilMs)
  }
})

test('a throttle is closed for one minute at most, also after a Retry-After of one hour', () => {
  const throttle = new Throttle()
  pushBack(throttle, 0, 3_600_000)
  assert.equal(throttle.opensAtMs(), 60_000)
})

test('a Retry-After of 0 counts as no Retry-After, and the wait doubles', () => {
  const throttle = new Throttle()
  pushBack(throttle, 0, 0)
  assert.equal(throttle.opensAtMs(), 500)
  pushBack(throttle, 500, 0)
  assert.equal(throttle.opensAtMs(), 1500)
})

test('without Retry-After the wait doubles from half a second to 30 s', () => {
  const throttle = new Throttle()
  const waitsMs: number[] = []
  for (let turn = 0, nowMs = 0; turn < 9; turn++) {
    pushBack(throttle, nowMs, undefined)
    waitsMs.push(throttle.opensAtMs() - nowMs)
    nowMs = throttle.opensAtMs()
  }
  assert.deepEqual(waitsMs, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
})

test('pushback on a call that was sent before the throttle closed is no new pushback', () => {
  const throttle = new Throttle()
  const early = sentAt(throttle, 0)
  assert.equal(pushBack(throttle, 10, 1000), true)
  assert.equal(throttle.pushedBack(early, { retryAfterMs: 9000 }, { nowMs: 20, spread: 0 }), false)
  assert.equal(throttle.opensAtMs(), 1010)
})

test('after the wait one call probes: an answer opens the throttle, and any other end lets another call probe', () => {
  const throttle = new Throttle()
  pushBack(throttle, 0, 1000)
  const first = sentAt(throttle, 1000)
  assert.equal(throttle.opensAtMs(), Infinity)
  throttle.left(first)
  assert.ok(
    throttle.opensAtMs() < Infinity,
    'the throttle lets another call probe when the caller of the probe has left',
  )
  answer(throttle, 20_000)
  assert.ok(throttle.opensAtMs() < 40_000)
})

test('the head of the answer to the probe opens the throttle, and its long body delays no call, also after the next pushback', () => {
  const throttle = new Throttle()
  pushBack(throttle, 0, 1000)
  const stream = sentAt(throttle, 1000)
  assert.equal(throttle.accepted(stream, 1100), true)
  assert.equal(throttle.accepted(stream, 1200), false, 'the throttle reports its opening once')
  assert.ok(throttle.opensAtMs() <= 1100)
  pushBack(throttle, 2000, 3000)
  assert.equal(throttle.opensAtMs(), 5000, 'the streaming call is no longer the probe')
})

test('the time that a tool asked for is forgotten when the tool takes calls again', () => {
  const throttle = new Throttle()
  pushBack(throttle, 0, 3_600_000)
  assert.equal(throttle.askedUntilMs, 3_600_000)
  answer(throttle, 60_000)
  pushBack(throttle, 70_000, 2000)
  assert.equal(throttle.askedUntilMs, 72_000)
})

test('after the throttle has opened, calls go just below the rate at the pushback, and later above it', () => {
  const throttle = new Throttle()
  for (let nowMs = 0; nowMs < 10_000; nowMs += 50) answer(throttle, nowMs)
  pushBack(throttle, 10_000, 1000)
  answer(throttle, 11_000)
  const paceAt = (nowMs: number): number => {
    const from = Math.max(nowMs, throttle.opensAtMs())
    // After unused time one call may go early, so the distance is measured from the second call on.
    sentAt(throttle, from)
    sentAt(throttle, from)
    return 1000 / (throttle.opensAtMs() - from)
  }
  const early = paceAt(12_000)
  assert.ok(early > 16 && early < 20, `${early} a second right after opening`)
  const late = paceAt(110_000)
  assert.ok(late > 19, `${late} a second a minute and a half later`)
})

const PUSHED: LeaseEnd = { cause: 'completed', verdict: 'dropped', pushback: { retryAfterMs: 2000 } }

function grantedLease(lane: Lane, nowMs: number): Lease {
  const admission = lane.admit({ spread: 0 }, nowMs)
  assert.ok(admission.kind === 'granted')
  return admission.lease
}

test('a lane whose tool pushed back sends no call until the throttle opens, although slots are free', () => {
  const lane = new Lane(laneSettings({ controller: { algorithm: 'adaptive' } }), 0, () => undefined)
  lane.settle(grantedLease(lane, 0), PUSHED, 100)
  const waiting = lane.admit({ spread: 0 }, 200)
  assert.ok(waiting.kind === 'queued')
  assert.deepEqual(lane.expire(2099).granted, [])
  assert.ok(lane.wakeAtMs() <= 2100)
  assert.equal(
    lane.admit({ spread: 0 }, 2100).kind,
    'queued',
    'a newcomer does not overtake a waiting ticket',
  )
  const { granted } = lane.expire(2100)
  assert.equal(granted.length, 1, 'one call probes')
  assert.equal(granted[0], waiting.ticket)
})

test('the tickets behind the probe are granted when it is answered', () => {
  const lane = new Lane(laneSettings({ controller: { algorithm: 'adaptive' } }), 0, () => undefined)
  lane.settle(grantedLease(lane, 0), PUSHED, 100)
  for (let i = 0; i < 4; i++) lane.admit({ spread: 0 }, 200)
  const scout = lane.expire(2100).granted[0]?.lease
  assert.ok(scout)
  lane.settle(scout, { cause: 'completed', verdict: 'ok', latencyMs: 50 }, 2150)
  const wakesAtMs = lane.wakeAtMs()
  assert.ok(wakesAtMs < 20_000)
  assert.ok(lane.expire(wakesAtMs).granted.length + lane.depths().active > 0)
})

test('the tickets behind a probe with a long answer are granted when the head of the answer has arrived', () => {
  const lane = new Lane(laneSettings({ controller: { algorithm: 'adaptive' } }), 0, () => undefined)
  lane.settle(grantedLease(lane, 0), PUSHED, 100)
  const [first, second] = [lane.admit({ spread: 0 }, 200), lane.admit({ spread: 0 }, 200)]
  assert.ok(first.kind === 'queued' && second.kind === 'queued')
  const scout = lane.expire(2100).granted[0]?.lease
  assert.ok(scout)
  assert.deepEqual(lane.accepted(scout, 2150).granted, [second.ticket])
  assert.deepEqual(lane.accepted(scout, 2160).granted, [])
  assert.equal(lane.depths().active, 2)
})

test('pushback counts neither as an error nor as a latency for the limit', () => {
  const lane = new Lane(laneSettings({ controller: { algorithm: 'adaptive' } }), 0, () => undefined)
  const leases = Array.from({ length: 8 }, () => grantedLease(lane, 0))
  for (const lease of leases) lane.settle(lease, PUSHED, 20)
  lane.expire(1000)
  assert.equal(lane.depths().limit, 8)
  assert.equal(lane.snapshot(1000).lastDecision?.decision.reason, 'throttled')
})

test('under every law the throttle closes, and pushback moves no limit', () => {
  for (const controller of [{ algorithm: 'fixed' }, { algorithm: 'gradient' }, SEED_LAW] as const) {
    const lane = new Lane(laneSettings({ controller }), 0, () => undefined)
    const leases = Array.from({ length: 8 }, () => grantedLease(lane, 0))
    for (const lease of leases) lane.settle(lease, PUSHED, 3000)
    assert.equal(lane.admit({ spread: 0 }, 3500).kind, 'queued', controller.algorithm)
    lane.expire(30_000)
    assert.equal(lane.depths().limit, 8, controller.algorithm)
  }
})

test('a ticket whose deadline is before the throttle opens is refused at once, with the time that the tool asked for', () => {
  const lane = new Lane(
    laneSettings({ maxConcurrent: 1, controller: { algorithm: 'fixed' } }),
    0,
    () => undefined,
  )
  const running = grantedLease(lane, 0)
  const short = lane.admit({ spread: 0, ttlMs: 5000 }, 0)
  const long = lane.admit({ spread: 0, ttlMs: 20_000 }, 0)
  assert.ok(short.kind === 'queued' && long.kind === 'queued')
  const moves = lane.settle(running, { ...PUSHED, pushback: { retryAfterMs: 9000 } }, 100)
  assert.deepEqual(
    moves.refused.map(({ ticket, refusal }) => [
      ticket,
      refusal.reason,
      refusal.retryAfterMs,
      refusal.toolWaitMs,
    ]),
    [[short.ticket, 'UPSTREAM_THROTTLED', 9000, 9000]],
  )
  assert.deepEqual(moves.granted, [])
  assert.equal(lane.snapshot(100).throttledUntilMs, 9100)
  const late = lane.admit({ spread: 0, ttlMs: 1000 }, 2100)
  assert.ok(late.kind === 'refused')
  assert.equal(late.refusal.reason, 'UPSTREAM_THROTTLED')
  assert.equal(late.refusal.toolWaitMs, 7000)
  assert.equal(lane.expire(9100).granted[0], long.ticket)
})

test('a refusal carries the hour that the tool asked for, and a Retry-After within its bounds', () => {
  const lane = new Lane(laneSettings({ controller: { algorithm: 'fixed' } }), 0, () => undefined)
  lane.settle(grantedLease(lane, 0), { ...PUSHED, pushback: { retryAfterMs: 3_600_000 } }, 0)
  const refused = lane.admit({ spread: 0, ttlMs: 1000 }, 0)
  assert.ok(refused.kind === 'refused')
  assert.equal(refused.refusal.toolWaitMs, 3_600_000)
  assert.equal(refused.refusal.retryAfterMs, 30_000)
})

test('with maxQueueDepth 0 a throttled lane refuses with UPSTREAM_THROTTLED', () => {
  const lane = new Lane(
    laneSettings({ maxQueueDepth: 0, controller: { algorithm: 'fixed' } }),
    0,
    () => undefined,
  )
  lane.settle(grantedLease(lane, 0), PUSHED, 0)
  const refused = lane.admit({ spread: 0 }, 10)
  assert.ok(refused.kind === 'refused')
  assert.equal(refused.refusal.reason, 'UPSTREAM_THROTTLED')
})

test('a lane emits an event when its tool begins to throttle and when it answers again', () => {
  const told: unknown[] = []
  const lane = new Lane(laneSettings(), 0, (event) => {
    if (event.kind === 'throttled') told.push([event.isOn, event.forMs])
  })
  const other = grantedLease(lane, 0)
  lane.settle(grantedLease(lane, 0), PUSHED, 1)
  lane.settle(other, PUSHED, 2)
  lane.admit({ spread: 0 }, 10)
  const scout = lane.expire(2001).granted[0]?.lease
  assert.ok(scout)
  assert.equal(lane.admit({ spread: 0 }, 2002).kind, 'queued', 'one call probes')
  lane.settle(scout, { cause: 'completed', verdict: 'ok', latencyMs: 5 }, 2005)
  assert.deepEqual(told, [
    [true, 2000],
    [false, 0],
  ])
  assert.equal(lane.snapshot(2005).throttledUntilMs, undefined)
})

test('no retry is allowed while the tool throttles', () => {
  const lane = new Lane(laneSettings(), 0, () => undefined)
  assert.equal(lane.askRetry(0), 'granted')
  lane.settle(grantedLease(lane, 0), PUSHED, 0)
  assert.equal(lane.askRetry(1), 'overloaded')
})
