/**
 * The whole example in one command, `npm run example:mcp`: starts the server, Spillway in front of it and the agent, prints
 * the counters of the lane at the end, and stops the processes.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const START_TIMEOUT_MS = 15_000
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
}

async function until(url: string): Promise<void> {
  const endsAt = performance.now() + START_TIMEOUT_MS
  for (;;) {
    const response = await fetch(url).catch(() => undefined)
    await response?.body?.cancel()
    if (response !== undefined) return
    if (performance.now() > endsAt) throw new Error(`nothing answers at ${url}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const children = [
  start(here('server.ts')),
  start(here('../../src/main.ts'), 'run', '-c', here('tools.yaml'), '--log', 'text'),
]
try {
  await until('http://127.0.0.1:3900/mcp')
  await until('http://127.0.0.1:9190/healthz')
  const agent = spawn(process.execPath, [here('agent.ts')], { stdio: 'inherit' })
  process.exitCode = await new Promise<number>((resolve) => agent.on('exit', (code) => resolve(code ?? 1)))
  const lane = (await (await fetch('http://127.0.0.1:9190/lanes/search-slow')).json()) as {
    totals: object
    mcp: object
  }
  console.log('\nthe lane of the slow tools:', JSON.stringify({ totals: lane.totals, mcp: lane.mcp }))
} finally {
  for (const child of children) child.kill('SIGTERM')
}
