/**
 * The three scenarios of the replay: those of the same name among the eleven, with the same tool, rate and lane, but
 * each phase cut to 20 s so that a run lasts a minute of real time. Simulation and wire both get this copy. Plain data.
 */
import type { Scenario } from '../scenario.ts'
import { eleven } from '../scenarios/eleven.ts'

/** What is normal, what is different and what is normal again last this long each. */
export const PHASE_SECONDS = 20

function shortened(name: string): Scenario {
  const original = eleven.find((scenario) => scenario.name === name)
  if (original === undefined) throw new Error(`there is no scenario ${name}`)
  const changes = (original.tool.changes ?? []).map((change, index) => ({
    ...change,
    atSeconds: PHASE_SECONDS * (index + 1),
  }))
  const { drop, ...rest } = original
  return {
    ...rest,
    seconds: 3 * PHASE_SECONDS,
    tool: { ...original.tool, changes },
    ...(drop && { drop: { atSeconds: PHASE_SECONDS, backAtSeconds: 2 * PHASE_SECONDS } }),
  }
}

export const replayed: readonly Scenario[] = ['capacity-drop', 'latency-spike', 'error-burst'].map(shortened)
