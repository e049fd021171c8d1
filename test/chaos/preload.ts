/**
 * Loaded into the Spillway under test before its own code. SIGUSR2 makes the wall clock jump by hours, forward or back,
 * as a suspended machine or a wrong NTP server does. On the message `memory` the process collects garbage and answers
 * with its heap size and its number of active resources.
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
// The channel must not keep the process alive after the test has exited.
process.channel?.unref()
