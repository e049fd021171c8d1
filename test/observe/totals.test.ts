/**
 * Totals, and the JSON view of a lane that includes them, fed by the events of real lanes at times that the test
 * gives.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lane } from '../../src/lane/lane.ts'
import type { Lease } from '../../src/lane/lease.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import { showLane } from '../../src/observe/lane-json.ts'
import { Totals } from '../../src/observe/totals.ts'
import { laneSettings } from '../support/lane-settings.ts'

const WALL_MS = Date.UTC(2026, 0, 1)

function open(overrides: Partial<LaneSettings> = {}) {
  const totals = new Totals()
  const lane = new Lane(laneSettings(overrides), 0, (event) => totals.count('github', event))
  return {
    totals,
    lane,
    show: (nowMs: number) => showLane(lane, totals.of('github'), { nowMs, wallMs: WALL_MS + nowMs }),
  }
}

function running(lane: Lane, nowMs: number): Lease {
  const admission = lane.admit({ spread: 0 }, nowMs)
  assert.ok(admission.kind === 'granted')
  return admission.lease
}

test('an idle lane is shown with every field of the contract', () => {
  assert.deepEqual(open({ minConcurrent: 2, startConcurrent: 4 }).show(0), {
    tool: 'github',
    queue_depth: 0,
    max_queue_depth: 100,
    oldest_wait_ms: 0,
    active_workers: 0,
    limit: 4,
    min_limit: 2,
    max_limit: 8,
    p95_ms: null,
    error_rate: 0,
    shed_low_priority: false,
    paused: false,
    paused_until: null,
    pinned: false,
    pinned_until: null,
    throttled_until: null,
    controller: { algorithm: 'aimd', last_action: null, last_reason: null, at: null, figures: null },
    estimate_ms: 0,
    last_error: null,
    totals: { admitted: 0, completed: 0, failed: 0, refused: {}, reclaimed: 0, cancelled: 0 },
  })
})

test('a busy lane shows its waiting and running calls and the wait of a newcomer', () => {
  const { lane, show } = open({ maxConcurrent: 1 })
  lane.settle(running(lane, 0), { cause: 'completed', verdict: 'ok', latencyMs: 400.12345 }, 400)
  running(lane, 400)
  lane.admit({ spread: 0 }, 450)
  lane.admit({ spread: 0 }, 460)
  const shown = show(500)
  assert.deepEqual([shown.queue_depth, shown.active_workers, shown.oldest_wait_ms], [2, 1, 50])
  assert.deepEqual([shown.p95_ms, shown.estimate_ms], [400.123, 1200])
})

test('the ends of a pause and of a pin are shown in wall time, or as null', () => {
  const { lane, show } = open()
  lane.operate({ paused: true, forMs: 60_000 }, 1000)
  lane.operate({ limit: 2 }, 1000)
  const shown = show(5000)
  assert.deepEqual([shown.paused, shown.paused_until], [true, '2026-01-01T00:01:01.000Z'])
  assert.deepEqual([shown.pinned, shown.pinned_until, shown.limit], [true, null, 2])
})

test('the last decision is shown with its time and figures', () => {
  const { lane, show } = open({ maxConcurrent: 1, startConcurrent: 1 })
  for (let i = 0; i < 8; i++) {
    lane.settle(
      running(lane, 0),
      { cause: 'failed', verdict: i === 0 ? 'dropped' : 'ok', latencyMs: 12.3456 },
      0,
    )
  }
  lane.expire(2000)
  assert.deepEqual(show(9000).controller, {
    algorithm: 'aimd',
    last_action: 'hold',
    last_reason: 'at_minimum',
    at: '2026-01-01T00:00:02.000Z',
    figures: {
      calls: 8,
      error_rate: 0.125,
      p95_ms: 12.346,
      mean_ms: undefined,
      median_ms: undefined,
      base_ms: undefined,
    },
  })
})

test('totals count ended leases, callers that left, and refusals', () => {
  const { totals, lane, show } = open({ maxConcurrent: 2, leaseMs: 100 })
  lane.settle(running(lane, 0), { cause: 'completed', verdict: 'ok' }, 1)
  lane.settle(running(lane, 1), { cause: 'failed', verdict: 'dropped' }, 2)
  lane.settle(running(lane, 2), { cause: 'cancelled', verdict: 'ignored' }, 3)
  const silent = running(lane, 3)
  running(lane, 3)
  const waiting = lane.admit({ spread: 0 }, 4)
  if (waiting.kind === 'queued') lane.cancel(waiting.ticket, 5)
  lane.expire(103)
  lane.settle(silent, { cause: 'completed', verdict: 'ok' }, 104)
  for (const reason of ['QUEUE_SATURATED', 'DRAINING', 'QUEUE_SATURATED'] as const) {
    totals.count('github', {
      kind: 'replied',
      reason,
      priority: 'normal',
      retryAfterMs: 1000,
      depths: undefined,
    })
  }
  assert.deepEqual(show(104).totals, {
    admitted: 6,
    completed: 1,
    failed: 1,
    refused: { QUEUE_SATURATED: 2, DRAINING: 1 },
    reclaimed: 2,
    cancelled: 2,
  })
  assert.equal(totals.of('github').endedTwice, 1)
  assert.deepEqual(totals.of('github').refusedByClass, {
    'QUEUE_SATURATED normal': 2,
    'DRAINING normal': 1,
  })
})

test('answers are counted by class, requests by outcome, decisions by action and reason', () => {
  const totals = new Totals()
  for (const status of [101, 200, 204, 404, 503])
    totals.count('github', { kind: 'answered', status, firstByteMs: 1 })
  totals.count('github', { kind: 'finished', outcome: 'completed', durationMs: 1 })
  totals.count('github', { kind: 'finished', outcome: 'refused', durationMs: undefined })
  const figures = { calls: 1, errorRate: 0 }
  const decision = { limit: 6, action: 'decrease_concurrency', reason: 'latency_high', figures } as const
  const depths = { queueDepth: 0, active: 0, limit: 6 }
  totals.count('github', { kind: 'decided', algorithm: 'aimd', decision, from: 8, depths })
  const { codeClasses, outcomes, actions } = totals.of('github')
  assert.deepEqual(codeClasses, { '1xx': 1, '2xx': 2, '4xx': 1, '5xx': 1 })
  assert.deepEqual(outcomes, { completed: 1, refused: 1 })
  assert.deepEqual(actions, { 'decrease_concurrency latency_high': 1 })
})

test('each tool has its own totals', () => {
  const totals = new Totals()
  totals.count('github', { kind: 'admitted', queued: false })
  totals.count('browser', { kind: 'admitted', queued: true })
  totals.count('browser', { kind: 'admitted', queued: true })
  assert.deepEqual([...totals.tools()], ['github', 'browser'])
  assert.deepEqual([totals.of('github').admitted, totals.of('browser').admitted], [1, 2])
  assert.equal(totals.of('new').admitted, 0)
})
