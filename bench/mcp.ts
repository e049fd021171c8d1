/**
 * The cost of reading MCP messages. First the two readers alone, in microseconds. Then the same call through a plain lane and
 * through an MCP lane of one Spillway process, in CPU time for each request; the rounds alternate, so that changes of the
 * machine's speed affect both. `npm run bench:mcp`. Linux only, since the CPU time is read from /proc.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import autocannon from 'autocannon'
import { BodyReader } from '../src/mcp/read.ts'
import { EventScan } from '../src/mcp/event-scan.ts'
import { MessageScan } from '../src/mcp/message-scan.ts'
import { median, printTable } from './overhead/table.ts'
import { children, start } from './children.ts'

const ROUNDS = 5
const SECONDS = 3
const CONNECTIONS = 32
const TICKS_PER_SECOND = 100
const BODY_BYTES = [200, 16_384]
const ALONE_BYTES = [200, 16_384, 1_048_576]
const ALONE_MS = 400

const fileOf = (name: string): string => new URL(name, import.meta.url).pathname
/** A tools/call of about `bytes` bytes, half of them in one string. */
function callOf(bytes: number): string {
  const list = Array.from({ length: Math.max(1, Math.floor(bytes / 40)) }, (_, n) => ({
    n,
    text: 'two words',
  }))
  const params = { name: 'search', arguments: { list, text: 'x'.repeat(Math.floor(bytes / 2)) } }
  const whole = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })
  if (whole.length <= bytes) return whole
  const text = 'x'.repeat(Math.max(0, bytes - 90))
  return JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'search', arguments: { text } },
  })
}

function cpuMs(pid: number): number {
  const [user = 0, system = 0] = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
    .slice(11, 13)
    .map(Number)
  return ((user + system) / TICKS_PER_SECOND) * 1000
}

async function cpuUsOf(url: string, body: string, pid: number): Promise<number> {
  const before = cpuMs(pid)
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
  const result = await autocannon({
    url,
    connections: CONNECTIONS,
    duration: SECONDS,
    method: 'POST',
    headers,
    body,
  })
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${url}: ${result.non2xx} answers were not 200`)
  return ((cpuMs(pid) - before) * 1000) / result['2xx']
}

/** Microseconds of one run, measured after a warm-up. */
function alone(run: () => void): number {
  for (const endsAt = performance.now() + ALONE_MS / 4; performance.now() < endsAt;) run()
  let runs = 0
  const startedAt = performance.now()
  for (; performance.now() < startedAt + ALONE_MS; runs++) run()
  return ((performance.now() - startedAt) * 1000) / runs
}

const us = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0))

function readersAlone(): void {
  const headers = {
    contentType: ['application/json'],
    contentEncoding: [],
    version: [],
    method: [],
    name: [],
  }
  const rows = ALONE_BYTES.map((bytes) => {
    const request = Buffer.from(callOf(bytes))
    const answer = { jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: callOf(bytes) }] } }
    const event = Buffer.from(`data: ${JSON.stringify(answer)}\n\n`)
    const scan = new EventScan(new MessageScan(() => undefined))
    return {
      bytes: String(bytes),
      'reading the request, us': us(alone(() => void new BodyReader(request, headers).step(Infinity))),
      'reading a response in a stream, us': us(alone(() => scan.write(event))),
    }
  })
  printTable(rows)
}

const folder = mkdtempSync(join(tmpdir(), 'spillway-bench-'))
try {
  readersAlone()
  const origin = await start([fileOf('overhead/origin.ts')], /"port":(\d+)/)
  const lane = `upstream: "http://127.0.0.1:${origin.port}", maxConcurrent: 64, controller: { algorithm: fixed }`
  const yaml = join(folder, 'tools.yaml')
  writeFileSync(yaml, `tools: { plain: { ${lane} }, mcp: { ${lane}, mcp: {} } }\n`)
  const ports = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--log', 'text']
  const { port, pid } = await start(
    [fileOf('../src/main.ts'), 'run', '-c', yaml, ...ports],
    /listen=127\.0\.0\.1:(\d+)/,
  )
  const rows: Record<string, string | number>[] = []
  for (const bytes of BODY_BYTES) {
    const body = callOf(bytes)
    const rounds: { plain: number; mcp: number }[] = []
    await cpuUsOf(`http://127.0.0.1:${port}/mcp`, body, pid)
    for (let round = 0; round < ROUNDS; round++) {
      rounds.push({
        plain: await cpuUsOf(`http://127.0.0.1:${port}/plain`, body, pid),
        mcp: await cpuUsOf(`http://127.0.0.1:${port}/mcp`, body, pid),
      })
    }
    const [plain, mcp] = [median(rounds.map((each) => each.plain)), median(rounds.map((each) => each.mcp))]
    rows.push({
      'bytes of the call': String(body.length),
      'plain lane, CPU us': us(plain),
      'MCP lane, CPU us': us(mcp),
      ratio: mcp / plain,
    })
  }
  printTable(rows)
} finally {
  for (const child of children) child.kill('SIGTERM')
  rmSync(folder, { recursive: true, force: true })
}
