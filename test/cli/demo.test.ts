/**
 * The demo's pure parts: the tool's model, the figures and the table. The demo itself takes most of a minute and is run
 * by hand.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CallRecord, Ending } from '../../src/cli/demo/caller.ts'
import { figuresOf } from '../../src/cli/demo/figures.ts'
import type { Run } from '../../src/cli/demo/figures.ts'
import { failRatioOf, paceOf, SharedSpeed } from '../../src/cli/demo/knee.ts'
import { seededRandom } from '../../src/cli/demo/seeded-random.ts'
import { limitMove, limitPath, listenAddress, shown } from '../../src/cli/demo/narration.ts'
import { align, comparison } from '../../src/cli/demo/table.ts'
import { Workers } from '../../src/cli/demo/workers.ts'
import { toolsYaml } from '../../src/cli/demo/workload.ts'
import { parseSettings } from '../../src/config/load.ts'

const KNEE = { calls: 8, thrash: 0.25 }
const COUNTS = { started: 10, answered: 5, failed: 1, wasted: 4, running: 0, mostAtOnce: 7 }

function called(
  tool: CallRecord['tool'],
  fromMs: number,
  toMs: number,
  tries: readonly Ending[],
): CallRecord {
  return { tool, askedAtMs: fromMs, endedAtMs: toMs, succeeded: tries.at(-1) === 'ok', tries }
}

function runOf(records: readonly CallRecord[]): Run {
  return { records, quietFromMs: 100, burstFromMs: 200, burstToMs: 300, counts: COUNTS }
}

describe("the demo's tool", () => {
  it('gives every call full pace up to the knee, and loses throughput beyond it', () => {
    assert.equal(paceOf(1, KNEE), 1)
    const speeds = [8, 9, 16, 24, 56, 200].map((active) => active * paceOf(active, KNEE))
    assert.ok(speeds.every((speed, i) => (i === 0 ? speed === 8 : speed < speeds[i - 1]!)))
    assert.ok(speeds[5]! < 2)
  })

  it('fails no call up to three times the knee, and at most half of them', () => {
    assert.equal(failRatioOf(24, KNEE), 0)
    assert.ok(failRatioOf(30, KNEE) > 0)
    assert.equal(failRatioOf(1000, KNEE), 0.5)
  })

  it('ends calls that overlap as if they had shared its speed', () => {
    const work = new SharedSpeed<string>({ calls: 1, thrash: 0 }, 0)
    work.begin('long', 100, 0)
    work.begin('short', 30, 40)
    // From 40 on both run at half pace: short needs 60 ms, and then long has 30 ms of work left, alone.
    assert.equal(work.nextDueAtMs(), 100)
    assert.deepEqual(work.take(99), [])
    assert.deepEqual(work.take(100), ['short'])
    assert.equal(work.nextDueAtMs(), 130)
    assert.deepEqual(work.take(500), ['long'])
    assert.equal(work.active, 0)
    assert.equal(work.nextDueAtMs(), Infinity)
  })

  it('ends calls at the same times whether it is asked once or often', () => {
    const begin = (): SharedSpeed<number> => {
      const work = new SharedSpeed<number>(KNEE, 0)
      for (let call = 0; call < 20; call++) work.begin(call, 100 + call, call)
      return work
    }
    const [often, seen]: [SharedSpeed<number>, number[]] = [begin(), []]
    for (let nowMs = 20; nowMs <= 1000; nowMs++) seen.push(...often.take(nowMs))
    assert.deepEqual(seen, begin().take(1000))
  })
})

describe("the demo's figures", () => {
  it('counts success per call and effort per request', () => {
    const figures = figuresOf(
      runOf([
        called('flaky', 200, 300, ['ok']),
        called('flaky', 200, 1200, ['refused', 'ok']),
        called('flaky', 200, 8200, ['timed_out', 'failed', 'timed_out']),
        called('healthy', 210, 220, ['ok']),
      ]),
    )
    assert.deepEqual([figures.calls, figures.succeeded, figures.requests], [3, 2, 6])
    assert.deepEqual([figures.p50Ms, figures.p99Ms, figures.allP99Ms], [100, 1000, 8000])
    assert.deepEqual(figures.endings, { ok: 2, failed: 1, refused: 1, timed_out: 2, broken: 0 })
  })

  it('sorts the calls to the healthy tool by when they were asked, into before and during the overload', () => {
    const figures = figuresOf(
      runOf([
        called('healthy', 99, 999, ['ok']),
        called('healthy', 100, 120, ['ok']),
        called('healthy', 199, 229, ['ok']),
        called('healthy', 200, 260, ['ok']),
        called('healthy', 300, 999, ['ok']),
      ]),
    )
    assert.equal(figures.healthyQuietP99Ms, 30)
    assert.equal(figures.healthyBurstP99Ms, 60)
  })
})

describe("the demo's table", () => {
  it('puts the figures of both runs under their headings', () => {
    const [none, one] = [called('flaky', 200, 900, ['failed']), called('flaky', 200, 320, ['ok'])]
    const lines = comparison(figuresOf(runOf([none])), figuresOf(runOf([one]))).split('\n')
    assert.match(lines[0]!, /^ +straight at the tool +through Spillway$/)
    assert.match(
      lines.find((line) => line.includes('that succeeded'))!,
      / 0 \(0 %\) +1 \(100 %\)$/,
    )
    assert.match(
      lines.find((line) => line.includes('p50'))!,
      / - +120 ms$/,
    )
    assert.match(
      lines.find((line) => line.includes('wasted'))!,
      /4 \(40 %\) +4 \(40 %\)$/,
    )
  })

  it('aligns names to the left and figures to the right', () => {
    assert.equal(
      align([
        ['', 'one'],
        ['name', '1'],
      ]),
      '       one\nname     1\n',
    )
  })
})

describe("what the demo reads from Spillway's log", () => {
  const TIME = 'time=2026-11-07T10:00:00.000Z'
  const MOVE = `${TIME} tool=flaky controller_action=decrease_concurrency new_limit=22 old_limit=24 reason=latency_high`

  it('finds the address where Spillway listens', () => {
    const line = `${TIME} msg=listening listen=127.0.0.1:4711 admin=127.0.0.1:4712`
    assert.equal(listenAddress(line), '127.0.0.1:4711')
    assert.equal(listenAddress(MOVE), undefined)
  })

  it('follows the changes of the limit', () => {
    assert.deepEqual(limitMove(MOVE), { tool: 'flaky', from: 24, to: 22 })
    assert.equal(
      limitPath([
        { tool: 'flaky', from: 24, to: 22 },
        { tool: 'flaky', from: 22, to: 20 },
      ]),
      '24 -> 22 -> 20',
    )
    assert.equal(limitPath([]), 'it did not move')
    assert.equal(limitMove(`${TIME} tool=flaky queue_depth=1/24`), undefined)
  })

  it('shows a line without its time and level, and leaves out the lines of a drain', () => {
    const line = `${TIME} level=warn tool=flaky admission=reject reason=QUEUE_SATURATED retry_after_ms=1500`
    assert.equal(shown(line), 'tool=flaky admission=reject reason=QUEUE_SATURATED retry_after_ms=1500')
    assert.equal(shown(`${TIME} drain=started open=0 seconds=1`), undefined)
  })
})

describe("the demo's set-up", () => {
  it('has a tools.yaml that Spillway accepts', () => {
    const text = toolsYaml({ flaky: 'http://127.0.0.1:4711', healthy: 'http://127.0.0.1:4712' })
    const parsed = parseSettings({ text, file: 'tools.yaml', env: {}, flags: {} })
    assert.deepEqual(parsed.ok ? parsed.settings.tools.map(({ tool }) => tool) : parsed.problems, [
      'flaky',
      'healthy',
    ])
  })

  it('gives the same numbers for the same seed', () => {
    const draw = (seed: number): number[] => Array.from({ length: 1000 }, seededRandom(seed))
    const draws = draw(7)
    assert.deepEqual(draw(7), draws)
    assert.notEqual(draw(8)[0], draws[0])
    assert.ok(draws.every((random) => random >= 0 && random < 1))
    assert.ok(Math.abs(draws.reduce((sum, random) => sum + random, 0) / 1000 - 0.5) < 0.05)
  })

  it('lets no more calls run than there are workers, first come first served', async () => {
    const workers = new Workers(2)
    const begun: number[] = []
    const ends: (() => void)[] = []
    const jobs = [0, 1, 2, 3].map((job) =>
      workers.run(() => new Promise<void>((resolve) => void (begun.push(job), ends.push(resolve)))),
    )
    assert.deepEqual(begun, [0, 1])
    ends[1]!()
    await jobs[1]
    assert.deepEqual(begun, [0, 1, 2])
    ends[0]!()
    await jobs[0]
    for (const end of ends) end()
    await Promise.all(jobs)
    assert.deepEqual(begun, [0, 1, 2, 3])
  })
})
