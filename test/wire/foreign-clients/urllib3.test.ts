/**
 * Python's urllib3 with the default retries of its PoolManager, at a saturated lane. The library requests, given a Retry,
 * behaves the same, because it calls urllib3.
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

const SCRIPT = new URL('urllib3-call.py', import.meta.url).pathname
/** Debian's own Python comes first, because the package python3-urllib3 installs the library for that one only. */
const python = await findClient(['/usr/bin/python3', 'python3'], ['-c', 'import urllib3'], 'python3-urllib3')

interface Got {
  readonly version: string
  readonly status: number
  readonly body: string
}

async function call(method: string, url: string): Promise<Got> {
  const { exitCode, stdout, stderr } = await runClient(python, [SCRIPT, method, url])
  assert.equal(exitCode, 0, stderr)
  return JSON.parse(stdout) as Got
}

describe('urllib3', { concurrency: 3 }, () => {
  test('urllib3 waits as Retry-After says and then gets the answer of the tool', async (t) => {
    await using lane = await saturatedLane({ served: true })
    const { version, status, body } = await call('GET', `${lane.url}/x`)
    assert.deepEqual([status, body], [200, '{"served":true}'])
    const wait = refusedOnceThenServed(lane, { method: 'GET', path: '/x', body: '' })
    assertWaited(wait, wait.toldMs)
    t.diagnostic(`urllib3 ${version} waited ${wait.waitedMs.toFixed()} ms`)
  })

  test('urllib3 does not repeat a POST and shows its caller the whole refusal', async () => {
    await using lane = await saturatedLane({ served: true })
    const { status, body } = await call('POST', `${lane.url}/x`)
    assert.equal(status, 429)
    assertRefused(JSON.parse(body), lane)
    refusedAndNotRetried(lane)
  })
})
