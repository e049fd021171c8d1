/**
 * Detects figures of `aimd` that do not fit a tool's normal latency. While the p95 stays between the two figures, a limit
 * that was cut cannot grow back; while it stays above both, a healthy tool stays at its lowest limit. Warns once.
 */
import type { Decision } from '../lane/limit/limiter.ts'

/** Windows in a row after which a latency counts as normal: at least ten seconds. */
const WINDOWS = 5
/** Up to this error rate the errors do not hold the limit down. */
const FEW_ERRORS = 0.02

export interface Warning {
  readonly p95_ms: number
  readonly msg: string
}

export class DeadZone {
  /** Windows in a row, by tool; bounded by the configuration. */
  readonly #streaks = new Map<string, number>()

  /** A warning when this decision completes a streak; undefined otherwise. */
  notice(tool: string, { reason, figures }: Decision): Warning | undefined {
    const msg = figures.errorRate <= FEW_ERRORS ? adviceFor(reason) : undefined
    if (msg === undefined || figures.p95Ms === undefined) {
      this.#streaks.delete(tool)
      return undefined
    }
    const streak = (this.#streaks.get(tool) ?? 0) + 1
    this.#streaks.set(tool, streak)
    return streak === WINDOWS ? { p95_ms: Math.round(figures.p95Ms), msg } : undefined
  }
}

function adviceFor(reason: Decision['reason']): string | undefined {
  if (reason === 'in_band') {
    return 'the p95 stays between increaseBelowP95Ms and decreaseAboveP95Ms, where the limit cannot grow: raise the first'
  }
  if (reason === 'at_minimum') {
    return 'the p95 stays above decreaseAboveP95Ms at the lowest limit: if the tool is healthy, raise both figures'
  }
  return undefined
}
