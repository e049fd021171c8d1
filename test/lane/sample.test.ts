/**
 * The statistics of latencies: the percentile against a plain count, LatencySample beyond its capacity, and how long
 * RecentCalls remembers a call.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LatencySample, RecentCalls, percentile } from '../../src/lane/sample.ts'

/** The smallest value with at least `percent` of all values at or below it, by counting, in whole numbers. */
function naivePercentile(values: readonly number[], percent: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted.find(
    (value) => sorted.filter((other) => other <= value).length * 100 >= percent * sorted.length,
  )
}

test('percentile is the nearest rank, for any values in any order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(50), { maxLength: 60 }),
      fc.constantFrom(0, 50, 75, 95, 100),
      (values, percent) => {
        const given = new Float64Array(values)
        assert.equal(percentile(given, percent / 100), naivePercentile(values, percent))
        assert.deepEqual([...given], values)
      },
    ),
    { numRuns: 1000 },
  )
})

test('the 95th percentile has exactly the rank that whole-number arithmetic gives, up to 1024 values', () => {
  for (let n = 1; n <= 1024; n++) {
    const values = Float64Array.from({ length: n }, (_, i) => i + 1)
    assert.equal(percentile(values, 0.95), Math.ceil((95 * n) / 100), `${n} values`)
  }
})

const sampleOf = (count: number): LatencySample => {
  const sample = new LatencySample()
  for (let i = 0; i < count; i++) sample.record(i)
  return sample
}

test('a sample keeps all values up to its capacity', () => {
  assert.deepEqual([...sampleOf(512).values()], [...Array(512).keys()])
})

test('a sample beyond its capacity keeps evenly spaced values from the first to the last', () => {
  for (const count of [513, 514, 1000, 1024, 1025, 1026, 5000, 100_000]) {
    const sample = sampleOf(count)
    const kept = [...sample.values()]
    const stride = (kept[1] ?? 0) - (kept[0] ?? 0)
    assert.equal(sample.count, count)
    assert.ok(kept.length >= 256 && kept.length <= 512, `${kept.length} kept of ${count}`)
    assert.deepEqual(
      kept,
      kept.map((_, i) => i * stride),
    )
    assert.ok(count - 1 - (kept.at(-1) ?? 0) < stride, `the last of ${count} are represented`)
  }
})

test('a sample that was reset is empty and keeps all new values', () => {
  const sample = sampleOf(2000)
  sample.reset()
  assert.equal(sample.count, 0)
  assert.deepEqual([...sample.values()], [])
  sample.record(7)
  sample.record(8)
  assert.deepEqual([...sample.values()], [7, 8])
})

test('a lane without recent calls has no p95 and an error rate of 0', () => {
  const recent = new RecentCalls(0)
  assert.equal(recent.p95Ms(5), undefined)
  assert.equal(recent.errorRate(5), 0)
})

test('the recent error rate counts every call, and the recent p95 only those with a latency', () => {
  const recent = new RecentCalls(0)
  recent.record(false, 10, 1)
  recent.record(true, undefined, 2)
  recent.record(true, 30, 3)
  recent.record(false, 20, 4)
  assert.equal(recent.p95Ms(5), 30)
  assert.equal(recent.errorRate(5), 0.5)
})

test('recent figures include calls of the last 10 s and no call older than 20 s', () => {
  const recent = new RecentCalls(0)
  recent.record(true, 100, 0)
  recent.record(false, 200, 12_000)
  assert.equal(recent.errorRate(12_000), 0.5)
  assert.equal(recent.errorRate(22_000), 0)
  assert.equal(recent.p95Ms(22_000), 200)
  assert.equal(recent.p95Ms(32_001), undefined)
})

test('a call counts as recent for at least 10 and at most 20 s, however rarely the figures are read', () => {
  const steps = fc.array(fc.record({ waitMs: fc.nat(25_000), isCall: fc.boolean() }), { maxLength: 18 })
  fc.assert(
    fc.property(steps, (history) => {
      const recent = new RecentCalls(0)
      const calls: number[] = []
      let nowMs = 0
      for (const { waitMs, isCall } of history) {
        nowMs += waitMs
        // The latency of each call is its own end time, so that the p95 of few calls is the latest call that counts.
        if (isCall && calls.push(nowMs)) recent.record(false, nowMs, nowMs)
        const seenAtMs = recent.p95Ms(nowMs)
        const latest = calls.at(-1)
        if (latest !== undefined && nowMs - latest < 10_000) assert.equal(seenAtMs, latest)
        if (seenAtMs !== undefined)
          assert.ok(nowMs - seenAtMs <= 20_000, `a call ${nowMs - seenAtMs} ms old is seen`)
      }
    }),
    { numRuns: 1000 },
  )
})
