/**
 * Calls that enter a gate in tests: what they were answered at once, and the turn that they were told later.
 */
import assert from 'node:assert/strict'
import type { Asked, Gate, Turn } from '../../src/gate/gate.ts'
import type { LeaseHandle } from '../../src/gate/lease-handle.ts'
import type { LaneReason } from '../../src/lane/reason.ts'

export interface Visit {
  readonly kind: 'granted' | 'queued' | 'refused'
  /** Every turn that was told after `enter` gave back `queued`. */
  readonly turns: readonly Turn[]
  /** How it stands now. */
  readonly now: 'granted' | 'waiting' | 'refused'
  /** The lease that it has; fails where it has none. */
  readonly lease: LeaseHandle
  /** Why it was refused; fails where it was not. */
  readonly reason: LaneReason
  leave(): boolean
}

/** `then` is called with the turn, after it was noted. */
export function visit(gate: Gate, asked: Asked = {}, then: (turn: Turn) => void = () => undefined): Visit {
  const turns: Turn[] = []
  let isInside = true
  const entered = gate.enter(asked, (turn) => {
    assert.equal(isInside, false, 'a turn was told within enter')
    turns.push(turn)
    then(turn)
  })
  isInside = false
  const end = (): Turn | undefined => (entered.kind === 'queued' ? turns[0] : entered)
  return {
    kind: entered.kind,
    turns,
    get now() {
      return end()?.kind ?? 'waiting'
    },
    get lease() {
      const turn = end()
      assert.ok(turn?.kind === 'granted', `the call is ${turn?.kind ?? 'waiting'}`)
      return turn.lease
    },
    get reason() {
      const turn = end()
      assert.ok(turn?.kind === 'refused', `the call is ${turn?.kind ?? 'waiting'}`)
      return turn.refusal.reason
    },
    leave() {
      assert.ok(entered.kind === 'queued', 'only a call that waits can leave')
      return entered.leave()
    },
  }
}

/** A call that starts at once. */
export function started(gate: Gate, asked: Asked = {}): LeaseHandle {
  return visit(gate, asked).lease
}
