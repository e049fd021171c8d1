/**
 * Loaded into a Spillway under test before its own code. SIGUSR2: the wall clock jumps by hours, there or back, as after
 * a suspended machine or a wrong NTP server. A message `memory` on the process' channel: collects garbage and answers
 * with what is held.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const HOURS_MS = 7 * 3_600_000
const realNow = Date.now.bind(Date)
let aheadMs = 0

Date.now = () => realNow() + aheadMs
process.on('SIGUSR2', () => (aheadMs = aheadMs === 0 ? HOURS_MS : aheadMs > 0 ? -HOURS_MS : 0))

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

process.on('message', (message) => {
  if (message !== 'memory') return
  collect()
  const { heapUsed, external } = process.memoryUsage()
  process.send?.({ heapBytes: heapUsed + external, handles: process.getActiveResourcesInfo().length })
})
// A process whose test has gone goes on as one without a test would.
process.channel?.unref()
