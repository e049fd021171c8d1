/**
 * A lane on virtual time with callers that obey its advice: arrivals, a tool with a service time, refusals and returns.
 * A small event loop over the production core; what counts as luck comes from a seed.
 */
import { Lane } from '../../src/lane/lane.ts'
import type { Lease } from '../../src/lane/lease.ts'
import type { Moves, Refusal } from '../../src/lane/moves.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import type { Ticket } from '../../src/lane/ticket.ts'

export interface WorldParts {
  readonly settings: LaneSettings
  /** Milliseconds that the tool takes for a call; `luck` is 0 <= n < 1. */
  readonly serviceMs: (luck: number) => number
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

interface Happening {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

export class LaneWorld {
  /** Milliseconds at which each returning caller came, with how often it had been refused before. */
  readonly returns: { readonly atMs: number; readonly caller: Caller; readonly refusals: number }[] = []
  readonly completions: { readonly atMs: number; readonly caller: Caller }[] = []
  /** The first advice that each caller of a name got, in the order of refusing. */
  readonly advice: { readonly atMs: number; readonly caller: Caller; readonly refusal: Refusal }[] = []
  readonly #parts: WorldParts
  readonly #lane: Lane
  readonly #waiting = new Map<Ticket, Caller>()
  readonly #agenda: Happening[] = []
  readonly #luck: () => number
  #nowMs = 0
  #order = 0
  #wakeAtMs = Infinity

  constructor(parts: WorldParts) {
    this.#parts = parts
    this.#luck = luckOf(parts.seed)
    this.#lane = new Lane(parts.settings, 0, () => undefined)
  }

  /** A new caller comes at this moment. */
  arrive(name: string, atMs: number): void {
    const caller: Caller = { name, refusals: 0 }
    this.#at(atMs, () => this.#call(caller))
  }

  runUntil(endMs: number): void {
    for (;;) {
      const next = this.#agenda[0]
      if (next === undefined || next.atMs > endMs) return
      this.#takeFirst()
      this.#nowMs = next.atMs
      next.run()
      this.#watch()
    }
  }

  #call(caller: Caller): void {
    const admission = this.#lane.admit({ spread: this.#luck() }, this.#nowMs)
    if (admission.kind === 'granted') this.#serve(caller, admission.lease)
    else if (admission.kind === 'refused') this.#refused(caller, admission.refusal)
    else {
      this.#waiting.set(admission.ticket, caller)
      if (admission.putOut !== undefined)
        this.#refused(this.#takeOut(admission.putOut.ticket), admission.putOut.refusal)
    }
  }

  #serve(caller: Caller, lease: Lease): void {
    const latencyMs = this.#parts.serviceMs(this.#luck())
    this.#at(this.#nowMs + latencyMs, () => {
      this.completions.push({ atMs: this.#nowMs, caller })
      this.#follow(this.#lane.settle(lease, { cause: 'completed', verdict: 'ok', latencyMs }, this.#nowMs))
    })
  }

  #refused(caller: Caller, refusal: Refusal): void {
    this.advice.push({ atMs: this.#nowMs, caller, refusal })
    const refusals = ++caller.refusals
    this.#at(this.#nowMs + this.#parts.obey(refusal), () => {
      this.returns.push({ atMs: this.#nowMs, caller, refusals })
      this.#call(caller)
    })
  }

  #follow(moves: Moves): void {
    for (const { ticket, refusal } of moves.refused) this.#refused(this.#takeOut(ticket), refusal)
    for (const ticket of moves.granted) this.#serve(this.#takeOut(ticket), ticket.lease!)
  }

  #takeOut(ticket: Ticket): Caller {
    const caller = this.#waiting.get(ticket)!
    this.#waiting.delete(ticket)
    return caller
  }

  /** The lane's own timer. */
  #watch(): void {
    const wakeAtMs = this.#lane.wakeAtMs()
    if (wakeAtMs >= this.#wakeAtMs) return
    this.#wakeAtMs = wakeAtMs
    this.#at(Math.max(wakeAtMs, this.#nowMs), () => {
      this.#wakeAtMs = Infinity
      this.#follow(this.#lane.expire(this.#nowMs))
    })
  }

  /** What comes at the same moment happens in the order in which it was planned. */
  #at(atMs: number, run: () => void): void {
    const heap = this.#agenda
    let hole = heap.push({ atMs, order: this.#order++, run }) - 1
    const happening = heap[hole]!
    for (let up = (hole - 1) >> 1; hole > 0 && isBefore(happening, heap[up]!); up = (hole - 1) >> 1) {
      heap[hole] = heap[up]!
      hole = up
    }
    heap[hole] = happening
  }

  #takeFirst(): void {
    const heap = this.#agenda
    const last = heap.pop()!
    if (heap.length === 0) return
    let hole = 0
    for (let child = 1; child < heap.length; child = 2 * hole + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[hole] = heap[child]!
      hole = child
    }
    heap[hole] = last
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}

/** Mulberry32: 0 <= n < 1, the same for the same seed. */
function luckOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
