/**
 * Callers that hang up after 20 ms, 40 times a second, beside callers that wait for their answers. The tool is healthy,
 * so the hang-ups must not lower its limit.
 */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { pause } from '../support/eventually.ts'
import { after, fakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'
import type { Spillway } from '../support/process.ts'

const LIMIT = 16
const TOOL_MS = 100
const EVERY_MS = 25
const LEAVES_AFTER_MS = 20
/** Two windows of `aimd`, and ten steps of `adaptive`. */
const LASTS_MS = 5500

/** Ways to hang up: a reset, a close, or a close of the sending side only. */
const WAYS = ['resetAndDestroy', 'destroy', 'end'] as const

async function leave(spillway: Spillway, lane: string, way: (typeof WAYS)[number]): Promise<void> {
  const socket = connect(spillway.proxyPort, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.resume()
  socket.write(`GET /${lane}/x HTTP/1.1\r\nHost: t\r\nX-Agent-Id: ${Math.random()}\r\n\r\n`)
  if (way !== 'end') await pause(LEAVES_AFTER_MS)
  socket[way]()
}

test('40 hang-ups a second leave a healthy tool its limit, under aimd and adaptive', async () => {
  await using tool = await fakeTool(after(TOOL_MS))
  const lane = (algorithm: string): string =>
    `{ upstream: "${tool.url}", maxConcurrent: ${LIMIT}, controller: { algorithm: ${algorithm} } }`
  await using spillway = await startSpillway(
    `tools: { aimd: ${lane('aimd')}, adaptive: ${lane('adaptive')} }`,
  )
  const endsAt = performance.now() + LASTS_MS
  const isOn = (): boolean => performance.now() < endsAt
  let answers = 0
  const patient = async (path: string): Promise<void> => {
    while (isOn()) {
      const response = await fetch(`${spillway.proxy}/${path}/x`)
      await response.arrayBuffer()
      assert.equal(response.status, 200)
      answers++
    }
  }
  const leavers = async (path: string): Promise<void> => {
    for (let i = 0; isOn(); i++) {
      void leave(spillway, path, WAYS[i % WAYS.length] ?? 'destroy')
      await pause(EVERY_MS)
    }
  }
  await Promise.all(
    ['aimd', 'adaptive'].flatMap((path) => [patient(path), patient(path), patient(path), leavers(path)]),
  )
  for (const path of ['aimd', 'adaptive']) {
    const { limit, error_rate: errorRate, totals } = await spillway.lane(path)
    assert.ok(totals.cancelled > 20, `${totals.cancelled} left`)
    assert.ok(errorRate < 0.02, `${path}: an error rate of ${errorRate}`)
    // `adaptive` may try half the limit by itself. When hang-ups still counted as errors, both laws fell to 4.
    assert.ok(limit >= (path === 'aimd' ? LIMIT : LIMIT / 2), `${path}: a limit of ${limit}`)
  }
  assert.ok(!spillway.lines.some((line) => line.includes('error_rate_high')))
  assert.ok(answers > 50, `${answers} answers`)
})
