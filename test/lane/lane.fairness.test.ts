/**
 * Fairness between agents by example: agents take turns, and the longest queue loses a ticket when the lane is full.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lane } from '../../src/lane/lane.ts'
import type { Lease } from '../../src/lane/lease.ts'
import type { AdmissionResult } from '../../src/lane/effects.ts'
import type { Ticket } from '../../src/lane/ticket.ts'
import { laneSettings } from '../support/lane-settings.ts'

const OK = { cause: 'completed', verdict: 'ok', latencyMs: 5 } as const

function busy(maxQueueDepth: number) {
  const lane = new Lane(laneSettings({ maxConcurrent: 1, maxQueueDepth }), 0, () => undefined)
  const first = lane.admit({ spread: 0 }, 0)
  assert.ok(first.kind === 'granted')
  const ask = (agent: string): AdmissionResult => lane.admit({ spread: 0, agent }, 0)
  return { lane, lease: first.lease, ask }
}

test('for an agent with fewer tickets a full queue evicts the newest ticket of the agent with the most', () => {
  const { ask } = busy(4)
  const greedy = ['greedy', 'greedy', 'greedy', 'greedy'].map(ask)
  const polite = ask('polite')
  assert.ok(polite.kind === 'queued')
  const last = greedy.at(-1)
  assert.equal(polite.putOut?.ticket, last?.kind === 'queued' && last.ticket)
  assert.equal(polite.putOut.refusal.reason, 'QUEUE_SATURATED')
})

test('in a full queue the agent with the most tickets is refused', () => {
  const { ask } = busy(4)
  for (const agent of ['greedy', 'greedy', 'greedy', 'polite']) ask(agent)
  const more = ask('greedy')
  assert.equal(more.kind === 'refused' && more.refusal.reason, 'QUEUE_SATURATED')
})

test('agents with equally many tickets do not evict each other', () => {
  const { ask } = busy(2)
  for (const agent of ['a', 'b']) ask(agent)
  for (const agent of ['a', 'b', 'c']) assert.equal(ask(agent).kind, 'refused')
})

test('calls without an agent are served first in, first out', () => {
  const { ask, lane, lease } = busy(3)
  const tickets = ['', '', ''].map(ask)
  assert.equal(ask('').kind, 'refused')
  let running: Lease | undefined = lease
  for (const waiting of tickets) {
    const [next]: readonly Ticket[] = lane.settle(running as Lease, OK, 1).granted
    assert.equal(waiting.kind === 'queued' && waiting.ticket, next)
    running = next?.lease
  }
})

/** Nine polite agents send a call every 100 ms, and a greedy one sends `greed` calls; the lane can run ten in 100 ms. */
function politeSuccess(greed: number, tellsApart: boolean): number {
  const lane = new Lane(
    laneSettings({ maxConcurrent: 1, maxQueueDepth: 20, ttlMs: 2000 }),
    0,
    () => undefined,
  )
  const polite = { asked: 0, served: 0 }
  const isPolite = new Set<Ticket>()
  let running: Lease | undefined
  const ask = (agent: string, nowMs: number): void => {
    const admission = lane.admit({ spread: 0, agent: tellsApart ? agent : '' }, nowMs)
    if (agent !== 'greedy') polite.asked++
    if (admission.kind === 'granted') {
      running = admission.lease
      if (agent !== 'greedy') polite.served++
    } else if (admission.kind === 'queued' && agent !== 'greedy') isPolite.add(admission.ticket)
  }
  for (let nowMs = 0; nowMs < 20_000; nowMs++) {
    if (nowMs % 10 === 0 && running !== undefined) {
      const [next] = lane.settle(running, OK, nowMs).granted
      running = next?.lease
      if (next !== undefined && isPolite.has(next)) polite.served++
    }
    lane.expire(nowMs)
    if (nowMs % Math.ceil(100 / greed) === 0) ask('greedy', nowMs)
    for (let i = 0; i < 9; i++) if (nowMs % 100 === i * 11) ask(`polite ${i}`, nowMs)
  }
  return polite.served / polite.asked
}

test('nine polite agents beside a greedy one lose nothing; without fairness they lose most of their share', () => {
  assert.ok(politeSuccess(50, true) >= 0.99)
  assert.ok(politeSuccess(50, false) < 0.5)
})
