/**
 * Measures whether the laws of several sidecars on one tool work against each other. Real lanes, gates, memberships and a
 * store in memory run on the virtual clock, with the tool of bench/control/engine, whose latency depends on the calls of all
 * sidecars. Compared with a fixed limit, and with one lane that gets all calls: the best that one elected writer could
 * reach. `npm run bench:fleet-control`.
 */
import { Membership } from '../../src/fleet/membership.ts'
import { MemoryHub } from '../../src/fleet/memory.ts'
import { Gate } from '../../src/gate/gate.ts'
import type { Turn } from '../../src/gate/gate.ts'
import type { ControllerSettings } from '../../src/lane/settings.ts'
import { laneSettings, SEED_LAW } from '../../test/support/lane-settings.ts'
import { Agenda } from '../control/engine/agenda.ts'
import { Random, streamSeed } from '../control/engine/random.ts'
import { Tool, ToolCall } from '../control/engine/tool.ts'
import type { ToolModel } from '../control/scenario.ts'

const CAP = 40
const SIDECARS = 4
const SECONDS = 120
const TTL_MS = 10_000
/** Milliseconds of a round trip to the store, and between two settlings of promises. */
const STEP_MS = 1
const SEEDS = [1, 2, 3]

interface World {
  readonly name: string
  readonly tool: ToolModel
  /** Calls a second at each sidecar of the fleet. */
  readonly perSec: readonly number[]
}

const SERVICE: ToolModel['service'] = { meanMs: 100, cv: 1 }

const WORLDS: readonly World[] = [
  {
    name: 'capacity 12, even load',
    tool: { capacity: { kind: 'sharing', knee: 12, fall: 0.05 }, service: SERVICE },
    perSec: [40, 40, 40, 40],
  },
  {
    name: 'capacity 12, one sidecar with most of the load',
    tool: { capacity: { kind: 'sharing', knee: 12, fall: 0.05 }, service: SERVICE },
    perSec: [130, 10, 10, 10],
  },
  {
    name: 'capacity 24, from 40 s on 8, from 80 s on 24',
    tool: {
      capacity: { kind: 'sharing', knee: 24, fall: 0.05 },
      service: SERVICE,
      changes: [
        { atSeconds: 40, capacity: 8 },
        { atSeconds: 80, capacity: 24 },
      ],
    },
    perSec: [45, 45, 45, 45],
  },
]

interface Result {
  readonly goodPerSec: number
  readonly toolMs: number
  readonly inTool: number
  /** Jain's fairness index of the sidecars' shares of calls done among calls offered: 1 is even. */
  readonly fairness: number
  readonly overCap: number
}

async function run(
  world: World,
  controller: ControllerSettings,
  perSec: readonly number[],
  seed: number,
): Promise<Result> {
  const agenda = new Agenda()
  const { clock } = agenda
  const tool = new Tool(world.tool, agenda)
  const hub = new MemoryHub(clock, true)
  const done = perSec.map(() => 0)
  let [toolMs, calls] = [0, 0]
  for (const [index, rate] of perSec.entries()) {
    const random = new Random(streamSeed(seed, index))
    const tell: { kind: () => void } = { kind: () => undefined }
    const settings = laneSettings({
      maxConcurrent: CAP,
      startConcurrent: CAP,
      ttlMs: TTL_MS,
      maxQueueDepth: 400,
      controller,
    })
    const failed = (error: unknown): never => {
      throw error
    }
    const gate = new Gate(settings, {
      clock,
      random: () => random.next(),
      tell: () => tell.kind(),
      failed,
    })
    if (perSec.length > 1) {
      const store = hub.open({ fleet: 'f', sidecar: `s${index}`, ttlMs: 10_000, answerWithinMs: 1000 })
      const parts = { store, lane: gate, clock, random: () => random.next(), tell: () => undefined }
      const membership = new Membership(
        { tool: 't', cap: CAP, ttlMs: 10_000, onStoreLoss: 'local-share' },
        parts,
      )
      store.listen((news) => membership.heard(news))
      tell.kind = membership.notice
    }
    const granted = (turn: Turn): void => {
      if (turn.kind !== 'granted') return
      const beganMs = agenda.nowMs
      const call = new ToolCall(() => {
        const latencyMs = agenda.nowMs - beganMs
        turn.lease.settle({ cause: 'completed', verdict: 'ok', latencyMs })
        done[index]!++
        toolMs += latencyMs
        calls++
      })
      tool.begin(call, random)
    }
    const arrive = (): void => {
      const entered = gate.enter({}, granted)
      if (entered.kind !== 'queued') granted(entered)
      agenda.at(agenda.nowMs + random.exponential(1000 / rate), arrive)
    }
    agenda.at(random.exponential(1000 / rate), arrive)
  }
  let [inTool, looks, overCap] = [0, 0, 0]
  for (let atMs = STEP_MS; atMs <= SECONDS * 1000; atMs += STEP_MS) {
    agenda.runUntil(atMs)
    for (let i = 0; i < 8; i++) await Promise.resolve()
    inTool += tool.inFlight
    looks++
    overCap = Math.max(overCap, tool.inFlight - CAP)
  }
  const shares = done.map((count, index) => count / perSec[index]!)
  const sum = shares.reduce((a, b) => a + b, 0)
  const squares = shares.reduce((a, b) => a + b * b, 0)
  return {
    goodPerSec: calls / SECONDS,
    toolMs: toolMs / calls,
    inTool: inTool / looks,
    fairness: (sum * sum) / (shares.length * squares),
    overCap,
  }
}

function mean(results: readonly Result[], key: keyof Result): number {
  return results.reduce((sum, result) => sum + result[key], 0) / results.length
}

async function compare(world: World): Promise<void> {
  console.log(`\n${world.name} (${world.perSec.join(' + ')} calls/s offered, cap ${CAP})`)
  console.log('| law | calls/s | ms in the tool | calls in the tool | evenness | most over the cap |')
  console.log('|---|---|---|---|---|---|')
  const all = [world.perSec.reduce((a, b) => a + b, 0)]
  const ways = [
    ['each sidecar, fixed', { algorithm: 'fixed' }, world.perSec],
    ['each sidecar, adaptive', { algorithm: 'adaptive' }, world.perSec],
    ['each sidecar, aimd', { ...SEED_LAW, decreaseAboveP95Ms: 800, increaseBelowP95Ms: 400 }, world.perSec],
    ['one lane with all calls, adaptive', { algorithm: 'adaptive' }, all],
    ['one lane with all calls, aimd', { ...SEED_LAW, decreaseAboveP95Ms: 800, increaseBelowP95Ms: 400 }, all],
  ] as const satisfies readonly (readonly [string, ControllerSettings, readonly number[]])[]
  for (const [name, controller, perSec] of ways) {
    const results: Result[] = []
    for (const seed of SEEDS) results.push(await run(world, controller, perSec, seed))
    const figures = [
      mean(results, 'goodPerSec').toFixed(1),
      mean(results, 'toolMs').toFixed(0),
      mean(results, 'inTool').toFixed(1),
      mean(results, 'fairness').toFixed(3),
      Math.max(...results.map(({ overCap }) => overCap)),
    ]
    console.log(`| ${name} | ${figures.join(' | ')} |`)
  }
}

console.log(`${SIDECARS} sidecars, ${SECONDS} s, seeds ${SEEDS.join(', ')}`)
for (const world of WORLDS) await compare(world)
