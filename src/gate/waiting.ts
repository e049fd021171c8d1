/**
 * One waiting call. Its turn is told once, and never after the call has left. Between the lane's decision and the callback
 * the call can still leave; a lease that was granted meanwhile is then given back.
 */
import { NOT_USED } from '../lane/lease.ts'
import type { Lease } from '../lane/lease.ts'
import type { Refusal } from '../lane/effects.ts'
import type { Ticket, Waiter } from '../lane/ticket.ts'
import type { Callbacks } from './callbacks.ts'
import type { Gate, Turn } from './gate.ts'
import { LeaseHandle } from './lease-handle.ts'

export class Waiting implements Waiter {
  readonly #gate: Gate
  readonly #onTurn: (turn: Turn) => void
  readonly #callbacks: Callbacks
  /** How waiting ended. */
  #turn: Turn | undefined
  /** `entering` until `enter` returns; `over` once the turn was told or the call has left. */
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

  /** `enter` is about to return. Gives back the turn if it has come meanwhile; `enter` then answers with it. */
  begin(): Turn | undefined {
    this.#state = this.#turn === undefined ? 'waiting' : 'over'
    return this.#turn
  }

  /** False when the turn was told before, or when the call had left. */
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
