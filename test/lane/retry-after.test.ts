/**
 * RetryAdvice without a lane: the Retry-After of callers that are refused one after the other, its bounds, and the
 * pace at which slots come free.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RetryAdvice } from '../../src/lane/retry-after.ts'
import type { RetryBounds } from '../../src/lane/retry-after.ts'

const BOUNDS: RetryBounds = { minMs: 1000, maxMs: 30_000 }
const spreads = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const someBounds = fc
  .tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 30 }))
  .map(([a, b]): RetryBounds => ({ minMs: Math.min(a, b) * 1000, maxMs: Math.max(a, b) * 1000 }))

/** The Retry-After of `count` callers that are refused one after the other at the same moment. */
function adviceInARow(count: number, perPlaceMs: number, random: (n: number) => number = () => 0): number[] {
  const advice = new RetryAdvice()
  return Array.from({ length: count }, (_, n) =>
    advice.next(perPlaceMs, BOUNDS, { nowMs: 100, spread: random(n) }),
  )
}

test('Retry-After is a whole number of milliseconds within its bounds after any history', () => {
  const call = fc.record({
    waitMs: fc.double({ min: 0, max: 50_000, noNaN: true }),
    perPlaceMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
    endsInMs: fc.oneof(fc.constant(Infinity), fc.double({ min: -1e6, max: 1e6, noNaN: true })),
    spread: spreads,
  })
  fc.assert(
    fc.property(someBounds, fc.array(call), (bounds, calls) => {
      const advice = new RetryAdvice()
      let nowMs = 0
      for (const { waitMs, perPlaceMs, endsInMs, spread } of calls) {
        nowMs += waitMs
        const at = { nowMs, spread }
        for (const ms of [advice.next(perPlaceMs, bounds, at), advice.until(nowMs + endsInMs, bounds, at)]) {
          assert.ok(Number.isInteger(ms) && ms >= bounds.minMs && ms <= bounds.maxMs, String(ms))
        }
      }
    }),
    { numRuns: 1000 },
  )
})

test('the n-th caller refused in a row gets the time at which the n-th slot comes free', () => {
  assert.deepEqual(adviceInARow(5, 2000), [2000, 4000, 6000, 8000, 10_000])
})

test('callers refused in a row get strictly later times up to the bound', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1000, max: 30_000 }), (perPlaceMs) => {
      const given = adviceInARow(Math.floor(BOUNDS.maxMs / perPlaceMs), perPlaceMs)
      assert.equal(new Set(given).size, given.length)
      assert.deepEqual(
        given,
        given.toSorted((a, b) => a - b),
      )
    }),
  )
})

test('callers refused in a row by a fast lane are sent back at different times', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 999 }), (perPlaceMs) => {
      const given = adviceInARow(20, perPlaceMs, (n) => n / 20)
      assert.ok(new Set(given).size >= 10, `a place every ${perPlaceMs} ms: ${given.join(' ')}`)
    }),
  )
})

test('callers whose time would be beyond the bound are spread at random over its upper half', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(999), { minLength: 2, maxLength: 30 }), (random) => {
      const advice = new RetryAdvice()
      const given = random.map((n) => advice.next(60_000, BOUNDS, { nowMs: 0, spread: n / 1000 }))
      assert.equal(new Set(given).size, given.length)
      assert.ok(given.every((ms) => ms > 15_000 && ms <= 30_000))
    }),
  )
})

test('a slot that comes free before minMs is promised for a time from minMs on', () => {
  const given = adviceInARow(1000, 10)
  assert.deepEqual(given.slice(0, 3), [1000, 1009, 1018])
  for (const [index, ms] of given.entries()) assert.ok(ms >= (index + 1) * 10, `${index}: ${ms}`)
  assert.equal(given.at(-1), 10_000, 'the last caller gets its own slot')
})

test('each tenth of the upper half gets a tenth of the callers, for any number of callers', () => {
  fc.assert(
    fc.property(spreads, fc.integer({ min: 100, max: 500 }), (random, count) => {
      const advice = new RetryAdvice()
      const tenths = new Array<number>(10).fill(0)
      for (let n = 0; n < count; n++) {
        const ms = advice.next(60_000, BOUNDS, { nowMs: 0, spread: random })
        tenths[Math.ceil((ms - 15_000) / 1500) - 1]!++
      }
      for (const each of tenths) assert.ok(Math.abs(each - count / 10) <= 3, tenths.join(' '))
    }),
  )
})

test('if minMs lies in the upper half, callers are spread between minMs and maxMs', () => {
  const advice = new RetryAdvice()
  const bounds = { minMs: 20_000, maxMs: 30_000 }
  const given = Array.from({ length: 100 }, () => advice.next(60_000, bounds, { nowMs: 0, spread: 0.3 }))
  assert.equal(new Set(given).size, 100)
  assert.ok(Math.abs(given.filter((ms) => ms <= 25_000).length - 50) <= 2)
})

test('promises use the mean of many calls, or that of the latest calls if it is shorter', () => {
  const advice = new RetryAdvice()
  const load = { active: 0, limit: 1, agesMs: 0 }
  assert.equal(advice.promisedPerPlaceMs(load), 1000, 'unknown')
  for (let n = 0; n < 200; n++) advice.ended(100, 0)
  advice.ended(1100, 0)
  assert.equal(advice.promisedPerPlaceMs(load), 120)
  assert.equal(advice.perPlaceMs(load), 200)
  for (let n = 0; n < 20; n++) advice.ended(20, 0)
  assert.ok(advice.promisedPerPlaceMs(load) < 50)
})

test('promised times assume a hang only if the running calls are far older than the service time', () => {
  const advice = new RetryAdvice()
  advice.ended(100, 0)
  assert.equal(advice.promisedPerPlaceMs({ active: 2, limit: 2, agesMs: 2 * 190 }), 50)
  assert.equal(advice.promisedPerPlaceMs({ active: 2, limit: 2, agesMs: 2 * 5000 }), 2500)
})

test('Retry-After is rounded up to a whole millisecond', () => {
  const advice = new RetryAdvice()
  assert.equal(advice.next(1500, BOUNDS, { nowMs: 0.7, spread: 0, readyAtMs: 1500.9 }), 1501)
})

test('a promised time in the past no longer counts', () => {
  const advice = new RetryAdvice()
  advice.next(5000, BOUNDS, { nowMs: 0, spread: 0 })
  assert.equal(advice.next(5000, BOUNDS, { nowMs: 3000, spread: 0 }), 7000)
  assert.equal(advice.next(5000, BOUNDS, { nowMs: 100_000, spread: 0 }), 5000)
})

test('after 1,000 refusals at once a later caller still gets a time within the bound', () => {
  const advice = new RetryAdvice()
  for (let i = 0; i < 1000; i++) advice.next(5000, BOUNDS, { nowMs: 0, spread: 0 })
  assert.equal(advice.next(5000, BOUNDS, { nowMs: 26_000, spread: 0 }), 9000)
})

test('callers of a paused lane get the time at which the pause ends', () => {
  const advice = new RetryAdvice()
  assert.equal(advice.until(5000, BOUNDS, { nowMs: 1000, spread: 0 }), 4000)
  assert.equal(advice.until(1000, BOUNDS, { nowMs: 1000, spread: 0 }), 1000)
})

test('callers of a lane that is paused without an end are spread at random', () => {
  const advice = new RetryAdvice()
  assert.equal(advice.until(Infinity, BOUNDS, { nowMs: 0, spread: 0 }), 30_000)
  assert.equal(advice.until(Infinity, BOUNDS, { nowMs: 0, spread: 0.5 }), 22_500)
})

test('callers refused during a pause with an end are sent back at different times', () => {
  const advice = new RetryAdvice()
  const told = [0, 0.25, 0.5, 0.75].map((spread) => advice.until(10_000, BOUNDS, { nowMs: 0, spread }))
  assert.equal(new Set(told).size, told.length, told.join(' '))
})

test('a lane in which no call has ended assumes a service time of one second', () => {
  const advice = new RetryAdvice()
  assert.equal(advice.perPlaceMs({ active: 0, limit: 4, agesMs: 0 }), 250)
})

test('slots come free at limit / service time', () => {
  const advice = new RetryAdvice()
  advice.ended(800, 0)
  assert.equal(advice.perPlaceMs({ active: 0, limit: 8, agesMs: 0 }), 100)
  advice.ended(1800, 0)
  assert.equal(advice.perPlaceMs({ active: 0, limit: 1, agesMs: 0 }), 900)
  assert.equal(advice.perPlaceMs({ active: 0, limit: 0, agesMs: 0 }), 900)
})

test('the ages of the running calls show a hang before the first of them ends', () => {
  const advice = new RetryAdvice()
  advice.ended(100, 0)
  assert.equal(advice.perPlaceMs({ active: 4, limit: 4, agesMs: 4 * 50 }), 25)
  assert.equal(advice.perPlaceMs({ active: 4, limit: 4, agesMs: 4 * 20_000 }), 5000)
})
