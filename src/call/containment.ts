/**
 * An error inside one call ends that call and nothing else. Every callback of a call (of node's events, undici, timers and
 * promises) goes through its containment. An error that is thrown there gives back what the call holds, answers 500 or
 * cuts the connection, and is told. Must not know what a call holds.
 */
import type { Call } from '../listen/server.ts'
import type { Facts, Replies } from './replies.ts'
import type { Held } from '../upstream/exchange.ts'

export class Containment {
  /** What is known of the call, for the answer to it. */
  facts: Facts
  readonly #call: Call
  readonly #replies: Replies
  #held: Held | undefined
  #mayHaveRun = false
  #isOver = false

  constructor(call: Call, facts: Facts, replies: Replies) {
    this.#call = call
    this.facts = facts
    this.#replies = replies
    // Without a listener an error of the stream would end the process.
    call.response.on('error', (error) => this.fail(error))
  }

  /** An error has ended the call: nothing more is to be done for it. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** What the call holds from now on, in the place of what it held before. */
  holds(held: Held | undefined): void {
    if (this.#held?.mayHaveRun === true) this.#mayHaveRun = true
    this.#held = held
  }

  /** `act` in a form that does not throw. */
  around<A extends unknown[]>(act: (...args: A) => void): (...args: A) => void {
    return (...args) => {
      try {
        act(...args)
      } catch (error) {
        this.fail(error)
      }
    }
  }

  /** Each step is taken whatever became of the one before. */
  fail(error: unknown): void {
    this.#replies.broke(this.facts, error)
    if (this.#isOver) return
    this.#isOver = true
    const held = this.#held
    this.holds(undefined)
    try {
      held?.giveBack()
    } catch (another) {
      this.#replies.broke(this.facts, another)
    }
    try {
      this.#replies.end(this.#call, { ...this.facts, notExecuted: !this.#mayHaveRun })
    } catch (another) {
      this.#replies.broke(this.facts, another)
      this.#replies.cut(this.#call)
    }
  }
}
