/**
 * What a law costs: 10,000 calls a second of 100 ms each (1,000 in flight) told to it for 20 simulated seconds, with
 * its steps, as a share of one core. Prints a line for each law of src/lane.
 *
 *     node bench/control/cost.ts
 */
import { createLimiter } from '../../src/lane/limit/create.ts'
import type { ControllerSettings } from '../../src/lane/settings.ts'

const CALLS_PER_MS = 10
const LATENCY_MS = 100
const SECONDS = 20
const BOUNDS = { min: 1, max: 4000 }
const END = { cause: 'completed', verdict: 'ok', latencyMs: LATENCY_MS, spread: 0.5 } as const

interface CostCall {
  readonly grantedAtMs: number
  readonly waitedMs: number
  readonly answeredAfterMs: number | undefined
}

/** Milliseconds of processor time; without settings, of the loop alone. */
function spentMs(settings: ControllerSettings | undefined): number {
  const limiter = settings === undefined ? undefined : createLimiter(settings)
  const running: CostCall[] = []
  let first = 0
  let limit = 2000
  const startedAt = process.cpuUsage()
  for (let nowMs = 0; nowMs < SECONDS * 1000; nowMs++) {
    while (first < running.length && (running[first] as CostCall).grantedAtMs + LATENCY_MS <= nowMs) {
      limiter?.ended(running[first++] as CostCall, END, nowMs)
      limit = limiter?.step(limit, BOUNDS, nowMs)?.limit ?? limit
      if (limiter === undefined) first++
    }
    for (let call = 0; call < CALLS_PER_MS; call++) {
      const sent = { grantedAtMs: nowMs, waitedMs: 0, answeredAfterMs: undefined }
      running.push(sent)
      limiter?.sent(sent, running.length - first)
    }
  }
  const { user, system } = process.cpuUsage(startedAt)
  return (user + system) / 1000
}

for (const settings of [
  { algorithm: 'adaptive' },
  { algorithm: 'gradient' },
  { algorithm: 'fixed' },
] as const) {
  spentMs(settings)
  const costMs = spentMs(settings) - spentMs(undefined)
  const calls = CALLS_PER_MS * 1000 * SECONDS
  console.log(
    `${settings.algorithm.padEnd(9)} ${((costMs * 1e6) / calls).toFixed(0)} ns a call, ` +
      `${((100 * costMs) / (SECONDS * 1000)).toFixed(2)} % of a core at 10,000 calls a second`,
  )
}
