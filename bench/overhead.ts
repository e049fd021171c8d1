/**
 * Measures the cost of a request through Spillway, compared with http-proxy 1.18.1 and a direct call in the same run: CPU
 * time of the proxy process, throughput, and added latency at a moderate rate. Before that, it checks that all three give
 * the same answer. On a shared machine absolute figures vary, so rounds are interleaved, medians are printed, and only
 * ratios should be quoted. `npm run bench [-- --quick]`. Linux only: CPU time is read from /proc.
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import autocannon from 'autocannon'
import { pacedLatencies } from './overhead/paced.ts'
import { median, printTable } from './overhead/table.ts'
import { children, start } from './children.ts'

const isQuick = process.argv.includes('--quick')
const ROUNDS = isQuick ? 2 : 5
const SATURATED_SECONDS = isQuick ? 2 : 4
const CONNECTIONS = 32
/** Calls a second for the comparison of latency: all three are far from saturation at this rate. */
const PACED_RATE = 500
const PACED_SECONDS = isQuick ? 2 : 4
/** Linux counts CPU time in /proc/PID/stat in ticks of 1/100 s on every machine. */
const TICKS_PER_SECOND = 100

const NAMES = ['direct', 'http-proxy 1.18.1', 'spillway'] as const
type Name = (typeof NAMES)[number]

interface Subject {
  readonly name: Name
  readonly url: string
  /** The process whose CPU time is measured; undefined for the direct call. */
  readonly pid: number | undefined
}

interface Round {
  readonly cpuUs: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

async function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

const fileOf = (name: string): string => new URL(name, import.meta.url).pathname

async function startAll(folder: string): Promise<Subject[]> {
  const origin = await start([fileOf('overhead/origin.ts')], /"port":(\d+)/)
  const url = `http://127.0.0.1:${origin.port}`
  const reference = await start([fileOf('overhead/http-proxy.ts'), url], /"port":(\d+)/)
  // The limit is fixed: an adaptive law would read the saturated machine as a congested tool and lower the limit.
  const yaml = join(folder, 'tools.yaml')
  writeFileSync(
    yaml,
    `tools: { t: { upstream: "${url}", match: [{ path: / }], maxConcurrent: ${2 * CONNECTIONS}, controller: { algorithm: fixed } } }\n`,
  )
  const ports = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--log', 'text']
  const spillway = await start(
    [fileOf('../src/main.ts'), 'run', '-c', yaml, ...ports],
    /listen=127\.0\.0\.1:(\d+)/,
  )
  return [
    { name: 'direct', url, pid: undefined },
    { name: 'http-proxy 1.18.1', url: `http://127.0.0.1:${reference.port}`, pid: reference.pid },
    { name: 'spillway', url: `http://127.0.0.1:${spillway.port}`, pid: spillway.pid },
  ]
}

/** Throws unless the direct call and both proxies give the same answer. */
async function checkAnswers(subjects: readonly Subject[]): Promise<void> {
  const answers = await Promise.all(subjects.map(async ({ url }) => (await fetch(`${url}/x`)).text()))
  if (new Set(answers).size !== 1) throw new Error(`the answers differ: ${answers.join(' | ')}`)
}

function cpuSeconds(pid: number): number {
  // The command name in parentheses may contain spaces. utime and stime are the 12th and 13th field after it.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

async function measure({ url, pid }: Subject): Promise<Round> {
  const before = pid === undefined ? 0 : cpuSeconds(pid)
  const result = await autocannon({ url: `${url}/x`, connections: CONNECTIONS, duration: SATURATED_SECONDS })
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${result.non2xx + result.errors} calls failed at ${url}`)
  const cpu = pid === undefined ? NaN : cpuSeconds(pid) - before
  const { p50Ms, p99Ms } = await pacedLatencies(url, PACED_RATE, PACED_SECONDS)
  const calls = result['2xx']
  return { cpuUs: (cpu / calls) * 1e6, perSecond: calls / result.duration, p50Ms, p99Ms }
}

function report(rounds: Readonly<Record<Name, Round[]>>) {
  const of = (name: Name, key: keyof Round): number => median(rounds[name].map((round) => round[key]))
  return NAMES.map((name) => ({
    name,
    cpu_us_per_request: of(name, 'cpuUs'),
    requests_per_second: of(name, 'perSecond'),
    p50_ms: of(name, 'p50Ms'),
    p99_ms: of(name, 'p99Ms'),
    added_p50_ms: of(name, 'p50Ms') - of('direct', 'p50Ms'),
    added_p99_ms: of(name, 'p99Ms') - of('direct', 'p99Ms'),
  }))
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-bench-'))
  const rounds: Record<Name, Round[]> = { direct: [], 'http-proxy 1.18.1': [], spillway: [] }
  try {
    const subjects = await startAll(folder)
    await checkAnswers(subjects)
    // Round 0 is a warm-up for the JIT compilers and does not count.
    for (let round = 0; round <= ROUNDS; round++) {
      process.stderr.write(`round ${round} of ${ROUNDS}${round === 0 ? ' (warm-up)' : ''}\n`)
      for (const subject of subjects) {
        const figures = await measure(subject)
        if (round > 0) rounds[subject.name].push(figures)
      }
    }
  } finally {
    for (const child of children) child.kill()
    await Promise.all(children.map(exited))
    rmSync(folder, { recursive: true, force: true })
  }
  const rows = report(rounds)
  printTable(rows)
  const ratio = (rows[1]?.cpu_us_per_request ?? NaN) / (rows[2]?.cpu_us_per_request ?? NaN)
  process.stdout.write(
    `\nspillway takes ${ratio.toFixed(2)} times less CPU a request than http-proxy 1.18.1\n\n`,
  )
  process.stdout.write(
    `${JSON.stringify({ rounds: ROUNDS, connections: CONNECTIONS, cpu_ratio: ratio, rows })}\n`,
  )
}

await main()
