/**
 * Starts the demo's processes, with this process's own Node, and stops all of them, each by its handle, however the demo
 * ends. Must not know what the processes do.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import type { Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../time/system.ts'

/** Milliseconds for a process to say that it is ready; it takes 0.2 to 0.6 s on a slow machine. */
const READY_WITHIN_MS = 15_000
/** Milliseconds from SIGTERM to SIGKILL for a process that is stopped. */
const STOP_WITHIN_MS = 2000

/** The path of a script relative to this file, with this file's ending: `.ts` in the repository, `.js` in the package. */
export function scriptBeside(path: string): string {
  return fileURLToPath(new URL(path + extname(import.meta.url), import.meta.url))
}

export interface Program {
  /** For error messages. */
  readonly name: string
  readonly script: string
  readonly args: readonly string[]
}

export interface Started<T> {
  readonly ready: T
  readonly stop: () => Promise<void>
}

export class Children {
  readonly #running = new Set<ChildProcess>()
  readonly #stopping = new Set<ChildProcess>()
  #isClosed = false
  #lost: string | undefined
  /** If a bug ends this process, no time is left for SIGTERM. */
  readonly #killAll = (): void => {
    for (const child of this.#running) child.kill('SIGKILL')
  }

  constructor() {
    process.on('exit', this.#killAll)
  }

  /**
   * Starts a program and passes each line that it prints to `readReady`. Resolves with the first result that is not
   * undefined. Errors: the program ended before that, or took too long.
   */
  async start<T>(program: Program, readReady: (line: string) => T | undefined): Promise<Started<T>> {
    if (this.#isClosed) throw new Error(`${program.name} was not started: the demo is over`)
    const child = spawn(process.execPath, [program.script, ...program.args], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: withoutSettings(process.env),
    })
    this.#running.add(child)
    child.once('exit', () => {
      this.#running.delete(child)
      if (!this.#stopping.delete(child)) this.#lost ??= program.name
    })
    child.once('error', () => {
      if (child.pid === undefined) this.#running.delete(child)
    })
    const lines = createInterface({ input: child.stdout })
    const ready = await untilReady(program, { child, lines }, (line) =>
      this.#isClosed ? undefined : readReady(line),
    )
    return { ready, stop: () => this.#stop(child) }
  }

  /** Errors: a program ended by itself, so the measurements are invalid. */
  assertAlive(): void {
    if (this.#lost !== undefined) throw new Error(`${this.#lost} ended in the middle of the run`)
  }

  /** Stops what still runs. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#running].map((child) => this.#stop(child)))
    process.off('exit', this.#killAll)
  }

  async #stop(child: ChildProcess): Promise<void> {
    if (!this.#running.has(child)) return
    this.#stopping.add(child)
    const exit = once(child, 'exit')
    const timer = systemClock.after(STOP_WITHIN_MS, () => child.kill('SIGKILL'))
    child.kill('SIGTERM')
    await exit
    timer.clear()
  }
}

function untilReady<T>(
  program: Program,
  { child, lines }: { child: ChildProcess; lines: Interface },
  readReady: (line: string) => T | undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = (what: string): void => {
      timer.clear()
      reject(new Error(`${program.name} ${what}`))
    }
    const timer = systemClock.after(READY_WITHIN_MS, () => fail('did not start in time'))
    child.once('error', (error) => fail(`could not be started: ${error.message}`))
    child.once('exit', (code, signal) => fail(`ended (${code ?? signal ?? 'unknown'})`))
    lines.on('line', (line) => {
      const told = readReady(line)
      if (told === undefined) return
      timer.clear()
      resolve(told)
    })
  })
}

/** Without the user's SPILLWAY_ variables, so that only the demo configures its Spillway. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('SPILLWAY_')))
}
