/**
 * A real Spillway process on free ports, with a configuration written as YAML. Stopped by its own handle.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname
/** The Node that runs Spillway. .ci/run sets it to the oldest supported version, while the tests run on the newest. */
export const NODE = process.env['SPILLWAY_TEST_NODE'] ?? process.execPath
/** Milliseconds in which a process must say that it listens. */
const START_MS = 15_000

export interface Spillway extends AsyncDisposable {
  readonly proxy: string
  readonly proxyPort: number
  readonly admin: string
  readonly file: string
  readonly pid: number
  /** All lines written so far. */
  readonly lines: readonly string[]
  signal(name: NodeJS.Signals): void
  /** Sends a message and resolves with the answer. Needs the option `channel`. */
  ask(message: string): Promise<unknown>
  /** Resolves with the exit code. */
  readonly exited: Promise<number | null>
  lane(tool: string): Promise<LaneJson>
  metrics(): Promise<string>
}

/** The fields that the tests read from a lane's JSON. */
export interface LaneJson {
  readonly queue_depth: number
  readonly active_workers: number
  readonly limit: number
  readonly paused: boolean
  readonly p95_ms: number | null
  readonly error_rate: number
  readonly controller: {
    readonly algorithm: string
    readonly last_action: string | null
    readonly last_reason: string | null
  }
  readonly totals: {
    readonly admitted: number
    readonly completed: number
    readonly failed: number
    readonly reclaimed: number
    readonly cancelled: number
    readonly refused: Readonly<Record<string, number>>
  }
}

export interface StartOptions {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Opens an IPC channel to the process, so that preloaded code can answer messages. */
  readonly channel?: boolean
  /** The limit of open files for the process; by default that of the tests. */
  readonly openFiles?: number
}

/** Starts `spillway run` with this YAML; rejects with its output if it does not listen in time. */
export async function startSpillway(yaml: string, options: StartOptions = {}): Promise<Spillway> {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-'))
  const file = join(folder, 'tools.yaml')
  await writeFile(file, yaml)
  const args = ['run', '-c', file, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--log', 'text']
  const bare = [NODE, MAIN, ...args, ...(options.args ?? [])]
  const limited = ['sh', '-c', `ulimit -n ${options.openFiles ?? 0}; exec "$0" "$@"`, ...bare]
  const [program, ...words] = options.openFiles === undefined ? bare : limited
  const child = spawn(program ?? '', words, {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', ...(options.channel === true ? (['ipc'] as const) : [])],
  })
  const lines: string[] = []
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve))
  const ports = await new Promise<{ listen: string; admin: string }>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not listening: ${lines.join('\n')}`)), START_MS)
    const onText = (text: string): void => {
      lines.push(...text.split('\n').filter(Boolean))
      const found = /listen=(\S+) admin=(\S+)/.exec(lines.join('\n'))
      if (found === null) return
      clearTimeout(timer)
      resolve({ listen: found[1] ?? '', admin: found[2] ?? '' })
    }
    child.stdout?.setEncoding('utf8').on('data', onText)
    child.stderr?.setEncoding('utf8').on('data', onText)
    void exited.then((code) => {
      clearTimeout(timer)
      reject(new Error(`exit ${code}: ${lines.join('\n')}`))
    })
  })
  const admin = `http://${ports.admin}`
  return {
    proxy: `http://${ports.listen}`,
    proxyPort: Number(ports.listen.split(':').at(-1)),
    admin,
    file,
    pid: child.pid ?? 0,
    lines,
    exited,
    signal: (name) => void child.kill(name),
    ask: (message) =>
      new Promise((resolve) => {
        child.once('message', resolve)
        child.send(message)
      }),
    lane: async (tool) => (await (await fetch(`${admin}/lanes/${tool}`)).json()) as LaneJson,
    metrics: async () => (await fetch(`${admin}/metrics`)).text(),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}
