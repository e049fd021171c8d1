/**
 * Retry storm: the benchmark's scenario of that name, with a tool that is called directly and with an adaptive lane in
 * front of it. Callers without an answer try again, up to three times in all.
 */
import { run } from '../engine/run.ts'
import { laws } from '../laws.ts'
import { eleven } from '../scenarios/eleven.ts'
import type { FailureMode } from './failure-mode.ts'

const scenario = eleven.find(({ name }) => name === 'retry-storm')

export const retryStorm: FailureMode = {
  name: 'retry storm',
  about:
    'a pool drops from 20 to 6 for half a minute under callers who wait 8 s and try 3 times; half of them honour Retry-After.',
  without: 'callers alone',
  with: 'Spillway',
  run: (isWith, seed) => {
    const law = laws.find(({ name }) => name === (isWith ? 'adaptive' : 'unbounded'))
    if (scenario === undefined || law === undefined) throw new Error('the benchmark has lost a part')
    const { ledger, tool } = run(scenario, law.setupFor(scenario, []), seed)
    const most = Math.max(...ledger.bins.map((bin) => bin.inTool))
    return [
      { name: 'answered in time, share of requests', value: ledger.goods / ledger.requests, digits: 3 },
      { name: 'attempts per request', value: ledger.attempts / ledger.requests, digits: 2 },
      { name: "the tool's work that nobody waited for, %", value: wasted(tool.done), digits: 1 },
      { name: 'most calls at once in the tool', value: most, digits: 0 },
    ]
  },
}

function wasted({ workMs, wastedMs }: { workMs: number; wastedMs: number }): number {
  return (100 * wastedMs) / workMs
}
