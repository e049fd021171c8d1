/**
 * Callers who hang up, whatever their reason, beside those who wait for their answers: a healthy tool keeps its lane,
 * and one that really slows down does not. A whole lane on virtual time; luck has a fixed seed.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gate } from '../../src/gate/gate.ts'
import type { LaneEvent } from '../../src/lane/event.ts'
import type { ControllerSettings } from '../../src/lane/settings.ts'
import { laneSettings, SEED_LAW } from '../support/lane-settings.ts'
import { rethrow } from '../support/rethrow.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const LIMIT = 16
/** `gradient` does not look at errors, and `fixed` at nothing. */
const LAWS: readonly ControllerSettings[] = [SEED_LAW, { algorithm: 'adaptive' }]

/** One stream of calls. Milliseconds. */
interface Stream {
  readonly everyMs: number
  readonly agent: () => string
  readonly patienceMs: () => number
  /** What the tool takes for these calls; left out, what it takes for all. */
  readonly toolMs?: () => number
}

class World {
  readonly clock = new VirtualClock()
  readonly gate: Gate
  /** 0 < n < 1 */
  readonly luck: () => number
  /** A call takes this many times 50 ms and an exponential share: a mean of 100, a p95 of 200. */
  slowdown = 1
  lowest = LIMIT
  answers = 0
  /** Why the limit moved. */
  readonly reasons = new Set<string>()

  constructor(controller: ControllerSettings, seed = 7) {
    let state = seed
    this.luck = () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647
    const settings = laneSettings({ maxConcurrent: LIMIT, controller })
    const tell = (event: LaneEvent): void => {
      if (event.kind === 'decided' && event.decision.action !== 'hold')
        this.reasons.add(event.decision.reason)
    }
    this.gate = new Gate(settings, { clock: this.clock, random: () => 0.5, tell, failed: rethrow })
  }

  start(stream: Stream): void {
    this.clock.after(stream.everyMs * 2 * this.luck(), () => {
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
    const entry = this.gate.enter({ agentOf: () => name })
    if (entry.kind === 'queued') entry.leave()
    if (entry.kind !== 'granted') return
    const { lease } = entry
    const tookMs = toolMs?.() ?? this.slowdown * (50 - 50 * Math.log(this.luck()))
    const leftMs = patienceMs()
    const end =
      tookMs <= leftMs
        ? ({ cause: 'completed', verdict: 'ok', latencyMs: tookMs } as const)
        : ({ cause: 'cancelled', verdict: 'dropped', latencyMs: leftMs } as const)
    this.clock.after(Math.min(tookMs, leftMs), () => {
      if (end.verdict === 'ok') this.answers++
      this.gate.settle(lease, end)
    })
  }
}

const PATIENT: Stream = { everyMs: 50, agent: () => 'patient', patienceMs: () => Infinity }

/** What leavers do, 40 times a second unless it says otherwise. */
const LEAVERS: Readonly<Record<string, (world: World) => Stream>> = {
  'after a moment': () => ({ everyMs: 25, agent: () => 'leaver', patienceMs: () => 20 }),
  'after a moment, each another agent': ({ luck }) => ({
    everyMs: 25,
    agent: () => String(luck()),
    patienceMs: () => 20,
  }),
  'at once': ({ luck }) => ({ everyMs: 25, agent: () => String(luck()), patienceMs: () => 0 }),
  'in a flood': ({ luck }) => ({ everyMs: 2, agent: () => String(luck()), patienceMs: () => 5 }),
  'at random times': ({ luck }) => ({
    everyMs: 25,
    agent: () => String(luck()),
    patienceMs: () => 600 * luck(),
  }),
  'just beyond the usual time': ({ luck }) => ({
    everyMs: 25,
    agent: () => String(luck()),
    patienceMs: () => 205,
  }),
  'just beyond what counts': ({ luck }) => ({
    everyMs: 25,
    agent: () => String(luck()),
    patienceMs: () => 320,
  }),
  'from calls that are slow for reasons of their own': () => ({
    everyMs: 250,
    agent: () => 'leaver',
    patienceMs: () => 1000,
    toolMs: () => 60_000,
  }),
  'from such calls, each another agent': ({ luck }) => ({
    everyMs: 250,
    agent: () => String(luck()),
    patienceMs: () => 1000,
    toolMs: () => 60_000,
  }),
}

for (const controller of LAWS) {
  for (const [how, leavers] of Object.entries(LEAVERS)) {
    test(`${controller.algorithm} keeps the lane of a healthy tool when callers leave ${how}`, () => {
      const world = new World(controller)
      world.start(PATIENT)
      world.start(leavers(world))
      world.run(90)
      assert.ok(!world.reasons.has('error_rate_high'))
      // Now and then `adaptive` tries a lower limit by itself, with as many patient callers just so.
      if (controller.algorithm === 'aimd') assert.equal(world.lowest, LIMIT)
      assert.ok(world.gate.lane.depths().limit >= LIMIT / 2)
      assert.ok(world.answers > 90 * 15, `${world.answers} answers`)
      world.gate.close()
    })
  }

  test(`${controller.algorithm} learns nothing from callers who leave before anything is known`, () => {
    const world = new World(controller)
    world.start({ everyMs: 100, agent: () => String(world.luck()), patienceMs: () => 30 })
    world.run(20)
    world.start(PATIENT)
    world.run(30)
    assert.equal(world.lowest, LIMIT)
    world.gate.close()
  })
}

for (const controller of LAWS) {
  for (const [whose, agents] of [
    ['one agent', 1],
    ['ten agents', 10],
  ] as const) {
    test(`${controller.algorithm} comes down when a tool slows down and the callers, of ${whose}, give up`, () => {
      const world = new World(controller)
      const agent = (): string => String(Math.floor(agents * world.luck()))
      world.start({ everyMs: 20, agent, patienceMs: () => 3000 })
      world.run(30)
      assert.equal(world.lowest, LIMIT)
      world.slowdown = 100
      world.run(60)
      assert.ok(world.lowest <= LIMIT / 2, `the limit fell to ${world.lowest} only`)
      world.gate.close()
    })
  }
}
