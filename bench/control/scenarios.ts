/**
 * All scenarios of the benchmark, in sets. The parameters of `adaptive` were frozen on `eleven`; the others stand
 * beside it so that nobody has to take that on trust.
 */
import type { Scenario } from './scenario.ts'
import { eleven } from './scenarios/eleven.ts'
import { setV, setX, slowdown } from './scenarios/further.ts'
import { light, small } from './scenarios/small.ts'

export interface ScenarioSet {
  readonly name: string
  readonly scenarios: readonly Scenario[]
}

export const sets: readonly ScenarioSet[] = [
  { name: 'eleven', scenarios: eleven },
  { name: 'small', scenarios: small },
  { name: 'V', scenarios: setV },
  { name: 'X', scenarios: setX },
  { name: 'slowdown', scenarios: slowdown },
  { name: 'light', scenarios: light },
]

export const scenarios: readonly Scenario[] = sets.flatMap((set) => set.scenarios)
