/**
 * Compares a lane with its model. Called after every operation of a random history: depths, bounds, overrides, the time to
 * wake, the shedding and the snapshot must be equal.
 */
import assert from 'node:assert/strict'
import type { Lane } from '../../src/lane/lane.ts'
import type { Refusal } from '../../src/lane/effects.ts'
import type { LaneModel } from './lane-model.ts'

export function compare(lane: Lane, model: LaneModel, nowMs: number): void {
  const { minConcurrent: min, maxConcurrent: max } = model.settings
  const depths = { queueDepth: model.waiting.length, active: model.running.length, limit: model.limit }
  assert.deepEqual(lane.depths(), depths)
  assert.equal(lane.isIdle(), depths.queueDepth + depths.active === 0)
  assert.ok(min <= model.limit && model.limit <= max, 'the limit is out of bounds')
  if (model.pin) assert.equal(model.limit, Math.min(max, Math.max(min, model.pin.limit)))
  const hasFreeSlot = model.running.length < model.limit && !model.isPaused
  assert.ok(!hasFreeSlot || model.waiting.length === 0, 'a slot is idle while a ticket waits')
  assert.ok(lane.wakeAtMs() <= model.mustWakeByMs(), 'the lane would wake too late')
  compareShedding(model)
  compareSnapshot(lane, model, nowMs)
}

export function checkRefusal({ retryAfterMs, depths }: Refusal, model: LaneModel): void {
  const { minMs, maxMs } = model.settings.retryAfter
  assert.ok(Number.isInteger(retryAfterMs), `${retryAfterMs} is not a whole number`)
  assert.ok(minMs <= retryAfterMs && retryAfterMs <= maxMs, `${retryAfterMs} is out of bounds`)
  assert.equal(depths.limit, model.limit)
}

/** The model has no estimate of the wait, so only an empty and a full queue are checked; between them the lane decides. */
function compareShedding({ sheds, waiting, settings }: LaneModel): void {
  if (waiting.length === 0) assert.ok(!sheds, 'an empty queue sheds')
  else if (waiting.length >= 0.8 * settings.maxQueueDepth) assert.ok(sheds, 'a full queue does not shed')
}

function compareSnapshot(lane: Lane, model: LaneModel, nowMs: number): void {
  const now = lane.snapshot(nowMs)
  const oldest = model.waiting[0]
  assert.equal(now.shedsLowPriority, model.sheds)
  assert.equal(now.paused, model.isPaused)
  assert.equal(now.pinned, model.pin !== undefined)
  assert.equal(now.shedsLowPriority, model.sheds)
  assert.equal(now.pausedUntilMs, model.pausedUntilMs ?? Infinity)
  assert.equal(now.pinnedUntilMs, model.pin?.untilMs ?? Infinity)
  assert.equal(now.oldestWaitMs, oldest === undefined ? 0 : nowMs - oldest.queuedAtMs)
  assert.equal(now.algorithm, model.settings.controller.algorithm)
  assert.ok(now.errorRate >= 0 && now.errorRate <= 1)
  assert.ok(now.estimateMs >= 0 && Number.isFinite(now.estimateMs))
}
