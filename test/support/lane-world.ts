/**
 * A lane on virtual time with callers that obey its advice: arrivals, a tool with a service time, refusals and returns.
 * The gate and the lane are the production's; random numbers come from a seed.
 */
import { seededRandom } from '../../src/cli/demo/seeded-random.ts'
import { Gate } from '../../src/gate/gate.ts'
import type { Turn } from '../../src/gate/gate.ts'
import type { LeaseHandle } from '../../src/gate/lease-handle.ts'
import type { Refusal } from '../../src/lane/effects.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import { rethrow } from './rethrow.ts'
import { VirtualClock } from './virtual-clock.ts'

export interface WorldParts {
  readonly settings: LaneSettings
  /** Milliseconds that the tool takes for a call; `random` is a number 0 <= n < 1. */
  readonly serviceMs: (random: number) => number
  /** Milliseconds after which a caller comes back that was told so. */
  readonly obey: (refusal: Refusal) => number
  readonly seed: number
}

/** One who calls until it is served. `name` groups callers in what the world remembers. */
export interface Caller {
  readonly name: string
  /** How often it was refused so far. */
  refusals: number
}

export class LaneWorld {
  /** Milliseconds at which each returning caller came, with how often it had been refused before. */
  readonly returns: { readonly atMs: number; readonly caller: Caller; readonly refusals: number }[] = []
  readonly completions: { readonly atMs: number; readonly caller: Caller }[] = []
  /** The first advice that each caller of a name got, in the order of refusing. */
  readonly advice: { readonly atMs: number; readonly caller: Caller; readonly refusal: Refusal }[] = []
  readonly #parts: WorldParts
  readonly #clock = new VirtualClock()
  readonly #gate: Gate
  readonly #random: () => number

  constructor(parts: WorldParts) {
    this.#parts = parts
    this.#random = seededRandom(parts.seed)
    this.#gate = new Gate(parts.settings, {
      clock: this.#clock,
      random: this.#random,
      tell: () => undefined,
      failed: rethrow,
    })
  }

  /** A new caller comes at this moment. */
  arrive(name: string, atMs: number): void {
    const caller: Caller = { name, refusals: 0 }
    this.#clock.after(atMs - this.#clock.nowMs(), () => this.#call(caller))
  }

  runUntil(endMs: number): void {
    this.#clock.advanceTo(endMs)
  }

  #call(caller: Caller): void {
    const entered = this.#gate.enter({}, (turn) => this.#follow(caller, turn))
    if (entered.kind !== 'queued') this.#follow(caller, entered)
  }

  #follow(caller: Caller, turn: Turn): void {
    if (turn.kind === 'granted') this.#serve(caller, turn.lease)
    else this.#refused(caller, turn.refusal)
  }

  #serve(caller: Caller, lease: LeaseHandle): void {
    const latencyMs = this.#parts.serviceMs(this.#random())
    this.#clock.after(latencyMs, () => {
      this.completions.push({ atMs: this.#clock.nowMs(), caller })
      lease.settle({ cause: 'completed', verdict: 'ok', latencyMs })
    })
  }

  #refused(caller: Caller, refusal: Refusal): void {
    this.advice.push({ atMs: this.#clock.nowMs(), caller, refusal })
    const refusals = ++caller.refusals
    this.#clock.after(this.#parts.obey(refusal), () => {
      this.returns.push({ atMs: this.#clock.nowMs(), caller, refusals })
      this.#call(caller)
    })
  }
}
