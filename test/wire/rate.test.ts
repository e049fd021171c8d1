/**
 * A lane with a call rate, on real sockets. A burst is served; after it each refusal gives the exact wait until the next
 * call may start.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually, pause } from '../support/eventually.ts'
import { after, fakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'

/** Milliseconds: two calls in 4 s. */
const PER_CALL_MS = 2000
const ROUNDING_MS = 1

async function call(url: string) {
  const response = await fetch(url)
  const reason = response.headers.get('x-spillway-reason')
  const fineMs = Number(response.headers.get('retry-after-ms'))
  await response.text()
  return { status: response.status, reason, fineMs, seconds: Number(response.headers.get('retry-after')) }
}

test('after its burst a lane refuses with the exact wait, and a caller that waits so long is served', async () => {
  await using tool = await fakeTool(after(0))
  await using spillway = await startSpillway(
    `tools: { quota: { upstream: "${tool.url}", rate: { calls: 2, perSeconds: 4, burst: 2 } } }`,
  )
  const url = `${spillway.proxy}/quota/x`
  const startedAt = performance.now()
  assert.deepEqual([(await call(url)).status, (await call(url)).status], [200, 200])
  const told = [await call(url), await call(url), await call(url)]
  const elapsedMs = performance.now() - startedAt
  for (const [index, { status, reason, fineMs, seconds }] of told.entries()) {
    assert.deepEqual([status, reason], [429, 'RATE_LIMITED'])
    const exactMs = (index + 1) * PER_CALL_MS
    const early = exactMs - fineMs
    assert.ok(early >= -ROUNDING_MS && early <= elapsedMs + ROUNDING_MS, `${fineMs} ms after ${elapsedMs} ms`)
    assert.equal(seconds, Math.ceil(fineMs / 1000))
  }
  assert.equal(tool.seen.calls, 2)
  await eventually(() =>
    assert.ok(spillway.lines.some((line) => /tool=quota admission=reject reason=RATE_LIMITED/.test(line))),
  )
  assert.equal((await spillway.lane('quota')).totals.refused['RATE_LIMITED'], 3)

  await pause((told[0]?.seconds ?? 0) * 1000)
  assert.equal((await call(url)).status, 200)
  const tokens = 2 + Math.floor((performance.now() - startedAt) / PER_CALL_MS)
  assert.equal(tool.seen.calls, 3)
  assert.ok(tool.seen.calls <= tokens)
})
