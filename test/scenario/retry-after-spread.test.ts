/**
 * 500 callers are refused at once and wait as they are told. They must come back at an even pace, and the lane must keep
 * working meanwhile. The production lane runs on virtual time. The diagnostics of these tests are the figures of the
 * README.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Refusal } from '../../src/lane/effects.ts'
import { refuse } from '../../src/reply/refuse.ts'
import { laneSettings } from '../support/lane-settings.ts'
import { LaneWorld } from '../support/lane-world.ts'

const LIMIT = 8
const SERVICE_MS = 80
const STORM = 500
/** The number of returns in one second may differ from the mean by this share of the mean. */
const EVEN_RATIO = 0.2

/** The wait, in milliseconds, of a caller that reads only this header. */
function told(name: 'Retry-After' | 'retry-after-ms', unitMs: number) {
  return ({ reason, retryAfterMs }: Refusal): number => {
    const { headers } = refuse({ reason, requestId: 'id', retryAfterMs })
    return Number(headers[headers.indexOf(name) + 1]) * unitMs
  }
}
const SECONDS = told('Retry-After', 1000)
const MILLISECONDS = told('retry-after-ms', 1)

interface StormParts {
  readonly obey: (refusal: Refusal) => number
  readonly serviceMs: (random: number) => number
  /** The mean of `serviceMs`. */
  readonly meanMs: number
  /** Whether other callers go on calling at the lane's full pace. */
  readonly others: boolean
  readonly seed: number
}

/** Runs the storm. `returns` (callers that came back for the first time) and `done` (completed calls) are per second. */
function storm({ obey, serviceMs, meanMs, others, seed }: StormParts) {
  const settings = laneSettings({ maxConcurrent: LIMIT, controller: { algorithm: 'fixed' } })
  const world = new LaneWorld({ settings, serviceMs, obey, seed })
  const perPlaceMs = meanMs / LIMIT
  // 400 calls let the lane learn its pace. Then the lane is filled, so that it refuses every caller of the storm.
  const atMs = 400 * perPlaceMs
  for (let n = 0; n < 400; n++) world.arrive('others', n * perPlaceMs)
  for (let n = 0; n < LIMIT + settings.maxQueueDepth; n++) world.arrive('filling', atMs)
  for (let n = 0; n < STORM; n++) world.arrive('storm', atMs)
  const untilMs = atMs + 200_000
  if (others) for (let ms = atMs; ms < atMs + 40_000; ms += perPlaceMs) world.arrive('others', ms)
  world.runUntil(untilMs)
  const perSecond = (moments: readonly number[]): number[] => {
    const counts: (number | undefined)[] = []
    for (const moment of moments) {
      const second = Math.floor((moment - atMs) / 1000)
      if (second >= 0) counts[second] = (counts[second] ?? 0) + 1
    }
    return Array.from(counts, (count) => count ?? 0)
  }
  const first = world.returns.filter(({ caller, refusals }) => caller.name === 'storm' && refusals === 1)
  const returns = perSecond(first.map((one) => one.atMs))
  const served = world.completions.filter(({ caller }) => caller.name === 'storm').length
  const done = perSecond(world.completions.map((one) => one.atMs)).slice(0, returns.length)
  return { returns, done, served, refusedMs: world.advice.map(({ refusal }) => refusal.retryAfterMs) }
}

/** Largest relative distance of a second from the mean. The last second may be incomplete: only its maximum is checked. */
function unevenness(returns: readonly number[]): number {
  const busy = returns.slice(returns.findIndex((count) => count > 0))
  const whole = busy.slice(0, -1)
  const mean = whole.reduce((sum, count) => sum + count, 0) / whole.length
  assert.ok((busy.at(-1) ?? 0) <= (1 + EVEN_RATIO) * mean, `the last second: ${busy.join(' ')}`)
  return Math.max(...whole.map((count) => Math.abs(count / mean - 1)))
}

const steady = { serviceMs: () => SERVICE_MS, meanMs: SERVICE_MS, seed: 1 }
const READERS = { 'whole seconds': SECONDS, milliseconds: MILLISECONDS }

for (const [name, obey] of Object.entries(READERS)) {
  test(`500 refused callers that obey ${name} come back at an even pace, and a lane with other callers keeps its own`, (t) => {
    const { returns, done, served } = storm({ ...steady, obey, others: true })
    const off = unevenness(returns)
    assert.ok(off <= EVEN_RATIO, returns.join(' '))
    assert.ok(Math.min(...done) >= 0.95 * (1000 / (SERVICE_MS / LIMIT)), done.join(' '))
    assert.equal(served, STORM)
    t.diagnostic(`${name}, others call: returns a second ${returns.join(' ')}; completed ${done.join(' ')}`)
  })
}

test('500 refused callers that obey milliseconds keep a lane without other callers busy', (t) => {
  const { returns, done, served } = storm({ ...steady, obey: MILLISECONDS, others: false })
  assert.ok(unevenness(returns) <= EVEN_RATIO, returns.join(' '))
  assert.ok(Math.min(...done) >= 0.95 * (1000 / (SERVICE_MS / LIMIT)), done.join(' '))
  assert.equal(served, STORM)
  t.diagnostic(`milliseconds, alone: returns a second ${returns.join(' ')}; completed ${done.join(' ')}`)
})

test('500 refused callers that obey whole seconds leave a lane without other callers idle until 2 s, and then keep it busy', (t) => {
  const { returns, done, served } = storm({ ...steady, obey: SECONDS, others: false })
  assert.ok(unevenness(returns) <= EVEN_RATIO, returns.join(' '))
  // The queue holds one second of work. The earliest return is just after that second, which rounds up to two.
  const first = returns.findIndex((count) => count > 0)
  assert.equal(first, 2)
  assert.ok(Math.min(...done.slice(first)) >= 0.95 * (1000 / (SERVICE_MS / LIMIT)), done.join(' '))
  assert.equal(served, STORM)
  t.diagnostic(`whole seconds, alone: returns a second ${returns.join(' ')}; completed ${done.join(' ')}`)
})

test('callers also come back at the right pace if calls take from 0.5 to 1.5 times the mean', (t) => {
  const shares = Array.from({ length: 20 }, (_, seed) => {
    const serviceMs = (random: number): number => SERVICE_MS * (0.5 + random)
    const { returns, done } = storm({ ...steady, serviceMs, seed, obey: MILLISECONDS, others: false })
    assert.ok(unevenness(returns) <= EVEN_RATIO, `seed ${seed}: ${returns.join(' ')}`)
    const mean = done.slice(0, -1).reduce((sum, count) => sum + count, 0) / (done.length - 1)
    return mean / (1000 / (SERVICE_MS / LIMIT))
  })
  t.diagnostic(`share of the capacity, 20 seeds: ${Math.min(...shares).toFixed(3)} and more`)
  assert.ok(Math.min(...shares) >= 0.95, shares.map((share) => share.toFixed(3)).join(' '))
})

for (const [name, obey] of Object.entries(READERS)) {
  test(`when 500 calls take longer than the longest advice, callers that obey ${name} come back evenly in its upper half`, (t) => {
    const parts = { serviceMs: () => 1600, meanMs: 1600, seed: 1, obey, others: false }
    const { returns, done, served, refusedMs } = storm(parts)
    const early = returns.slice(2, 15)
    const late = returns.slice(16, 30)
    assert.ok(unevenness([...late, 0]) <= EVEN_RATIO, returns.join(' '))
    assert.ok(Math.max(...early) <= (1 + EVEN_RATIO) * 5, returns.join(' '))
    assert.ok(Math.min(...done) >= 5, done.join(' '))
    assert.ok(Math.max(...refusedMs) <= 30_000)
    assert.ok(served > 0)
    t.diagnostic(`${name}, 5 places a second: returns a second ${returns.join(' ')}`)
  })
}
