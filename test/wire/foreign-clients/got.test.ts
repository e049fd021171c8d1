/**
 * The client got with its default options, at a saturated lane: it retries a GET and does not repeat a POST.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import got, { HTTPError } from 'got'
import {
  assertRefused,
  assertWaited,
  refusedAndNotRetried,
  refusedOnceThenServed,
  saturatedLane,
} from '../../support/saturated-lane.ts'

describe('got', { concurrency: 3 }, () => {
  test('got waits as Retry-After says and then gets the answer of the tool', async (t) => {
    await using lane = await saturatedLane({ served: true })
    assert.deepEqual(await got(`${lane.url}/x`).json(), { served: true })
    const wait = refusedOnceThenServed(lane, { method: 'GET', path: '/x', body: '' })
    assertWaited(wait, wait.toldMs)
    t.diagnostic(`waited ${wait.waitedMs.toFixed()} ms`)
  })

  test('got does not repeat a POST and shows its caller the whole refusal', async () => {
    await using lane = await saturatedLane({ served: true })
    await assert.rejects(got.post(`${lane.url}/x`, { json: {} }), (error) => {
      assert.ok(error instanceof HTTPError)
      assert.equal(error.response.statusCode, 429)
      assertRefused(JSON.parse(String(error.response.body)), lane)
      return true
    })
    refusedAndNotRetried(lane)
  })
})
