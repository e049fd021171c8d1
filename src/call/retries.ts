/**
 * Trying once more what the tool failed, outside the slot: the lease is over, the request waits, and then goes through
 * admission as any other. Only what can be sent again without harm, within the lane's budget, never while the lane is
 * overloaded; where the lane says no, the caller gets what the tool said. Off unless `retries.max` is set.
 */
import type { RequestEvent } from '../observe/events.ts'
import { isReplayable } from './routed.ts'
import type { Routed } from './routed.ts'
import type { Clock } from '../time/clock.ts'

/** Milliseconds before the first retry; twice as long before each further one. Luck takes up to half of it. */
const FIRST_BACKOFF_MS = 200

export interface RetriesParts {
  readonly clock: Clock
  /** Luck: 0 <= n < 1. */
  readonly random: () => number
  readonly emit: (tool: string, event: RequestEvent) => void
  /** Asks the lane once more. */
  readonly admit: (routed: Routed) => void
}

export class Retries {
  readonly #parts: RetriesParts

  constructor(parts: RetriesParts) {
    this.#parts = parts
  }

  /** Whether the operator wants this failure tried again, and the request allows it. */
  may(routed: Routed, failure: number | 'connect'): boolean {
    const { max, on } = routed.tool.settings.retries
    return (routed.again?.tries ?? 0) < max && on.includes(failure) && isReplayable(routed)
  }

  /** After the lease: another try, or `otherwise`. The caller may leave meanwhile. */
  again(routed: Routed, otherwise: () => void): void {
    const { clock, random, emit, admit } = this.#parts
    const { tool, call, containment } = routed
    const answer = tool.gate.askRetry()
    if (answer !== 'granted') {
      emit(tool.tool, { kind: 'retried', result: answer })
      return otherwise()
    }
    const tries = (routed.again?.tries ?? 0) + 1
    const backoffMs = FIRST_BACKOFF_MS * 2 ** (tries - 1) * (1 - random() / 2)
    const left = containment.around(() => {
      timer.clear()
      emit(tool.tool, { kind: 'retried', result: 'cancelled' })
      emit(tool.tool, { kind: 'finished', outcome: 'cancelled', durationMs: undefined })
    })
    const stopWaiting = (): void => {
      timer.clear()
      call.response.off('close', left)
    }
    const onTime = containment.around(() => {
      stopWaiting()
      admit({ ...routed, again: { tries, otherwise } })
    })
    const timer = clock.after(backoffMs, onTime)
    containment.holds({ mayHaveRun: true, giveBack: stopWaiting })
    call.response.once('close', left)
  }

  /** The lane did not let the other try in. */
  refused({ tool, again }: Routed): void {
    this.#parts.emit(tool.tool, { kind: 'retried', result: 'refused' })
    again?.otherwise()
  }
}
