/**
 * A run of the simulation (../engine/run.ts) with an operator's orders. The law is wrapped to measure how long each call
 * waited before it was sent.
 */
import { createLimiter } from '../../../src/lane/limit/create.ts'
import type { Limiter } from '../../../src/lane/limit/limiter.ts'
import { Agenda } from '../engine/agenda.ts'
import { startCallers } from '../engine/callers.ts'
import { BIN_MS, Ledger } from '../engine/ledger.ts'
import { streamSeed } from '../engine/random.ts'
import { laneSettings } from '../engine/run.ts'
import type { Run, RunSetup } from '../engine/run.ts'
import { Sidecar } from '../engine/sidecar.ts'
import { Tool } from '../engine/tool.ts'
import type { Scenario } from '../scenario.ts'

/** PATCH /lanes/:tool {"limit": N, "for": "Ns"}. */
export interface Order {
  readonly atSeconds: number
  readonly limit: number
  readonly forSeconds: number
}

export interface OperatedRun extends Run {
  /** The sum of the milliseconds in the queue, and the number, of all calls that were sent. */
  readonly waits: { sumMs: number; calls: number }
}

export interface Operated {
  readonly scenario: Scenario
  readonly setup: RunSetup
  readonly orders: readonly Order[]
}

export function runOperated({ scenario, setup, orders }: Operated, seed: number): OperatedRun {
  const agenda = new Agenda()
  const ledger = new Ledger(false)
  const tool = new Tool(scenario.tool, agenda)
  const waits = { sumMs: 0, calls: 0 }
  const limiter = overheard(setup.limiter ?? createLimiter(setup.controller), waits)
  const sidecar = new Sidecar(laneSettings(scenario, setup), agenda, {
    limiter,
    isPublished: setup.limiter !== undefined,
  })
  for (const [index, callers] of scenario.callers.entries()) {
    const endMs = scenario.seconds * 1000
    startCallers(callers, { agenda, tool, sidecar, ledger }, streamSeed(seed, 1000 + index), endMs)
  }
  for (const order of orders) agenda.at(order.atSeconds * 1000, () => operate(sidecar, order))
  for (let atMs = BIN_MS; atMs <= scenario.seconds * 1000; atMs += BIN_MS) {
    agenda.runUntil(atMs)
    const { active, limit } = sidecar.lane.depths()
    ledger.closeBin({ limit, active, inTool: tool.inFlight })
  }
  return { ledger, tool, waits }
}

function operate({ gate }: Sidecar, { limit, forSeconds }: Order): void {
  gate.operate({ limit, forMs: forSeconds * 1000 })
}

function overheard(law: Limiter, waits: { sumMs: number; calls: number }): Limiter {
  return {
    algorithm: law.algorithm,
    sent: (call, active) => {
      waits.sumMs += call.waitedMs
      waits.calls++
      law.sent(call, active)
    },
    ended: (call, end, nowMs) => law.ended(call, end, nowMs),
    step: (limit, bounds, nowMs) => law.step(limit, bounds, nowMs),
    moved: (nowMs) => law.moved(nowMs),
    wakeAtMs: (limit) => law.wakeAtMs(limit),
  }
}
