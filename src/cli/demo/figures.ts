/**
 * Computes the figures of one run from the records of its calls. Pure. Latency is what the agent saw: the time from the
 * call to its end, with the wait for a worker, all tries and the waits between them.
 */
import { percentile } from '../../lane/sample.ts'
import type { CallRecord, Ending } from './caller.ts'
import type { Counts } from './tool.ts'

export interface Run {
  readonly records: readonly CallRecord[]
  /** Monotonic milliseconds: the start of the quiet phase, which lasts until the burst. */
  readonly quietFromMs: number
  readonly burstFromMs: number
  readonly burstToMs: number
  /** The flaky tool's own counts at the end of the run. */
  readonly counts: Counts
}

export interface Figures {
  /** Calls to the flaky tool, each with up to three tries. */
  readonly calls: number
  readonly succeeded: number
  /** Milliseconds, of the calls that succeeded; undefined without any. */
  readonly p50Ms: number | undefined
  readonly p95Ms: number | undefined
  readonly p99Ms: number | undefined
  /** Milliseconds, of all calls, including those that were given up. */
  readonly allP99Ms: number | undefined
  readonly requests: number
  readonly endings: Readonly<Record<Ending, number>>
  /** Milliseconds, of the calls to the healthy tool that began in the quiet phase, or in the burst. */
  readonly healthyQuietP99Ms: number | undefined
  readonly healthyBurstP99Ms: number | undefined
  readonly counts: Counts
}

export function figuresOf(run: Run): Figures {
  const flaky = run.records.filter(({ tool }) => tool === 'flaky')
  const good = latenciesMs(flaky.filter(({ succeeded }) => succeeded))
  return {
    calls: flaky.length,
    succeeded: good.length,
    p50Ms: percentile(good, 0.5),
    p95Ms: percentile(good, 0.95),
    p99Ms: percentile(good, 0.99),
    allP99Ms: percentile(latenciesMs(flaky), 0.99),
    requests: flaky.reduce((sum, { tries }) => sum + tries.length, 0),
    endings: countEndings(flaky),
    healthyQuietP99Ms: healthyP99Ms(run.records, run.quietFromMs, run.burstFromMs),
    healthyBurstP99Ms: healthyP99Ms(run.records, run.burstFromMs, run.burstToMs),
    counts: run.counts,
  }
}

function countEndings(records: readonly CallRecord[]): Record<Ending, number> {
  const endings: Record<Ending, number> = { ok: 0, failed: 0, refused: 0, timed_out: 0, broken: 0 }
  for (const { tries } of records) for (const ending of tries) endings[ending]++
  return endings
}

function latenciesMs(records: readonly CallRecord[]): Float64Array {
  return Float64Array.from(records, ({ askedAtMs, endedAtMs }) => endedAtMs - askedAtMs)
}

function healthyP99Ms(records: readonly CallRecord[], fromMs: number, toMs: number): number | undefined {
  const asked = records.filter(
    ({ tool, askedAtMs }) => tool === 'healthy' && askedAtMs >= fromMs && askedAtMs < toMs,
  )
  return percentile(latenciesMs(asked), 0.99)
}
