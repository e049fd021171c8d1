/**
 * Octokit with @octokit/plugin-retry and their default options, at a saturated lane. The plugin ignores Retry-After and
 * waits by a schedule of its own (1, 4, 9 s). These tests state that schedule, so that a change of it is noticed.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { Octokit } from '@octokit/core'
import { retry } from '@octokit/plugin-retry'
import {
  assertRefused,
  assertWaited,
  refusedAndNotRetried,
  refusedOnceThenServed,
  saturatedLane,
} from '../../support/saturated-lane.ts'

const RetryingOctokit = Octokit.plugin(retry)
/** Milliseconds: the first step of the plugin's schedule. */
const OWN_WAIT_MS = 1000

interface Told {
  readonly status: number
  readonly response: { readonly headers: Readonly<Record<string, string>>; readonly data: unknown }
}

/** The plugin's decision on each refusal: how many retries it allows, and after how many seconds the next one comes. */
function decisionsOf(octokit: InstanceType<typeof RetryingOctokit>, t: TestContext) {
  const { mock } = t.mock.method(octokit.retry, 'retryRequest')
  return () =>
    mock.calls.map(({ arguments: [error, retries, afterSeconds] }) => {
      const told = error as unknown as Told
      return { told: told.response.headers['retry-after'], retries, afterSeconds }
    })
}

describe('octokit with its retry plugin', { concurrency: 3 }, () => {
  test('octokit is told 2 s, retries a GET after its own 1 s and then gets the answer of the tool', async (t) => {
    await using lane = await saturatedLane({ full_name: 'a/b' })
    const octokit = new RetryingOctokit({ baseUrl: lane.url })
    const decisions = decisionsOf(octokit, t)
    const { data } = await octokit.request('GET /repos/{owner}/{repo}', { owner: 'a', repo: 'b' })
    assert.equal(data.full_name, 'a/b')
    assert.deepEqual(decisions(), [{ told: '2', retries: 3, afterSeconds: 1 }])
    const wait = refusedOnceThenServed(lane, { method: 'GET', path: '/repos/a/b', body: '' })
    assertWaited(wait, OWN_WAIT_MS)
    t.diagnostic(`waited ${wait.waitedMs.toFixed()} ms`)
  })

  test('octokit is told 2 s and repeats a POST after its own 1 s', async (t) => {
    await using lane = await saturatedLane({ number: 7 })
    const octokit = new RetryingOctokit({ baseUrl: lane.url })
    const decisions = decisionsOf(octokit, t)
    const issue = { owner: 'a', repo: 'b', title: 'hello' }
    const { data } = await octokit.request('POST /repos/{owner}/{repo}/issues', issue)
    assert.equal(data.number, 7)
    assert.deepEqual(decisions(), [{ told: '2', retries: 3, afterSeconds: 1 }])
    const wait = refusedOnceThenServed(lane, {
      method: 'POST',
      path: '/repos/a/b/issues',
      body: '{"title":"hello"}',
    })
    assertWaited(wait, OWN_WAIT_MS)
  })

  test('octokit at a lane that stays full tries after 1, 4 and 9 s and shows its caller the whole refusal', async (t) => {
    await using lane = await saturatedLane({ number: 7 }, 'by hand')
    // One second of the schedule takes one millisecond here.
    const octokit = new RetryingOctokit({ baseUrl: lane.url, retry: { retryAfterBaseValue: 1 } })
    const decisions = decisionsOf(octokit, t)
    await assert.rejects(octokit.request('GET /rate_limit'), (error: unknown) => {
      assertRefused((error as Told).response.data, lane)
      return true
    })
    assert.deepEqual(
      decisions().map(({ afterSeconds }) => afterSeconds),
      // The last wait is not taken, because no retry is left.
      [1, 4, 9, 16],
    )
    assert.equal(lane.attempts.length, 4)
    assert.deepEqual(lane.calls, [])
  })

  test('octokit with retries switched off shows its caller the whole refusal', async () => {
    await using lane = await saturatedLane({ number: 7 })
    const octokit = new RetryingOctokit({ baseUrl: lane.url, retry: { enabled: false } })
    await assert.rejects(octokit.request('GET /rate_limit'), (error: unknown) => {
      const { status, response } = error as Told
      assert.equal(status, 429)
      assertRefused(response.data, lane)
      return true
    })
    refusedAndNotRetried(lane)
  })
})
