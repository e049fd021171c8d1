/**
 * One chaos run: random calls and faults with invariants checked throughout, then a check that the lanes become idle and
 * that the process drains cleanly. The same seed gives the same calls and faults; their interleaving depends on timing.
 */
import { Random, streamSeed } from '../../bench/control/engine/random.ts'
import { pause } from '../support/eventually.ts'
import { call } from './callers.ts'
import { heal, strike } from './faults.ts'
import { callSteadily, checkRest, openFiles, watch } from './invariants.ts'
import { Ledger } from './ledger.ts'
import { startWorld } from './world.ts'
import type { World } from './world.ts'

export interface ChaosOptions {
  readonly seed: number
  readonly seconds: number
  /** Starts a Redis as the fleet's store. */
  readonly withStore: boolean
  /** Gets a line of progress every 10 s. */
  readonly progress?: (line: string) => void
}

export interface ChaosReport {
  readonly violations: readonly string[]
  readonly counts: ReadonlyMap<string, number>
  /** The last lines of the log, to find the cause of a violation. */
  readonly log: readonly string[]
}

/** Number of callers, with one connection each. */
const CALLERS = 24
/** Longest time between two faults. */
const QUIET_MS = 700
const PROGRESS_MS = 10_000
/** Files that may be open at the end beyond those at the start: idle connections kept for reuse. */
const FILES_KEPT = 40

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { seed, seconds, progress } = options
  const ledger = new Ledger()
  await using world = await startWorld(ledger, options.withStore)
  const { spillway } = world
  const ended = new AbortController()
  void spillway.exited.then(() => ended.abort())
  const filesBefore = openFiles(spillway.pid)
  const endsAtMs = performance.now() + seconds * 1000
  const isOver = (): boolean => ended.signal.aborted || performance.now() > endsAtMs
  const timer = setInterval(() => {
    const calls = [...ledger.counts]
      .filter(([what]) => what.startsWith('caller'))
      .reduce((sum, [, n]) => sum + n, 0)
    progress?.(
      `${Math.ceil((endsAtMs - performance.now()) / 1000)} s left, ${calls} calls, ${ledger.violations.length} violations`,
    )
  }, PROGRESS_MS)
  const callers = new Callers(world, ledger, seed)
  const parts = {
    world,
    ledger,
    random: new Random(streamSeed(seed, 1)),
    burst: (calls: number) => callers.burst(calls),
  }
  const ways = Array.from({ length: CALLERS }, () => callers.keepCalling(isOver))
  const faults = (async () => {
    while (!isOver()) {
      await pause(parts.random.next() * QUIET_MS)
      await strike(parts)
    }
  })()
  await Promise.all([...ways, faults, watch(world, ledger, isOver), callSteadily(world, ledger, isOver)])
  clearInterval(timer)
  if (ended.signal.aborted) ledger.fail('the process has ended')
  else {
    await heal(parts)
    await callers.done()
    await checkRest(world, ledger)
    const files = openFiles(spillway.pid)
    if (files > filesBefore + FILES_KEPT)
      ledger.fail(`${files} files are open at the end, ${filesBefore} at the start`)
    spillway.signal('SIGTERM')
    const code = await spillway.exited
    if (code !== 0) ledger.fail(`the drain ended with code ${String(code)}`)
  }
  return { violations: ledger.violations, counts: ledger.counts, log: spillway.lines.slice(-40) }
}

class Callers {
  readonly #world: World
  readonly #ledger: Ledger
  readonly #seed: number
  readonly #open = new Set<Promise<void>>()
  #count = 0

  constructor(world: World, ledger: Ledger, seed: number) {
    this.#world = world
    this.#ledger = ledger
    this.#seed = seed
  }

  async keepCalling(isOver: () => boolean): Promise<void> {
    while (!isOver()) await this.#call()
  }

  burst(calls: number): void {
    for (let i = 0; i < calls; i++) {
      const under = this.#call()
      this.#open.add(under)
      void under.finally(() => this.#open.delete(under))
    }
  }

  /** Resolves when every call of a burst is over. */
  async done(): Promise<void> {
    await Promise.all(this.#open)
  }

  #call(): Promise<void> {
    const index = ++this.#count
    const random = new Random(streamSeed(this.#seed, index + 1000))
    const tool = this.#world.wild[index % this.#world.wild.length]?.facts.name ?? ''
    return call({ port: this.#world.spillway.proxyPort, tool }, `c${index}`, { ledger: this.#ledger, random })
  }
}
