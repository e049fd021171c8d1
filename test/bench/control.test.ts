/**
 * The benchmark as a whole: repeatable, fair to every law, right where the answer is known, and its scenarios and
 * reports well formed.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { run } from '../../bench/control/engine/run.ts'
import { laws } from '../../bench/control/laws.ts'
import { measure } from '../../bench/control/measure.ts'
import { findOracle, oracleSetup } from '../../bench/control/oracle.ts'
import { picture } from '../../bench/control/report/picture.ts'
import { interval, geometricMean } from '../../bench/control/report/interval.ts'
import { svg } from '../../bench/control/report/svg.ts'
import { table } from '../../bench/control/report/table.ts'
import { capacityPerSec, oracleBoundsMs } from '../../bench/control/scenario.ts'
import type { Scenario } from '../../bench/control/scenario.ts'
import { scenarios } from '../../bench/control/scenarios.ts'

const POOL: Scenario = {
  name: 'a-pool',
  about: 'A pool of 10, overloaded twice.',
  seconds: 30,
  lane: { startConcurrent: 4, maxConcurrent: 50 },
  tool: { capacity: { kind: 'pool', servers: 10 }, service: { meanMs: 200, cv: 0 } },
  callers: [{ rate: [{ atSeconds: 0, perSecond: 100 }], patienceSeconds: 10 }],
}

for (const law of laws) {
  test(`the same seed gives the same run under ${law.name}`, () => {
    const once = () => measure(POOL, run(POOL, law.setupFor(POOL, [10]), 3), undefined)
    assert.deepEqual(once(), once())
  })
}

test('every law meets the same callers', () => {
  const requests = new Set(laws.map((law) => run(POOL, law.setupFor(POOL, [10]), 3).ledger.requests))
  assert.equal(requests.size, 1)
})

test('the oracle of a pool of 10 with constant service times is 10', () => {
  assert.deepEqual(findOracle(POOL, [1, 2]), [10])
})

test('a fixed limit below the capacity gives its share of the goodput, one above gives all of it', () => {
  const goodput = (limit: number): number =>
    run(POOL, oracleSetup(POOL, [limit]), 1).ledger.goods / POOL.seconds
  assert.ok(Math.abs(goodput(5) - 25) < 0.5, `${goodput(5)}`)
  assert.ok(Math.abs(goodput(10) - 50) < 1, `${goodput(10)}`)
  assert.ok(Math.abs(goodput(40) - 50) < 1, `${goodput(40)}`)
})

test('without overload every request is answered', () => {
  const calm = { ...POOL, callers: [{ rate: [{ atSeconds: 0, perSecond: 10 }], patienceSeconds: 10 }] }
  const { ledger } = run(calm, oracleSetup(calm, [10]), 1)
  assert.ok(ledger.requests - ledger.goods <= 4, 'only those still running at the end are missing')
})

test('a law that src does not know is run by the production lane', () => {
  const arc = laws.find(({ name }) => name === 'vector-arc')
  assert.ok(arc)
  const { ledger } = run(POOL, arc.setupFor(POOL, [10]), 1)
  assert.ok((ledger.bins[0]?.limit ?? 9) <= 2, 'it begins where it was published to begin')
  assert.ok((ledger.bins.at(-1)?.limit ?? 0) > 5)
})

test('adaptive reaches nine tenths of a known capacity within 30 s', () => {
  const adaptive = laws.find(({ name }) => name === 'adaptive')
  assert.ok(adaptive)
  const { bins } = run(POOL, adaptive.setupFor(POOL, [10]), 1).ledger
  const late = bins.slice(40)
  assert.ok(late.reduce((sum, bin) => sum + bin.good, 0) / (late.length / 2) >= 45)
})

test('every scenario has a name of its own, sane figures and phases within its time', () => {
  assert.equal(new Set(scenarios.map(({ name }) => name)).size, scenarios.length)
  for (const scenario of scenarios) {
    assert.match(scenario.name, /^[a-z0-9.-]+$/)
    assert.ok(capacityPerSec(scenario.tool) > 0)
    const bounds = oracleBoundsMs(scenario)
    assert.equal(bounds[0], 0)
    assert.ok(bounds.every((atMs) => atMs < scenario.seconds * 1000))
    assert.ok(scenario.callers.every(({ rate }) => rate.every(({ perSecond }) => perSecond >= 0)))
    assert.deepEqual(structuredClone(scenario), scenario, 'a scenario is plain data')
  }
})

test('an interval is the t interval of the mean', () => {
  assert.deepEqual(interval([5]), { mean: 5, half: 0 })
  const { mean, half } = interval([1, 2, 3])
  assert.equal(mean, 2)
  assert.ok(Math.abs(half - 4.3 / Math.sqrt(3)) < 1e-9)
  assert.ok(Math.abs(geometricMean([1, 4]) - 2) < 1e-9)
})

test('a table is aligned', () => {
  assert.equal(
    table([
      ['a', 'one'],
      ['longer', '2'],
    ]),
    'a       one\nlonger    2',
  )
})

test('a picture is one SVG without scripts, with the law and the oracle in every panel', () => {
  const { bins } = run(POOL, oracleSetup(POOL, [10]), 1, true).ledger
  const drawn = svg(picture({ ...POOL, about: 'a < b & c' }, { name: 'fixed', bins }, bins))
  assert.match(drawn, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" /)
  assert.ok(drawn.includes('a &lt; b &amp; c') && !drawn.includes('<script'))
  assert.equal(drawn.match(/<polyline /g)?.length, 7)
  assert.ok(!/NaN|Infinity|undefined/.test(drawn))
})
