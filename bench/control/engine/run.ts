/**
 * Runs one scenario under one law with one seed. The only file that connects all parts of the simulation. The same three
 * inputs always give the same result.
 */
import type { Limiter } from '../../../src/lane/limit/limiter.ts'
import type { ControllerSettings, LaneSettings } from '../../../src/lane/settings.ts'
import { laneSettings as defaultLane } from '../../../test/support/lane-settings.ts'
import { laneShape } from '../scenario.ts'
import type { LaneShape, Scenario } from '../scenario.ts'
import { Agenda } from './agenda.ts'
import { startCallers } from './callers.ts'
import { BIN_MS, Ledger } from './ledger.ts'
import { streamSeed } from './random.ts'
import { Sidecar } from './sidecar.ts'
import { Tool } from './tool.ts'

/** The law of a run, and settings of the lane that differ from the scenario's. */
export interface RunSetup {
  readonly controller: ControllerSettings
  readonly lane?: Partial<LaneShape>
  /** A law that src/lane does not know: a baseline. */
  readonly limiter?: Limiter
}

export interface Run {
  readonly ledger: Ledger
  readonly tool: Tool
}

export function run(scenario: Scenario, setup: RunSetup, seed: number, isTraced = false): Run {
  const agenda = new Agenda()
  const ledger = new Ledger(isTraced)
  const tool = new Tool(scenario.tool, agenda)
  const { limiter, controller } = setup
  const law = { limiter, isPublished: limiter !== undefined || controller.algorithm !== 'adaptive' }
  const sidecar = new Sidecar(laneSettings(scenario, setup), agenda, law)
  const endMs = scenario.seconds * 1000
  for (const [index, callers] of scenario.callers.entries()) {
    startCallers(callers, { agenda, tool, sidecar, ledger }, streamSeed(seed, 1000 + index), endMs)
  }
  for (let atMs = BIN_MS; atMs <= endMs; atMs += BIN_MS) {
    agenda.runUntil(atMs)
    const { active, limit } = sidecar.lane.depths()
    ledger.closeBin({ limit, active, inTool: tool.inFlight })
  }
  return { ledger, tool }
}

/** The lane of a scenario, under a law. */
export function laneSettings(scenario: Scenario, setup: RunSetup): LaneSettings {
  const { ttlSeconds, ...shape } = { ...laneShape(scenario), ...setup.lane }
  return defaultLane({
    tool: scenario.name,
    ...shape,
    ttlMs: ttlSeconds * 1000,
    controller: setup.controller,
  })
}
