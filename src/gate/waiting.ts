/**
 * One call that waits in a lane: how its waiting ends is told once, and never after the call has left. Between the
 * lane's decision and the callback the call can still leave; it then gives the lease back.
 */
import type { Lease, LeaseEnd } from '../lane/lease.ts'
import type { Refusal } from '../lane/effects.ts'
import type { Ticket, Waiter } from '../lane/ticket.ts'
import type { Callbacks } from './callbacks.ts'
import type { Gate, Turn } from './gate.ts'
import { LeaseHandle } from './lease-handle.ts'

/** The end of a lease under which nothing was sent. */
export const NOT_USED: LeaseEnd = Object.freeze({ cause: 'cancelled', verdict: 'ignored' })

export class Waiting implements Waiter {
  readonly #gate: Gate
  readonly #onTurn: (turn: Turn) => void
  readonly #callbacks: Callbacks
  /** How waiting ended. */
  #turn: Turn | undefined
  /** `entering` until the caller has been told that it waits; `over` once its turn was told or it has left. */
  #state: 'entering' | 'waiting' | 'over' = 'entering'

  constructor(gate: Gate, onTurn: (turn: Turn) => void, callbacks: Callbacks) {
    this.#gate = gate
    this.#onTurn = onTurn
    this.#callbacks = callbacks
  }

  granted(lease: Lease): void {
    this.#end({ kind: 'granted', lease: new LeaseHandle(this.#gate, lease) })
  }

  refused(refusal: Refusal): void {
    this.#end({ kind: 'refused', refusal })
  }

  /** The caller is about to be told that it waits; its turn instead, where that has come meanwhile. */
  begin(): Turn | undefined {
    this.#state = this.#turn === undefined ? 'waiting' : 'over'
    return this.#turn
  }

  /** False when its turn was told before, or it had left. */
  leave(ticket: Ticket): boolean {
    if (this.#state === 'over') return false
    this.#state = 'over'
    if (this.#turn === undefined) this.#gate.cancel(ticket)
    else if (this.#turn.kind === 'granted') this.#turn.lease.settle(NOT_USED)
    return true
  }

  #end(turn: Turn): void {
    this.#turn = turn
    this.#callbacks.push(() => this.#tell(turn))
  }

  #tell(turn: Turn): void {
    if (this.#state !== 'waiting') return
    this.#state = 'over'
    this.#onTurn(turn)
  }
}
