/**
 * The demo's agents. Some call the healthy tool at a steady rate from beginning to end. After a quiet phase many more call
 * the flaky tool, each with one call at a time. All their random numbers come from one seed, so that the two runs differ
 * only in where the calls go.
 */
import { Agent } from 'undici'
import { delay, systemClock } from '../../time/system.ts'
import { call } from './caller.ts'
import type { CallerParts, CallRecord } from './caller.ts'
import { seededRandom } from './seeded-random.ts'
import { Workers } from './workers.ts'
import {
  AGENTS,
  BURST_MS,
  HEALTHY_CALLS_PER_SEC,
  ONSET_MS,
  QUIET_MS,
  SEED,
  THINK_MS,
  WARM_UP_MS,
  WORKERS,
} from './workload.ts'

export interface Fleet {
  /** Monotonic milliseconds: the start of the quiet phase, which lasts until the burst. */
  readonly quietFromMs: number
  readonly burstFromMs: number
  readonly burstToMs: number
  /** Grows while the fleet is at work, in the order in which the calls ended. */
  readonly records: readonly CallRecord[]
  /** Resolves when the last agent has its answer or has given up. */
  readonly finished: Promise<void>
}

export function startFleet(urls: CallerParts['urls']): Fleet {
  const connections = new Agent({ connections: WORKERS, pipelining: 1 })
  const parts: CallerParts = { urls, workers: new Workers(WORKERS), connections }
  const quietFromMs = systemClock.nowMs() + WARM_UP_MS
  const burstFromMs = quietFromMs + QUIET_MS
  const burstToMs = burstFromMs + BURST_MS
  const records: CallRecord[] = []
  const record = (done: CallRecord): void => void records.push(done)
  const agents = Array.from({ length: AGENTS }, (_, number) =>
    burst(parts, { number, burstFromMs, burstToMs, record }),
  )
  const all = Promise.all([...agents, callSteadily(parts, burstToMs, record)])
  return { quietFromMs, burstFromMs, burstToMs, records, finished: all.then(() => connections.close()) }
}

interface Burst {
  readonly number: number
  readonly burstFromMs: number
  readonly burstToMs: number
  readonly record: (done: CallRecord) => void
}

async function burst(parts: CallerParts, { number, burstFromMs, burstToMs, record }: Burst): Promise<void> {
  const random = seededRandom(SEED + 1 + number)
  await until(burstFromMs + random() * ONSET_MS)
  while (systemClock.nowMs() < burstToMs) {
    record(await call(parts, 'flaky', random))
    await delay(THINK_MS * (0.5 + random()))
  }
}

/** Calls with exponential gaps, which do not depend on the answers, so that no call waits for the one before it. */
async function callSteadily(parts: CallerParts, toMs: number, record: Burst['record']): Promise<void> {
  const random = seededRandom(SEED)
  const calls: Promise<void>[] = []
  for (let askAtMs = systemClock.nowMs(); askAtMs < toMs; askAtMs += gapMs(random())) {
    await until(askAtMs)
    calls.push(call(parts, 'healthy', random).then(record))
  }
  await Promise.all(calls)
}

function gapMs(random: number): number {
  return (-Math.log(1 - random) * 1000) / HEALTHY_CALLS_PER_SEC
}

async function until(atMs: number): Promise<void> {
  const waitMs = atMs - systemClock.nowMs()
  if (waitMs > 0) await delay(waitMs)
}
