/**
 * What src/gate is on sockets, on the virtual clock: drives the production lane, one wake-up at a time, and passes on
 * what it decides. Holds no opinion of its own; every admission, hand-over and limit comes from src/lane.
 */
import { Lane } from '../../../src/lane/lane.ts'
import type { Moves, Refusal, Refused } from '../../../src/lane/moves.ts'
import type { Lease, LeaseEnd } from '../../../src/lane/lease.ts'
import type { Limiter } from '../../../src/lane/limit/limiter.ts'
import type { Ticket } from '../../../src/lane/ticket.ts'
import type { LaneSettings } from '../../../src/lane/settings.ts'
import type { Agenda } from './agenda.ts'

/** Whoever wants a lease: told once that it has one, or that it does not get one. */
export interface Visitor {
  granted(lease: Lease): void
  refused(refusal: Refusal): void
  /** The lease is taken back: the call went silent. */
  reclaimed(): void
}

/** The law of a run. */
export interface GivenLaw {
  /** Undefined: the one that the settings name. */
  readonly limiter: Limiter | undefined
  /** As it was published: without the lane's own answer to a tool that throttles. */
  readonly isPublished: boolean
}

export class Sidecar {
  readonly lane: Lane
  readonly #hearsPushback: boolean
  readonly #agenda: Agenda
  readonly #waiting = new Map<Ticket, Visitor>()
  readonly #holding = new Map<Lease, Visitor>()
  #wakeAtMs = Infinity

  constructor(settings: LaneSettings, agenda: Agenda, law?: GivenLaw) {
    this.#agenda = agenda
    this.#hearsPushback = law?.isPublished !== true
    this.lane = new Lane(
      settings,
      agenda.nowMs,
      () => undefined,
      law?.limiter && (() => law.limiter as Limiter),
    )
  }

  /** Answers within the call, unless the visitor has to wait: then with its ticket. */
  enter(visitor: Visitor, spread: number): Ticket | undefined {
    const { nowMs } = this.#agenda
    if (this.lane.wakeAtMs() <= nowMs) this.#pass(this.lane.expire(nowMs))
    const admission = this.lane.admit({ spread }, nowMs)
    switch (admission.kind) {
      case 'queued':
        this.#waiting.set(admission.ticket, visitor)
        if (admission.putOut !== undefined) this.#refuse(admission.putOut)
        this.#arm()
        return admission.ticket
      case 'granted':
        this.#grant(admission.lease, visitor)
        this.#arm()
        return undefined
      case 'refused':
        this.#arm()
        visitor.refused(admission.refusal)
        return undefined
      default:
        return admission satisfies never
    }
  }

  leave(ticket: Ticket): void {
    if (this.lane.cancel(ticket, this.#agenda.nowMs)) this.#waiting.delete(ticket)
  }

  settle(lease: Lease, end: LeaseEnd): void {
    this.#holding.delete(lease)
    const heard = this.#hearsPushback ? end : { ...end, pushback: undefined }
    this.#pass(this.lane.settle(lease, heard, this.#agenda.nowMs))
    this.#arm()
  }

  #grant(lease: Lease, visitor: Visitor): void {
    this.#holding.set(lease, visitor)
    visitor.granted(lease)
  }

  #refuse({ ticket, refusal }: Refused): void {
    this.#waiting.get(ticket)?.refused(refusal)
    this.#waiting.delete(ticket)
  }

  #pass(moves: Moves): void {
    for (const lease of moves.reclaimed) {
      this.#holding.get(lease)?.reclaimed()
      this.#holding.delete(lease)
    }
    for (const refused of moves.refused) this.#refuse(refused)
    for (const ticket of moves.granted) {
      const visitor = this.#waiting.get(ticket)
      this.#waiting.delete(ticket)
      if (visitor !== undefined && ticket.lease !== undefined) this.#grant(ticket.lease, visitor)
    }
  }

  #arm(): void {
    const wakeAtMs = this.lane.wakeAtMs()
    if (wakeAtMs >= this.#wakeAtMs) return
    this.#wakeAtMs = wakeAtMs
    this.#agenda.at(wakeAtMs, () => {
      if (this.#agenda.nowMs < this.#wakeAtMs) return
      this.#wakeAtMs = Infinity
      this.#pass(this.lane.expire(this.#agenda.nowMs))
      this.#arm()
    })
  }
}
