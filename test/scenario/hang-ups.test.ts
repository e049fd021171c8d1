/**
 * Callers that hang up, for various reasons, beside callers that wait for their answers. A healthy tool must keep its
 * limit, and the limit of a tool that really slows down must fall. A whole lane runs on virtual time, with random
 * numbers from a fixed seed.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../src/cli/demo/seeded-random.ts'
import { Gate } from '../../src/gate/gate.ts'
import type { LaneEvent } from '../../src/lane/event.ts'
import type { ControllerSettings } from '../../src/lane/settings.ts'
import { laneSettings, SEED_LAW } from '../support/lane-settings.ts'
import { rethrow } from '../support/rethrow.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const LIMIT = 16
/** Laws under which errors lower the limit: `gradient` ignores errors, and `fixed` never moves. */
const LAWS: readonly ControllerSettings[] = [SEED_LAW, { algorithm: 'adaptive' }]

/** One stream of calls. Milliseconds. */
interface Stream {
  readonly everyMs: number
  readonly agent: () => string
  readonly patienceMs: () => number
  /** Time that the tool takes for these calls; by default the time that it takes for all calls. */
  readonly toolMs?: () => number
}

class World {
  readonly clock = new VirtualClock()
  readonly gate: Gate
  /** 0 <= n < 1 */
  readonly random: () => number
  /** A call takes 50 ms plus an exponential time of mean 50 ms, times this: at 1, a mean of 100 and a p95 of 200 ms. */
  slowdown = 1
  lowest = LIMIT
  answers = 0
  /** Reasons with which the limit moved. */
  readonly reasons = new Set<string>()

  constructor(controller: ControllerSettings, seed = 7) {
    this.random = seededRandom(seed)
    const settings = laneSettings({ maxConcurrent: LIMIT, controller })
    const tell = (event: LaneEvent): void => {
      if (event.kind === 'decided' && event.decision.action !== 'hold')
        this.reasons.add(event.decision.reason)
    }
    this.gate = new Gate(settings, { clock: this.clock, random: () => 0.5, tell, failed: rethrow })
  }

  start(stream: Stream): void {
    this.clock.after(stream.everyMs * 2 * this.random(), () => {
      this.#call(stream)
      this.start(stream)
    })
  }

  run(seconds: number): void {
    for (let i = 0; i < seconds * 10; i++) {
      this.clock.advance(100)
      this.lowest = Math.min(this.lowest, this.gate.lane.depths().limit)
    }
  }

  #call({ agent, patienceMs, toolMs }: Stream): void {
    const name = agent()
    const entry = this.gate.enter({ agentOf: () => name }, () => undefined)
    if (entry.kind === 'queued') entry.leave()
    if (entry.kind !== 'granted') return
    const { lease } = entry
    const tookMs = toolMs?.() ?? this.slowdown * (50 - 50 * Math.log(1 - this.random()))
    const leftMs = patienceMs()
    const end =
      tookMs <= leftMs
        ? ({ cause: 'completed', verdict: 'ok', latencyMs: tookMs } as const)
        : ({ cause: 'cancelled', verdict: 'dropped', latencyMs: leftMs } as const)
    this.clock.after(Math.min(tookMs, leftMs), () => {
      if (end.verdict === 'ok') this.answers++
      lease.settle(end)
    })
  }
}

const PATIENT: Stream = { everyMs: 50, agent: () => 'patient', patienceMs: () => Infinity }

/** Ways in which callers hang up, most of them 40 times a second (every 25 ms). */
const LEAVERS: Readonly<Record<string, (world: World) => Stream>> = {
  'after 20 ms': () => ({ everyMs: 25, agent: () => 'leaver', patienceMs: () => 20 }),
  'after 20 ms, each as another agent': ({ random }) => ({
    everyMs: 25,
    agent: () => String(random()),
    patienceMs: () => 20,
  }),
  'at once': ({ random }) => ({ everyMs: 25, agent: () => String(random()), patienceMs: () => 0 }),
  'after 5 ms, 500 times a second': ({ random }) => ({
    everyMs: 2,
    agent: () => String(random()),
    patienceMs: () => 5,
  }),
  'at random times': ({ random }) => ({
    everyMs: 25,
    agent: () => String(random()),
    patienceMs: () => 600 * random(),
  }),
  'just after the p95': ({ random }) => ({
    everyMs: 25,
    agent: () => String(random()),
    patienceMs: () => 205,
  }),
  'just after the time from which a hang-up counts': ({ random }) => ({
    everyMs: 25,
    agent: () => String(random()),
    patienceMs: () => 320,
  }),
  'from calls that are always slow': () => ({
    everyMs: 250,
    agent: () => 'leaver',
    patienceMs: () => 1000,
    toolMs: () => 60_000,
  }),
  'from calls that are always slow, each as another agent': ({ random }) => ({
    everyMs: 250,
    agent: () => String(random()),
    patienceMs: () => 1000,
    toolMs: () => 60_000,
  }),
}

for (const controller of LAWS) {
  for (const [how, leavers] of Object.entries(LEAVERS)) {
    test(`${controller.algorithm} keeps the limit of a healthy tool when callers hang up ${how}`, () => {
      const world = new World(controller)
      world.start(PATIENT)
      world.start(leavers(world))
      world.run(90)
      assert.ok(!world.reasons.has('error_rate_high'))
      // `adaptive` sometimes tries a lower limit by itself, also without any hang-ups.
      if (controller.algorithm === 'aimd') assert.equal(world.lowest, LIMIT)
      assert.ok(world.gate.lane.depths().limit >= LIMIT / 2)
      assert.ok(world.answers > 90 * 15, `${world.answers} answers`)
      world.gate.close('DRAINING')
    })
  }

  test(`${controller.algorithm} keeps the limit when callers hang up before the lane has a sample`, () => {
    const world = new World(controller)
    world.start({ everyMs: 100, agent: () => String(world.random()), patienceMs: () => 30 })
    world.run(20)
    world.start(PATIENT)
    world.run(30)
    assert.equal(world.lowest, LIMIT)
    world.gate.close('DRAINING')
  })
}

for (const controller of LAWS) {
  for (const [whose, agents] of [
    ['one agent', 1],
    ['ten agents', 10],
  ] as const) {
    test(`${controller.algorithm} lowers the limit when a tool slows down and the callers of ${whose} give up`, () => {
      const world = new World(controller)
      const agent = (): string => String(Math.floor(agents * world.random()))
      world.start({ everyMs: 20, agent, patienceMs: () => 3000 })
      world.run(30)
      assert.equal(world.lowest, LIMIT)
      world.slowdown = 100
      world.run(60)
      assert.ok(world.lowest <= LIMIT / 2, `the limit fell to ${world.lowest} only`)
      world.gate.close('DRAINING')
    })
  }
}
