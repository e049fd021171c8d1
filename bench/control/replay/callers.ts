/**
 * The callers on real sockets: the simulation's open-loop Poisson stream with the same seed, so the same calls come at
 * the same moments. Each calls once and hangs up when its patience is over. Units: milliseconds from the beginning.
 */
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { Agent, request } from 'undici'
import type { Ledger } from '../engine/ledger.ts'
import { Random, streamSeed } from '../engine/random.ts'
import type { Scenario } from '../scenario.ts'
import { NUMBER_HEADER } from './tool.ts'

/** As ../engine/run.ts and ../engine/callers.ts seed the first stream and its arrivals. */
export const callersSeed = (seed: number): number => streamSeed(seed, 1000)

export interface Beginning {
  /** Of performance.now(). */
  readonly zeroMs: number
}

export async function until({ zeroMs }: Beginning, atMs: number): Promise<void> {
  const waitMs = zeroMs + atMs - performance.now()
  if (waitMs > 0) await delay(waitMs)
}

/** The moments at which calls come. Errors: a scenario whose callers do what the replay does not. */
function arrivalsMs(scenario: Scenario, seed: number): number[] {
  const [callers, ...others] = scenario.callers
  const rate = callers?.rate[0]
  if (rate === undefined || callers?.rate.length !== 1 || others.length > 0 || (callers.tries ?? 1) > 1) {
    throw new Error(`${scenario.name}: the replay knows one stream of callers, one rate and one try`)
  }
  const random = new Random(streamSeed(callersSeed(seed), -1))
  const moments: number[] = []
  for (;;) {
    const atMs = (moments.at(-1) ?? 0) + random.exponential(1000 / rate.perSecond)
    if (atMs >= scenario.seconds * 1000) return moments
    moments.push(atMs)
  }
}

/** Makes all calls of the scenario; resolves when its time is over and no connection is left. */
export async function callAll(
  url: string,
  plan: { scenario: Scenario; seed: number; beginning: Beginning; ledger: Ledger },
): Promise<void> {
  const { scenario, beginning, ledger } = plan
  const patienceMs = (scenario.callers[0]?.patienceSeconds ?? 0) * 1000
  const connections = new Agent({ pipelining: 1 })
  const over = new AbortController()
  const calls: Promise<void>[] = []
  const failures: unknown[] = []
  for (const [number, atMs] of arrivalsMs(scenario, plan.seed).entries()) {
    await until(beginning, atMs)
    const signal = AbortSignal.any([over.signal, AbortSignal.timeout(patienceMs)])
    calls.push(callOnce(url, { number, connections, signal, ledger, failures }))
  }
  await until(beginning, scenario.seconds * 1000)
  over.abort()
  await Promise.all(calls)
  await connections.destroy()
  // A call that neither was answered nor hung up makes the measurement worthless.
  if (failures.length > 0) throw new Error(`${failures.length} calls broke`, { cause: failures[0] })
}

interface Call {
  readonly number: number
  readonly connections: Agent
  readonly signal: AbortSignal
  readonly ledger: Ledger
  readonly failures: unknown[]
}

async function callOnce(url: string, { number, connections, signal, ledger, failures }: Call): Promise<void> {
  const askedAtMs = performance.now()
  ledger.request()
  ledger.attempt()
  try {
    const headers = { [NUMBER_HEADER]: String(number) }
    const {
      statusCode,
      headers: said,
      body,
    } = await request(url, { dispatcher: connections, signal, headers })
    await body.dump()
    if (statusCode === 200) {
      ledger.good()
      ledger.answered(upstreamMs(String(said['server-timing'])))
    } else if (said['x-spillway-reason'] !== undefined) ledger.refused(performance.now() - askedAtMs)
  } catch (error) {
    if (!signal.aborted) failures.push(error)
  }
}

function upstreamMs(serverTiming: string): number {
  return Number(/upstream;dur=([\d.]+)/.exec(serverTiming)?.[1])
}
