/**
 * Random histories of a lane and of a model made of plain arrays. history.ts compares the two after every operation: the
 * answer to a newcomer, the tickets that get a slot, the bounds, that no slot stays idle and that everything due was done.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PRIORITIES } from '../../src/lane/priority.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import { fractionalWaits, histories, lanes } from './histories.ts'
import type { Operation } from './histories.ts'
import { History } from './history.ts'

const RUNS = 1000

function forAll(check: (settings: LaneSettings, operations: Operation[]) => void, numRuns = RUNS): void {
  fc.assert(fc.property(lanes, histories(), check), { numRuns })
}

test('a lane agrees with a model of plain arrays after every step of any history', () => {
  forAll((settings, operations) => {
    new History(settings).play(operations)
  }, 3 * RUNS)
})

test('a ticket is granted, refused or cancelled exactly once', () => {
  forAll((settings, operations) => {
    const history = new History(settings).play(operations)
    for (const ticket of history.tickets) {
      const isWaiting = history.model.waiting.some((waiting) => waiting.ticket === ticket)
      assert.equal(history.fates.get(ticket)?.length ?? 0, isWaiting ? 0 : 1)
      assert.equal(ticket.state === 'waiting', isWaiting)
    }
  })
})

test('a lease ends exactly once, and a second end only counts', () => {
  forAll((settings, operations) => {
    const history = new History(settings).play(operations)
    assert.equal(new Set(history.ended).size, history.ended.length)
    assert.equal(history.told('ended'), history.ended.length)
    for (const lease of history.ended) {
      const before = history.lane.depths()
      const moves = history.lane.settle(lease, { cause: 'completed', verdict: 'dropped' }, history.nowMs)
      assert.deepEqual(moves, { reclaimed: [], refused: [], granted: [] })
      assert.deepEqual(history.events.at(-1), { kind: 'ended_twice' })
      assert.deepEqual(history.lane.depths(), before)
    }
  })
})

test('no ticket is granted at or after its deadline', () => {
  forAll((settings, operations) => {
    const { grants } = new History(settings).play(operations).finish()
    for (const { dueAtMs, atMs } of grants) assert.ok(atMs < dueAtMs)
  })
})

test('tickets of an agent in a class are granted in the order in which they came', () => {
  forAll((settings, operations) => {
    const { grants, tickets } = new History(settings).play(operations).finish()
    for (const line of PRIORITIES.flatMap((priority) => ['a', 'b', 'c'].map((agent) => priority + agent))) {
      const places = grants.flatMap(({ ticket }) =>
        ticket.priority + ticket.agent === line ? [tickets.indexOf(ticket)] : [],
      )
      assert.deepEqual(
        places,
        places.toSorted((a, b) => a - b),
      )
    }
  })
})

test('the events of a lane add up at any time', () => {
  forAll((settings, operations) => {
    const history = new History(settings).play(operations)
    const { queueDepth, active } = history.lane.depths()
    const started = history.told('started')
    assert.equal(started, history.told('ended') + active)
    assert.equal(history.told('left'), history.fate('cancelled'))
    assert.equal(
      history.told('admitted'),
      history.told('ended') + history.told('left') + history.fate('refused') + queueDepth + active,
    )
    assert.equal(
      history.events.filter((event) => event.kind === 'admitted' && event.queued).length,
      history.tickets.length,
    )
  })
})

test('every lane ends empty once everything is settled', () => {
  forAll((settings, operations) => {
    const history = new History(settings).play(operations).finish()
    const { queueDepth, active } = history.lane.depths()
    assert.deepEqual({ queueDepth, active }, { queueDepth: 0, active: 0 })
    assert.equal(history.fates.size, history.tickets.length)
    assert.equal(
      history.told('admitted'),
      history.told('ended') + history.told('left') + history.fate('refused'),
    )
  })
})

test('a timer loop that follows wakeAtMs ends', () => {
  forAll((settings, operations) => {
    const history = new History(settings).play(operations)
    // While calls run a law may wake the lane twice a second. A silent lease ends after 5 s: 10 wakes, times 3 as a margin.
    const most = history.model.running.length * 2 + history.model.waiting.length * 3 + 10 + 30
    let wakes = 0
    while (history.lane.wakeAtMs() < Infinity && wakes <= most) {
      history.play([{ do: 'wake' }])
      wakes++
    }
    assert.ok(wakes <= most, `still something to do after ${most} wakes`)
  })
})

test('a timer loop cannot spin in fractions of a millisecond', () => {
  fc.assert(
    fc.property(lanes, histories(fractionalWaits), (settings, operations) => {
      new History(settings, 0.1).play(operations)
    }),
    { numRuns: 3 * RUNS },
  )
})
