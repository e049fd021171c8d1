/**
 * curl, with and without --retry, at a saturated lane. The user's own .curlrc and proxy settings are switched off.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { findClient, runClient } from '../../support/run-client.ts'
import {
  assertRefused,
  assertWaited,
  refusedAndNotRetried,
  refusedOnceThenServed,
  saturatedLane,
} from '../../support/saturated-lane.ts'

const curl = await findClient(['curl'], ['--version'], 'curl')
const QUIET = ['--disable', '--noproxy', '*', '--silent', '--show-error']

describe('curl', { concurrency: 3 }, () => {
  test('curl --retry waits as Retry-After says and then gets the answer of the tool', async (t) => {
    await using lane = await saturatedLane({ served: true })
    const { exitCode, stdout } = await runClient(curl, [...QUIET, '--retry', '3', `${lane.url}/x`])
    assert.equal(exitCode, 0)
    // Without --fail, curl prints the body of the refusal before it retries.
    assert.equal(stdout, `${lane.refusals[0]?.body}{"served":true}`)
    const wait = refusedOnceThenServed(lane, { method: 'GET', path: '/x', body: '' })
    assertWaited(wait, wait.toldMs)
    t.diagnostic(`waited ${wait.waitedMs.toFixed()} ms`)
  })

  test('curl --retry repeats a POST as it does a GET, and with --fail prints the answer only', async () => {
    await using lane = await saturatedLane({ served: true })
    const { exitCode, stdout } = await runClient(curl, [
      ...[...QUIET, '--retry', '3', '--fail', '--data', 'a=1'],
      `${lane.url}/x`,
    ])
    assert.equal(exitCode, 0)
    assert.equal(stdout, '{"served":true}')
    const wait = refusedOnceThenServed(lane, { method: 'POST', path: '/x', body: 'a=1' })
    assertWaited(wait, wait.toldMs)
  })

  test('curl without --retry prints the whole refusal', async () => {
    await using lane = await saturatedLane({ served: true })
    const { exitCode, stdout } = await runClient(curl, [...QUIET, `${lane.url}/x`])
    assert.equal(exitCode, 0)
    assertRefused(JSON.parse(stdout), lane)
    refusedAndNotRetried(lane)
  })
})
