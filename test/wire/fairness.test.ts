/**
 * Fairness between agents on real sockets. A greedy agent keeps 60 calls going at once; nine polite agents make one call
 * at a time. The share of polite calls that are answered shows whether the lane shares its slots.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pause } from '../support/eventually.ts'
import { after, fakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'

const POLITE = 9
/** Calls that each polite agent makes, one after the other. */
const ROUNDS = 12
const GREEDY_LOOPS = 60

/** All agents call until the polite ones have made their calls. Returns the share of polite calls that were answered. */
async function politeSuccess(url: string): Promise<number> {
  let isOver = false
  const call = async (agent: string): Promise<number> => {
    const response = await fetch(url, { headers: { 'X-Agent-Id': agent } })
    await response.arrayBuffer()
    return response.status
  }
  const greedy = Array.from({ length: GREEDY_LOOPS }, async () => {
    while (!isOver) if ((await call('greedy')) !== 200) await pause(5)
  })
  await pause(200)
  const polite = await Promise.all(
    Array.from({ length: POLITE }, async (_, agent) => {
      let served = 0
      for (let i = 0; i < ROUNDS; i++) if ((await call(`polite ${agent}`)) === 200) served++
      return served
    }),
  )
  isOver = true
  await Promise.all(greedy)
  return polite.reduce((sum, served) => sum + served, 0) / (POLITE * ROUNDS)
}

test('nine polite agents beside a greedy one are served, and no agent key is logged or shown', async () => {
  await using tool = await fakeTool(after(20))
  await using spillway = await startSpillway(
    `tools: { busy: { upstream: "${tool.url}", maxConcurrent: 2, maxQueueDepth: 20 } }`,
  )
  const success = await politeSuccess(`${spillway.proxy}/busy/x`)
  assert.ok(success >= 0.99, `${success} of the polite calls were answered`)
  const page = await spillway.metrics()
  const lane = JSON.stringify(await spillway.lane('busy'))
  for (const text of [page, lane, spillway.lines.join('\n')]) assert.doesNotMatch(text, /polite|greedy/)
})

test('with fairness: none all agents share one queue, and a greedy one crowds out the others', async () => {
  await using tool = await fakeTool(after(20))
  await using spillway = await startSpillway(
    `tools: { busy: { upstream: "${tool.url}", maxConcurrent: 2, maxQueueDepth: 20, fairness: none } }`,
  )
  assert.ok((await politeSuccess(`${spillway.proxy}/busy/x`)) < 0.9)
})
