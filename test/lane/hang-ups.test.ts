/**
 * HangUps without a lane: which hang-ups of callers count as errors of the tool, one condition at a time.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HangUps } from '../../src/lane/hang-ups.ts'

/** Answers of 100 ms each, one every 10 ms, the last of them sent at 1000. */
function known(answers = 64): HangUps {
  const hangUps = new HangUps()
  for (let i = 1; i <= answers; i++) hangUps.answered(100, 1000 - 10 * (answers - i))
  return hangUps
}

const late = (agent = 'a', sentAtMs = 1000) => ({ waitedMs: 200, sentAtMs, agentOf: () => agent })
const refuseToSay = (): never => assert.fail('an agent was asked for')

test('a hang-up counts if the call lasted 1.5 times the 95th percentile of the answers', () => {
  assert.equal(known().take({ ...late(), waitedMs: 150 }, 2000), false)
  assert.equal(known().take({ ...late(), waitedMs: 150.1 }, 2000), true)
})

test('a hang-up counts only after eight answers', () => {
  assert.equal(known(7).take({ ...late(), waitedMs: 1e9 }, 2000), false)
  assert.equal(known(8).take(late(), 2000), true)
})

test('the p95 to compare with follows the latest answers', () => {
  const hangUps = known()
  for (let i = 0; i < 64; i++) hangUps.answered(1000, 900)
  assert.equal(hangUps.take({ ...late(), waitedMs: 1400 }, 2000), false)
  assert.equal(hangUps.take({ ...late(), waitedMs: 1600 }, 2000), true)
})

test('a hang-up does not count if the tool has answered eight calls that were sent later', () => {
  assert.equal(known().take(late('a', 920), 2000), false)
  assert.equal(known().take(late('a', 930), 2000), true)
})

test('at most one hang-up per agent counts in five seconds', () => {
  const hangUps = known()
  const counted = [2000, 2001, 6999, 7000, 7001].map((atMs) => hangUps.take(late(), atMs))
  assert.deepEqual(counted, [true, false, false, true, false])
  assert.equal(hangUps.take(late('b'), 7002), true)
})

test('the agent is asked for only if all other conditions hold', () => {
  const hangUps = known()
  assert.equal(hangUps.take({ waitedMs: 1, sentAtMs: 1000, agentOf: refuseToSay }, 2000), false)
  assert.equal(hangUps.take({ waitedMs: 1000, sentAtMs: 0, agentOf: refuseToSay }, 2000), false)
})

test('at most 1,024 agents are remembered, and each is forgotten after five seconds', () => {
  const hangUps = known()
  const counted = Array.from({ length: 3000 }, (_, agent) => hangUps.take(late(String(agent)), 2000))
  assert.equal(counted.filter(Boolean).length, 1024)
  assert.equal(hangUps.take(late('2999'), 6999), false)
  assert.equal(hangUps.take(late('2999'), 7000), true)
})
