/**
 * How an attempt ends: the cause and verdict of its lease, and the reason for a caller that has received nothing. The order
 * of the causes counts: an abort of Spillway's own comes before the error that it causes.
 */
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { completed, endedHere, failedAtTool, leftAfter } from '../../src/upstream/attempt-end.ts'
import { BodyTooLarge, BodyTooSlow, Upload } from '../../src/upstream/upload.ts'
import { rethrow } from '../support/rethrow.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const RESET = Object.assign(new Error('read'), { code: 'ECONNRESET' })
const NONE = { stop: undefined, upload: undefined }

function broken() {
  const request = Object.assign(new PassThrough(), { complete: false })
  const bounds = { maxBytes: 10, bufferBytes: 10, keepBytes: 0 }
  const upload = new Upload(request, bounds, { clock: new VirtualClock(), fail: rethrow })
  request.destroy()
  return upload
}

test('a complete answer gives a latency only if its status is ok, and carries what the tool asked for', () => {
  const pushback = { retryAfterMs: 1000 }
  assert.deepEqual(completed(200, 12, undefined), {
    cause: 'completed',
    verdict: 'ok',
    latencyMs: 12,
    pushback: undefined,
  })
  assert.deepEqual(completed(404, 12, undefined).latencyMs, undefined)
  assert.deepEqual(completed(429, 12, pushback), {
    cause: 'completed',
    verdict: 'dropped',
    latencyMs: undefined,
    pushback,
  })
})

test('only a caller that leaves after its whole request and before the response head counts as a hang-up', () => {
  const ignored = { cause: 'cancelled', verdict: 'ignored' } as const
  assert.deepEqual(leftAfter(30, { status: 0, isSent: true }), {
    cause: 'cancelled',
    verdict: 'dropped',
    latencyMs: 30,
  })
  assert.deepEqual(leftAfter(30, { status: 0, isSent: false }), ignored)
  assert.deepEqual(leftAfter(30, { status: 200, isSent: true }), ignored)
})

test('a reclaimed lease, a caller that left and a refused body are told from errors of the tool', () => {
  const ignored = { cause: 'failed', verdict: 'ignored' } as const
  const own = (reason: string) => ({ kind: 'broken', lease: ignored, reason, fault: undefined })
  const upload = broken()
  assert.deepEqual(endedHere(RESET, { stop: 'reclaimed', upload }), own('LEASE_EXPIRED'))
  assert.deepEqual(endedHere(new BodyTooLarge(), { stop: 'left', upload: undefined }), { kind: 'left' })
  assert.deepEqual(endedHere(RESET, { stop: undefined, upload }), { kind: 'left' })
  assert.deepEqual(endedHere(new BodyTooLarge(), NONE), own('BODY_TOO_LARGE'))
  assert.deepEqual(endedHere(new BodyTooSlow(), NONE), own('REQUEST_TIMEOUT'))
  assert.equal(endedHere(RESET, NONE), undefined)
})

test('an error of the tool counts against it only if the whole request was sent', () => {
  const fault = { phase: 'head', cause: 'reset', code: 'ECONNRESET' }
  const failed = (verdict: string) => ({
    kind: 'broken',
    lease: { cause: 'failed', verdict },
    reason: 'UPSTREAM_FAILED',
    fault,
  })
  assert.deepEqual(failedAtTool(RESET, { phase: 'head', upload: undefined }), failed('dropped'))
  assert.deepEqual(failedAtTool(RESET, { phase: 'head', upload: broken() }), failed('ignored'))
})
