/**
 * undici's RetryAgent with its default options, at a saturated lane: it retries a GET and does not repeat a POST.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Agent, errors, request, RetryAgent } from 'undici'
import {
  assertRefused,
  assertWaited,
  refusedAndNotRetried,
  refusedOnceThenServed,
  saturatedLane,
} from '../../support/saturated-lane.ts'

describe('undici RetryAgent', { concurrency: 3 }, () => {
  test('undici waits as Retry-After says and then gets the answer of the tool', async (t) => {
    await using lane = await saturatedLane({ served: true })
    const dispatcher = new RetryAgent(new Agent())
    const { statusCode, body } = await request(`${lane.url}/x`, { dispatcher })
    assert.deepEqual([statusCode, await body.json()], [200, { served: true }])
    const wait = refusedOnceThenServed(lane, { method: 'GET', path: '/x', body: '' })
    assertWaited(wait, wait.toldMs)
    t.diagnostic(`waited ${wait.waitedMs.toFixed()} ms`)
    await dispatcher.close()
  })

  test('undici does not repeat a POST: the reason is in the headers of its error, which has no body', async () => {
    await using lane = await saturatedLane({ served: true })
    const dispatcher = new RetryAgent(new Agent())
    await assert.rejects(request(`${lane.url}/x`, { dispatcher, method: 'POST', body: '{}' }), (error) => {
      assert.ok(error instanceof errors.RequestRetryError)
      assert.equal(error.statusCode, 429)
      assert.partialDeepStrictEqual(error.headers, {
        'x-spillway-reason': 'QUEUE_SATURATED',
        'retry-after': '2',
      })
      assert.ok(!('body' in error))
      return true
    })
    refusedAndNotRetried(lane)
    await dispatcher.close()
  })

  test('undici with throwOnError: false does not repeat a POST and shows its caller the whole refusal', async () => {
    await using lane = await saturatedLane({ served: true })
    const dispatcher = new RetryAgent(new Agent(), { throwOnError: false })
    const { statusCode, body } = await request(`${lane.url}/x`, { dispatcher, method: 'POST', body: '{}' })
    assert.equal(statusCode, 429)
    assertRefused(await body.json(), lane)
    refusedAndNotRetried(lane)
    await dispatcher.close()
  })
})
