/**
 * `npm run soak -- --minutes 15` loads one process with twice the capacity of its tool and samples heap, handles and open
 * files; exit code 1 if one of them keeps growing. Callers reuse connections and ignore Retry-After. A few hang up, a few
 * upload, and some call an MCP server's tool.
 */
import { Agent, request } from 'node:http'
import { parseArgs } from 'node:util'
import { pause } from '../support/eventually.ts'
import { after, fakeTool } from '../support/fake-tool.ts'
import { mcpTool } from '../support/mcp-tool.ts'
import { startSpillway } from '../support/process.ts'
import type { Spillway } from '../support/process.ts'
import { flatness } from './flat.ts'
import { openFiles } from './invariants.ts'

/** A call takes 100 ms at the tool and 8 run at a time, so the tool can answer 80 calls a second. */
const CALL_MS = 100
const CONCURRENT = 8
const CALLS_PER_SEC = (2 * CONCURRENT * 1000) / CALL_MS
const SAMPLE_MS = 5000
/** Bound of connections that the callers keep open. */
const CONNECTIONS = 400
const UPLOAD = 'x'.repeat(100_000)
const MCP_CALL = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'any' } })

interface Sample {
  readonly heapBytes: number
  readonly handles: number
  readonly files: number
}

interface Tally {
  calls: number
  readonly statuses: Map<string, number>
}

async function soak(minutes: number): Promise<boolean> {
  await using tool = await fakeTool(after(CALL_MS))
  await using mcp = await mcpTool()
  const env = { NODE_OPTIONS: `--import=${new URL('preload.ts', import.meta.url).href}` }
  await using spillway = await startSpillway(
    `
tools:
  busy: { upstream: "${tool.url}", maxConcurrent: ${CONCURRENT}, maxQueueDepth: 40, ttlSeconds: 2 }
  agents: { upstream: "${mcp.url}", mcp: {} }
`,
    { env, channel: true },
  )
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const tally: Tally = { calls: 0, statuses: new Map() }
  const endsAtMs = performance.now() + minutes * 60_000
  const samples: Sample[] = []
  const load = (async () => {
    const startedAtMs = performance.now()
    while (performance.now() < endsAtMs) {
      const due = Math.floor(((performance.now() - startedAtMs) / 1000) * CALLS_PER_SEC)
      while (tally.calls < due) send(spillway, agent, tally)
      await pause(10)
    }
  })()
  while (performance.now() < endsAtMs) {
    await pause(SAMPLE_MS)
    samples.push(await sample(spillway))
    if (samples.length % 12 === 0)
      console.log(
        `${Math.ceil((endsAtMs - performance.now()) / 1000)} s left: ${show(samples.at(-1))}, ${tally.calls} calls`,
      )
  }
  await load
  agent.destroy()
  for (const [what, count] of [...tally.statuses].toSorted())
    console.log(`${String(count).padStart(8)}  ${what}`)
  return judge(samples)
}

function send({ proxyPort: port }: Spillway, agent: Agent, tally: Tally): void {
  const turn = tally.calls++ % 20
  const count = (what: string): void => void tally.statuses.set(what, (tally.statuses.get(what) ?? 0) + 1)
  const body = turn === 1 ? UPLOAD : turn === 2 ? MCP_CALL : undefined
  const path = turn === 2 ? '/agents' : `/busy/${tally.calls}`
  const headers = { 'Content-Type': 'application/json', 'X-Agent-Id': `a${tally.calls % 50}` }
  const sent = request({
    port,
    host: '127.0.0.1',
    path,
    agent,
    method: body === undefined ? 'GET' : 'POST',
    headers,
  })
  sent.on('response', (response) => {
    count(String(response.statusCode))
    response.resume()
  })
  sent.on('error', () => count('no answer'))
  sent.end(body)
  if (turn === 3) setTimeout(() => sent.destroy(), CALL_MS / 2)
}

async function sample(spillway: Spillway): Promise<Sample> {
  const memory = (await spillway.ask('memory')) as { readonly heapBytes: number; readonly handles: number }
  return { ...memory, files: openFiles(spillway.pid) }
}

function show(each: Sample | undefined): string {
  return each === undefined
    ? ''
    : `heap ${mebibytes(each.heapBytes)} MiB, ${each.handles} handles, ${each.files} files`
}

function mebibytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(1)
}

function judge(samples: readonly Sample[]): boolean {
  const heap = flatness(
    samples.map(({ heapBytes }) => heapBytes),
    { growthRatio: 0.05, growthBy: 1_048_576 },
  )
  const handles = flatness(
    samples.map((each) => each.handles),
    { growthRatio: 0.05, growthBy: 20 },
  )
  const files = flatness(
    samples.map((each) => each.files),
    { growthRatio: 0.05, growthBy: 20 },
  )
  console.log(
    `heap in MiB: ${mebibytes(heap.middle)} in the middle third, ${mebibytes(heap.last)} in the last`,
  )
  console.log(`handles: ${handles.middle}, ${handles.last}; open files: ${files.middle}, ${files.last}`)
  const isFlat = heap.isFlat && handles.isFlat && files.isFlat
  console.log(isFlat ? 'flat' : 'NOT FLAT')
  return isFlat
}

const { values } = parseArgs({ options: { minutes: { type: 'string' } } })
const minutes = Number(values.minutes ?? 15)
if (minutes >= 1) process.exitCode = (await soak(minutes)) ? 0 : 1
else {
  console.error('usage: npm run soak -- [--minutes 15], at least 1')
  process.exitCode = 2
}
