/**
 * The calls of an MCP server's tools that came in one request, from the moment they are known until they are answered:
 * how they are refused, what ends their leases, and what becomes of them when the caller asks for their end.
 */
import type { ServerResponse } from 'node:http'
import type { McpAnswer } from '../reply/refuse-mcp.ts'
import { McpLeases } from './mcp-leases.ts'
import type { Slot, Watch } from '../upstream/exchange.ts'

export interface McpCallFacts {
  readonly answer: McpAnswer
  /** Keys of the ids of the tools/calls, the one whose lease the passage brings first. */
  readonly idKeys: readonly [string, ...string[]]
  /** The leases of the others of a batch. */
  readonly others?: ReadonlyMap<string, Slot>
  /** Closing the connection cancels (since 2026-07-28); before, the call goes on. */
  readonly isClosingCancel: boolean
  /** Every call was answered, in a stream that goes on: bounds how long it may. */
  readonly onAllAnswered?: () => void
}

export class McpCall {
  readonly #facts: McpCallFacts
  #leave: (() => boolean) | undefined
  #isWithdrawn = false
  #watch: McpLeases | undefined
  #response: ServerResponse | undefined
  #isGivenUp = false
  #isCancelled = false
  /** What is done once it is over. */
  #over: (() => void)[] = []

  constructor(facts: McpCallFacts) {
    this.#facts = facts
  }

  get answer(): McpAnswer {
    return this.#facts.answer
  }

  get onClientGone(): 'cancel' | 'finish' {
    const isOver = this.#watch?.isOpen === false
    return this.#facts.isClosingCancel || this.#isGivenUp || isOver ? 'cancel' : 'finish'
  }

  /** It was cancelled when it had its lease and had not started: it must not start. */
  get isWithdrawn(): boolean {
    return this.#isWithdrawn
  }

  /** It waits in its lane; `leave` takes it out, and says false when it waits no more. */
  wait(leave: () => boolean): void {
    this.#leave = leave
  }

  /** It runs with this lease. */
  run(slot: Slot, response: ServerResponse): McpLeases {
    const { idKeys, others = [], onAllAnswered = () => undefined } = this.#facts
    const slots = new Map<string, Slot>([[idKeys[0], slot], ...others])
    this.#leave = undefined
    this.#response = response
    const isResumable = !this.#facts.isClosingCancel
    const onOver = (): void => this.#end()
    this.#watch = new McpLeases({ slots, isResumable, onAllAnswered, onOver })
    return this.#watch
  }

  /** Its caller has gone, and it still runs. */
  get isAdrift(): boolean {
    return this.#watch?.isOpen === true && this.#response?.destroyed === true
  }

  /** Its caller comes back with another request, in which the answer will be seen. */
  move(): Watch | undefined {
    return this.#watch?.move()
  }

  /** Calls `done` when nothing of it waits or runs, and its caller has gone. */
  whenOver(response: ServerResponse, done: () => void): void {
    this.#over.push(done)
    response.once('close', () => {
      if (this.#watch?.isOpen !== true) this.#end()
    })
  }

  /** Calls `done` when nothing of it runs. */
  whenIdle(done: () => void): void {
    if (this.#watch?.isOpen === true) this.#over.push(done)
    else done()
  }

  #end(): void {
    for (const done of this.#over.splice(0)) done()
  }

  /** The caller asked for its end. `dequeued`: it was waiting, and the server will never hear of it. */
  cancel(): 'dequeued' | 'running' | 'over' {
    if (this.#leave !== undefined) {
      this.#isWithdrawn = !this.#leave()
      return 'dequeued'
    }
    if (this.#isCancelled || this.#watch?.isOpen !== true) return 'over'
    this.#isCancelled = true
    this.#watch.cancelled()
    return 'running'
  }

  /** It has not ended for its caller's asking: it is cut off. */
  giveUp(): void {
    this.#isGivenUp = true
    if (this.#watch?.isOpen !== true) return
    if (this.#response?.destroyed === false) this.#response.destroy()
    else this.#watch.stop()
  }

  /** Ends the request, whatever still comes. */
  stop(): void {
    this.#watch?.stop()
  }
}
