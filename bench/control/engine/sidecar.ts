/**
 * The production gate and lane on the virtual clock, as callers of the simulation see them. Decides nothing: every
 * admission, hand-over and limit is src's.
 */
import { Gate } from '../../../src/gate/gate.ts'
import type { Turn } from '../../../src/gate/gate.ts'
import type { LeaseHandle } from '../../../src/gate/lease-handle.ts'
import type { Lane } from '../../../src/lane/lane.ts'
import type { LeaseEnd } from '../../../src/lane/lease.ts'
import type { Limiter } from '../../../src/lane/limit/limiter.ts'
import type { Refusal } from '../../../src/lane/effects.ts'
import type { LaneSettings } from '../../../src/lane/settings.ts'
import type { Agenda } from './agenda.ts'

/** A right to run one call, from a lane or from a pool of workers. */
export interface Held {
  readonly grantedAtMs: number
  /** The tool's response head came, `afterMs` milliseconds after the grant. */
  answered(afterMs: number): void
  settle(end: LeaseEnd): void
}

/** A caller that wants to run a call; is told once that it may or that it is refused. */
export interface Visitor {
  granted(held: Held): void
  refused(refusal: Refusal): void
  /** The lease was reclaimed because the call went silent. */
  reclaimed(): void
}

/** The law of a run. */
export interface GivenLaw {
  /** Undefined: the law that the settings name. */
  readonly limiter: Limiter | undefined
  /** The law runs as it was published, without the lane's throttle. */
  readonly isPublished: boolean
}

export class Sidecar {
  readonly gate: Gate
  readonly #hearsPushback: boolean
  /** The random number of the visitor that enters. */
  #spread = 0

  constructor(settings: LaneSettings, { clock }: Agenda, law?: GivenLaw) {
    const { limiter, isPublished = false } = law ?? {}
    this.#hearsPushback = !isPublished
    this.gate = new Gate(settings, {
      clock,
      random: () => this.#spread,
      tell: () => undefined,
      failed: rethrow,
      limiterOf: limiter && (() => limiter),
    })
  }

  get lane(): Lane {
    return this.gate.lane
  }

  /** Tells the visitor at once, or returns how to leave if it has to wait. */
  enter(visitor: Visitor, spread: number): (() => boolean) | undefined {
    this.#spread = spread
    const entered = this.gate.enter({}, (turn) => this.#tell(visitor, turn))
    if (entered.kind === 'queued') return entered.leave
    this.#tell(visitor, entered)
    return undefined
  }

  #tell(visitor: Visitor, turn: Turn): void {
    if (turn.kind === 'refused') return visitor.refused(turn.refusal)
    turn.lease.onReclaimed(() => visitor.reclaimed())
    visitor.granted(this.#hearsPushback ? turn.lease : withoutPushback(turn.lease))
  }
}

function withoutPushback(lease: LeaseHandle): Held {
  return {
    grantedAtMs: lease.grantedAtMs,
    answered: (afterMs) => lease.answered(afterMs),
    settle: (end) => lease.settle({ ...end, pushback: undefined }),
  }
}

function rethrow(error: unknown): never {
  throw error
}
