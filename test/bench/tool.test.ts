/**
 * The benchmark's modelled tools do what their model says: a fake that lies would make every law look good or bad.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Agenda } from '../../bench/control/engine/agenda.ts'
import { QuotaGate } from '../../bench/control/engine/quota.ts'
import { Random, streamSeed } from '../../bench/control/engine/random.ts'
import { Tool, ToolCall } from '../../bench/control/engine/tool.ts'
import type { ToolModel } from '../../bench/control/scenario.ts'

const STEADY = { meanMs: 100, cv: 0 }

/** Sends `calls` at time 0 and tells when each was answered, and how. */
function answersOf(model: ToolModel, calls: number, untilMs = 100_000) {
  const agenda = new Agenda()
  const tool = new Tool(model, agenda)
  const answers: { readonly atMs: number; readonly kind: string }[] = []
  const sent = Array.from(
    { length: calls },
    () => new ToolCall(({ kind }) => answers.push({ atMs: Math.round(agenda.nowMs * 1000) / 1000, kind })),
  )
  agenda.at(0, () => {
    for (const [index, call] of sent.entries()) tool.begin(call, new Random(index))
  })
  agenda.runUntil(untilMs)
  return { answers, times: answers.map(({ atMs }) => atMs), tool }
}

test('the agenda lives through events in order of time, then of writing', () => {
  const agenda = new Agenda()
  const seen: string[] = []
  agenda.at(20, () => seen.push(`c${agenda.nowMs}`))
  agenda.at(10, () => {
    seen.push('a')
    agenda.at(10, () => seen.push('b'))
  })
  agenda.at(20, () => seen.push('d'))
  agenda.at(30.5, () => seen.push('too late'))
  agenda.runUntil(30)
  assert.deepEqual(seen, ['a', 'b', 'c20', 'd'])
  assert.equal(agenda.nowMs, 30)
})

test('a pool works on as many calls as it has servers, the others in order of arrival', () => {
  const { times } = answersOf({ capacity: { kind: 'pool', servers: 2 }, service: STEADY }, 5)
  assert.deepEqual(times, [100, 100, 200, 200, 300])
})

test('a tool without a capacity limit answers everything in its service time', () => {
  assert.deepEqual(
    answersOf({ capacity: { kind: 'unlimited' }, service: STEADY }, 4).times,
    [100, 100, 100, 100],
  )
})

test('a sharing tool is not felt up to its knee, and loses throughput beyond', () => {
  const sharing = { kind: 'sharing', knee: 4, fall: 0.5 } as const
  assert.deepEqual(answersOf({ capacity: sharing, service: STEADY }, 4).times, [100, 100, 100, 100])
  // Eight calls: half the speed each, and the knee's throughput shrunk to 1 / (1 + 0.5).
  assert.equal(answersOf({ capacity: sharing, service: STEADY }, 8).times[0], 300)
})

test('a slowdown is felt by calls that already run, and a frozen tool stands still', () => {
  const slowed = answersOf(
    { capacity: { kind: 'unlimited' }, service: STEADY, changes: [{ atSeconds: 0.05, slowdown: 4 }] },
    1,
  )
  assert.deepEqual(slowed.times, [250])
  const changes = [
    { atSeconds: 0.05, frozen: true },
    { atSeconds: 12.05, frozen: false },
  ]
  assert.deepEqual(
    answersOf({ capacity: { kind: 'unlimited' }, service: STEADY, changes }, 1).times,
    [12_100],
  )
})

test('a smaller pool finishes what runs before it takes on more', () => {
  const changes = [{ atSeconds: 0.05, capacity: 1 }]
  const { times } = answersOf({ capacity: { kind: 'pool', servers: 2 }, service: STEADY, changes }, 4)
  assert.deepEqual(times, [100, 100, 200, 300])
})

test('errors are fast, take no capacity and come in their share', () => {
  const changes = [{ atSeconds: 0, errorRatio: 0.4, errorMs: 10 }]
  const { answers } = answersOf(
    { capacity: { kind: 'pool', servers: 1 }, service: STEADY, changes },
    1000,
    1e6,
  )
  const errors = answers.filter(({ kind }) => kind === 'error')
  assert.ok(errors.length > 350 && errors.length < 450, `${errors.length}`)
  assert.ok(errors.every(({ atMs }) => atMs === 10))
})

test('a quota lets its burst through, then refuses until the penalty is over', () => {
  const gate = new QuotaGate({ callsPerSecond: 10, burst: 3, penaltySeconds: 3, saysRetryAfter: true })
  assert.deepEqual(
    [0, 0, 0, 0, 1000].map((nowMs) => gate.refuses(nowMs)),
    [undefined, undefined, undefined, 3000, 2000],
  )
  assert.equal(gate.refuses(3000), undefined)
})

for (const abandoned of ['goes_on', 'stops'] as const) {
  test(`work for a caller who left ${abandoned === 'stops' ? 'stops' : 'goes on'} and is counted as wasted`, () => {
    const agenda = new Agenda()
    const tool = new Tool({ capacity: { kind: 'pool', servers: 1 }, service: STEADY, abandoned }, agenda)
    const call = new ToolCall(() => undefined)
    agenda.at(0, () => {
      tool.begin(call, new Random(1))
    })
    agenda.at(40, () => {
      tool.abandon(call)
    })
    agenda.runUntil(50)
    assert.equal(tool.inFlight, abandoned === 'stops' ? 0 : 1)
    agenda.runUntil(1000)
    assert.deepEqual(
      tool.done,
      abandoned === 'stops' ? { workMs: 40, wastedMs: 40 } : { workMs: 100, wastedMs: 100 },
    )
  })
}

for (const cv of [0.5, 1, 2.5]) {
  test(`service times have the mean and the coefficient of variation that were asked for: ${cv}`, () => {
    const random = new Random(streamSeed(7, 1))
    const values = Array.from({ length: 200_000 }, () => random.work({ meanMs: 100, cv }))
    const mean = values.reduce((a, b) => a + b, 0) / values.length
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
    assert.ok(Math.abs(mean - 100) < 3, `mean ${mean}`)
    assert.ok(Math.abs(deviation / mean - cv) < 0.12 * Math.max(1, cv), `cv ${deviation / mean}`)
  })
}
