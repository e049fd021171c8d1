/**
 * TokenBucket without a lane: its burst, its pace, and its bound on the calls started in any stretch of time.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TokenBucket } from '../../src/lane/token-bucket.ts'

const RATE = { calls: 10, perMs: 1000, burst: 3 }

test('without a rate there is always a token, at once', () => {
  const bucket = new TokenBucket(undefined, 0)
  for (let i = 0; i < 1000; i++) bucket.take(0)
  assert.ok(bucket.has(1_000_000, 0))
  assert.equal(bucket.perTokenMs, 0)
  assert.equal(bucket.readyAtMs(5, 7), 7)
})

test('a bucket begins with its burst of tokens, and then gets one token per interval', () => {
  const bucket = new TokenBucket(RATE, 0)
  for (let i = 0; i < 3; i++) {
    assert.ok(bucket.has(1, 0))
    bucket.take(0)
  }
  assert.ok(!bucket.has(1, 99))
  assert.equal(bucket.readyAtMs(1, 0), 100)
  assert.equal(bucket.readyAtMs(2, 0), 200)
  assert.ok(bucket.has(1, 100))
  assert.ok(!bucket.has(2, 100))
})

test('time without calls fills the bucket up to its burst', () => {
  const bucket = new TokenBucket(RATE, 0)
  bucket.take(0)
  assert.ok(bucket.has(3, 60_000))
  assert.ok(!bucket.has(4, 60_000))
})

test('a call that started without a token delays the next token', () => {
  const bucket = new TokenBucket({ calls: 1, perMs: 100, burst: 1 }, 0)
  bucket.take(0)
  bucket.take(0)
  assert.equal(bucket.readyAtMs(1, 0), 200)
})

test('in any stretch of time at most as many calls start as the burst and the rate allow', () => {
  const rates = fc.record({
    calls: fc.integer({ min: 1, max: 50 }),
    perMs: fc.integer({ min: 1, max: 5000 }),
    burst: fc.nat(9),
  })
  fc.assert(
    fc.property(
      rates,
      fc.array(fc.double({ min: 0, max: 300, noNaN: true }), { maxLength: 200 }),
      (rate, gapsMs) => {
        const settings = { ...rate, burst: rate.burst + 1 }
        const bucket = new TokenBucket(settings, 0)
        const startsMs: number[] = []
        let nowMs = 0
        for (const gapMs of gapsMs) {
          nowMs += gapMs
          if (!bucket.has(1, nowMs)) {
            const readyAtMs = bucket.readyAtMs(1, nowMs)
            assert.ok(
              readyAtMs > nowMs && bucket.has(1, readyAtMs),
              'readyAtMs is the time of the next token',
            )
            continue
          }
          bucket.take(nowMs)
          startsMs.push(nowMs)
        }
        for (const [i, fromMs] of startsMs.entries()) {
          const spanMs = nowMs - fromMs
          const most = settings.burst + spanMs / bucket.perTokenMs + 1e-3
          assert.ok(startsMs.length - i <= most, `${startsMs.length - i} in ${spanMs} ms`)
        }
      },
    ),
  )
})
