/**
 * One scenario on real sockets: a Spillway process, a tool process, and callers in this one. What is counted goes into
 * the simulation's own ledger; limit and leases come from /lanes/:tool at the end of each of its bins. Loopback only;
 * both processes are stopped by handle, however the run ends.
 */
import { writeFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { Children } from '../../../src/cli/demo/children.ts'
import { Scratch } from '../../../src/cli/demo/spillway.ts'
import { BIN_MS, Ledger } from '../engine/ledger.ts'
import { laneShape } from '../scenario.ts'
import type { Scenario } from '../scenario.ts'
import { callAll, callersSeed, until } from './callers.ts'
import type { Beginning } from './callers.ts'
import type { Inside, ToolOrder } from './tool.ts'

/** Milliseconds within which the admin listener and the tool must tell their figures. */
const TELL_WITHIN_MS = 5000

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

export async function replay(scenario: Scenario, algorithm: string, seed: number): Promise<Ledger> {
  const children = new Children()
  const scratch = new Scratch()
  try {
    const tool = await startTool(children, { model: scenario.tool, seed: callersSeed(seed) })
    writeFileSync(scratch.file, yaml(scenario, algorithm, tool))
    const { listen, admin } = await startSpillway(children, scratch.file)
    await get(`${tool}/begin`)
    const beginning = { zeroMs: performance.now() }
    const ledger = new Ledger(true)
    await Promise.all([
      callAll(`${listen}/tool/call`, { scenario, seed, beginning, ledger }),
      sampleAll(scenario, { lane: `${admin}/lanes/tool`, inside: `${tool}/inside`, beginning, ledger }),
    ])
    children.assertAlive()
    return ledger
  } finally {
    await children.close()
    scratch.close()
  }
}

/** The simulation's lane, as a file. */
function yaml(scenario: Scenario, algorithm: string, upstream: string): string {
  const lane = Object.entries(laneShape(scenario)).map(([key, value]) => `    ${key}: ${value}`)
  return `listen: 127.0.0.1:0
admin: 127.0.0.1:0
drainSeconds: 1
tools:
  tool:
    upstream: ${upstream}
${lane.join('\n')}
    controller: { algorithm: ${algorithm} }
`
}

async function startTool(children: Children, order: ToolOrder): Promise<string> {
  const program = { name: 'tool', script: path('tool.ts'), args: [JSON.stringify(order)] }
  const { ready } = await children.start(program, (line) => (JSON.parse(line) as { port: number }).port)
  return `http://127.0.0.1:${ready}`
}

async function startSpillway(children: Children, file: string): Promise<{ listen: string; admin: string }> {
  const args = ['run', '-c', file, '--log', 'text']
  const program = { name: 'spillway', script: path('../../../src/main.ts'), args }
  const { ready } = await children.start(program, (line) => {
    const [, listen, admin] = /listen=(\S+) admin=(\S+)/.exec(line) ?? []
    return listen === undefined ? undefined : { listen: `http://${listen}`, admin: `http://${admin}` }
  })
  return ready
}

interface Sources {
  readonly lane: string
  readonly inside: string
  readonly beginning: Beginning
  readonly ledger: Ledger
}

async function sampleAll(scenario: Scenario, { lane, inside, beginning, ledger }: Sources): Promise<void> {
  for (let atMs = BIN_MS; atMs <= scenario.seconds * 1000; atMs += BIN_MS) {
    await until(beginning, atMs)
    const [told, { inTool }] = await Promise.all([
      get(lane) as Promise<{ limit: number; active_workers: number }>,
      get(inside) as Promise<Inside>,
    ])
    ledger.closeBin({ limit: told.limit, active: told.active_workers, inTool })
  }
}

async function get(url: string): Promise<unknown> {
  const response = await fetch(url, { signal: AbortSignal.timeout(TELL_WITHIN_MS) })
  const text = await response.text()
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}
