/**
 * The figures of a finished run. Two of them, seconds down and seconds back, also need the oracle's run.
 */
import { BIN_MS } from './engine/ledger.ts'
import type { Bin } from './engine/ledger.ts'
import type { Run } from './engine/run.ts'
import type { Scenario } from './scenario.ts'

export interface Measures {
  /** Requests answered in time, and all requests. */
  readonly goods: number
  readonly requests: number
  /** Attempts a request. */
  readonly amplification: number
  /** Share of the tool's work done for callers who had gone. */
  readonly wastedRatio: number
  /** Milliseconds in the tool. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly meanRefusalWaitMs: number
  /** Seconds; undefined in scenarios without a drop, Infinity when it never came. */
  readonly downSeconds: number | undefined
  readonly backSeconds: number | undefined
}

/** The limit counts as down when it is at most this many times the new best one. */
const DOWN_RATIO = 2.6
/** The law counts as back at this share of the oracle's goodput, in the mean of the next BACK_BINS. */
const BACK_RATIO = 0.9
const BACK_BINS = 10

/** The oracle's run around a drop. */
export interface DropReference {
  readonly bestLimit: number
  /** Good answers in a bin after the capacity is back. */
  readonly goodsPerBin: number
}

export function dropReference(
  scenario: Scenario,
  oracle: { limits: readonly number[]; boundsMs: readonly number[]; bins: readonly Bin[] },
): DropReference | undefined {
  const { drop } = scenario
  if (drop === undefined) return undefined
  const phase = oracle.boundsMs.findLastIndex((atMs) => atMs <= drop.atSeconds * 1000)
  const after = oracle.bins.slice((drop.backAtSeconds * 1000) / BIN_MS)
  return {
    bestLimit: oracle.limits[phase] as number,
    goodsPerBin: after.reduce((sum, bin) => sum + bin.good, 0) / after.length,
  }
}

export function measure(
  scenario: Scenario,
  { ledger, tool }: Run,
  reference: DropReference | undefined,
): Measures {
  const latencies = ledger.latencies()
  const at = (ratio: number): number => latencies[Math.max(0, Math.ceil(ratio * latencies.length) - 1)] ?? 0
  return {
    goods: ledger.goods,
    requests: ledger.requests,
    amplification: ledger.attempts / Math.max(1, ledger.requests),
    wastedRatio: tool.done.wastedMs / Math.max(1, tool.done.workMs),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    meanRefusalWaitMs: ledger.refusalWaitMs / Math.max(1, ledger.refusals),
    downSeconds: reference && secondsDown(scenario, ledger.bins, reference),
    backSeconds: reference && secondsBack(scenario, ledger.bins, reference),
  }
}

function secondsDown(scenario: Scenario, bins: readonly Bin[], reference: DropReference): number | undefined {
  const { drop } = scenario
  if (drop === undefined) return undefined
  const [first, last] = [(drop.atSeconds * 1000) / BIN_MS, (drop.backAtSeconds * 1000) / BIN_MS]
  const index = bins.slice(first, last).findIndex((bin) => bin.limit <= DOWN_RATIO * reference.bestLimit)
  // A law that never comes down is charged the whole time of the drop.
  return index < 0 ? drop.backAtSeconds - drop.atSeconds : ((index + 1) * BIN_MS) / 1000
}

function secondsBack(scenario: Scenario, bins: readonly Bin[], reference: DropReference): number | undefined {
  const { drop } = scenario
  if (drop === undefined) return undefined
  const after = bins.slice((drop.backAtSeconds * 1000) / BIN_MS)
  const isBack = (index: number): boolean => {
    const next = after.slice(index, index + BACK_BINS)
    return next.reduce((sum, bin) => sum + bin.good, 0) >= BACK_RATIO * reference.goodsPerBin * next.length
  }
  const index = after.findIndex((_, place) => place + BACK_BINS <= after.length && isBack(place))
  return index < 0 ? scenario.seconds - drop.backAtSeconds : (index * BIN_MS) / 1000
}
