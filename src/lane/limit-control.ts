/**
 * Holds the lane's limit, which the law, an operator or a new configuration moves, and the slots that the fleet leaves to
 * the lane. Must not know which calls wait or run; the lane tells the law of calls and asks it to step.
 */
import { createLimiter } from './limit/create.ts'
import type { Decision, Figures, Limiter } from './limit/limiter.ts'
import { RecentCeiling } from './recent-ceiling.ts'
import type { ControllerSettings, LaneSettings } from './settings.ts'
import { OperatorOverride } from './operator-override.ts'

export type LimiterOf = (settings: ControllerSettings) => Limiter

/** What the fleet leaves to a lane. */
export interface Ceiling {
  readonly slots: number
  /** Milliseconds on the lane's clock: from then on there are no slots. */
  readonly untilMs: number
  /** Calls that find no slot are refused instead of queued, because it is unknown when one comes. */
  readonly isShut: boolean
}

const NO_CEILING: Ceiling = { slots: Infinity, untilMs: Infinity, isShut: false }

export interface LimitControlParts {
  readonly limiterOf: LimiterOf | undefined
  /** Recent errors and latency, reported with moves that no law decided. */
  readonly figures: (nowMs: number) => Figures
  /** The limit moved, or the law decided to hold it; `from` is the limit before. */
  readonly decided: (decision: Decision, from: number) => void
}

export class LimitControl {
  readonly override = new OperatorOverride()
  readonly #parts: LimitControlParts
  readonly #limiterOf: LimiterOf
  #settings: LaneSettings
  #limiter: Limiter
  #limit: number
  #ceiling: Ceiling = NO_CEILING
  readonly #recentCeiling = new RecentCeiling()
  /** The limit before an operator pinned it, to which it returns. */
  #limitBeforePin: number | undefined
  #lastDecision: { readonly decision: Decision; readonly atMs: number } | undefined

  constructor(settings: LaneSettings, parts: LimitControlParts) {
    this.#settings = settings
    this.#parts = parts
    this.#limiterOf = parts.limiterOf ?? createLimiter
    this.#limiter = this.#limiterOf(settings.controller)
    this.#limit = settings.startConcurrent
  }

  get limit(): number {
    return this.#limit
  }

  /** Slots that the fleet leaves to this lane; Infinity for a lane on its own. */
  get ceiling(): number {
    return this.#ceiling.slots
  }

  /** Calls that find no slot of the fleet are refused. */
  get isShut(): boolean {
    return this.#ceiling.isShut
  }

  /** Calls that may run now: the smaller of the limit and the fleet's slots. */
  get slots(): number {
    return Math.min(this.#limit, this.#ceiling.slots)
  }

  get limiter(): Limiter {
    return this.#limiter
  }

  get lastDecision(): { readonly decision: Decision; readonly atMs: number } | undefined {
    return this.#lastDecision
  }

  /** Milliseconds: when an order or the fleet's slots end, or the law wants to step; Infinity when nothing is due. */
  nextDueAtMs(): number {
    const lawAtMs = this.override.pinnedLimit === undefined ? this.#limiter.wakeAtMs(this.#limit) : Infinity
    return Math.min(this.override.nextDueAtMs(), lawAtMs, this.#ceiling.untilMs)
  }

  cap(ceiling: Ceiling, nowMs: number): void {
    this.#ceiling = ceiling
    this.#recentCeiling.note(ceiling.slots, nowMs)
  }

  /** Drops slots of the fleet that have ended, and lets the law decide unless the limit is pinned. */
  step(nowMs: number): void {
    if (nowMs >= this.#ceiling.untilMs) this.#ceiling = { ...this.#ceiling, slots: 0, untilMs: Infinity }
    if (this.override.pinnedLimit !== undefined) return
    const { minConcurrent: min, maxConcurrent: max } = this.#settings
    // The law decides about the slots that the lane can use. It cannot raise the limit while the fleet gives fewer slots.
    const usable = Math.min(this.#limit, Math.max(min, this.#recentCeiling.at(nowMs)))
    const decision = this.#limiter.step(usable, { min, max }, nowMs)
    if (decision === undefined) return
    const isLower = usable === this.#limit || decision.limit < usable
    this.#apply(isLower ? decision : { ...decision, limit: this.#limit, action: 'hold' }, nowMs)
  }

  /** After the override changed: the limit goes to the pin, or back to its value before the pin. */
  followOverride(nowMs: number): void {
    const { pinnedLimit } = this.override
    if (pinnedLimit !== undefined) this.#limitBeforePin ??= this.#limit
    this.#move(pinnedLimit ?? this.#limitBeforePin ?? this.#limit, 'operator', nowMs)
    if (pinnedLimit === undefined) this.#limitBeforePin = undefined
  }

  reconfigure(settings: LaneSettings, nowMs: number): void {
    const before = this.#settings
    this.#settings = settings
    if (JSON.stringify(before.controller) !== JSON.stringify(settings.controller)) {
      this.#limiter = this.#limiterOf(settings.controller)
    }
    const unpinned = followMaximum(this.#limitBeforePin ?? this.#limit, before, settings)
    if (this.#limitBeforePin !== undefined) this.#limitBeforePin = unpinned
    this.#move(this.override.pinnedLimit ?? unpinned, 'configuration', nowMs)
  }

  /** Moves the limit for a reason other than the law's. */
  #move(wanted: number, reason: 'operator' | 'configuration', nowMs: number): void {
    const limit = Math.min(this.#settings.maxConcurrent, Math.max(this.#settings.minConcurrent, wanted))
    if (limit === this.#limit) return
    this.#limiter.moved(nowMs)
    const action = limit > this.#limit ? 'increase_concurrency' : 'decrease_concurrency'
    this.#apply({ limit, action, reason, figures: this.#parts.figures(nowMs) }, nowMs)
  }

  #apply(decision: Decision, nowMs: number): void {
    const from = this.#limit
    this.#limit = decision.limit
    this.#lastDecision = { decision, atMs: nowMs }
    this.#parts.decided(decision, from)
  }
}

/**
 * A reload keeps the limit that a law has found, but a limit that stood at maxConcurrent rises with it. Under `fixed` only
 * the configuration moves the limit.
 */
function followMaximum(limit: number, before: LaneSettings, next: LaneSettings): number {
  if (next.controller.algorithm === 'fixed') return next.startConcurrent
  return limit === before.maxConcurrent ? Math.max(limit, next.maxConcurrent) : limit
}
