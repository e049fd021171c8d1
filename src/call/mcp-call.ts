/**
 * What is particular to the calls of an MCP server's tools that came in one request: how they are refused, what ends
 * their leases, and what becomes of them when their caller asks for their end or loses its connection.
 */
import type { LeaseHandle } from '../gate/lease-handle.ts'
import type { McpAnswer } from '../reply/refuse-mcp.ts'
import type { Clock } from '../time/clock.ts'
import type { AnswerObserver } from '../upstream/attempt.ts'
import type { Call } from './call.ts'
import { McpLeases } from './mcp-leases.ts'

/** Milliseconds that a server has to end a call that its caller cancelled, before it is cut off. */
const CANCEL_MS = 5000
/** Milliseconds that a stream may go on after its last answer. */
const TRAIL_MS = 30_000

export interface McpCallFacts {
  /** The form of a refusal. */
  readonly answer: McpAnswer
  /** Keys of the ids of the tools/calls; the first is that of the lease with which the call runs. */
  readonly idKeys: readonly [string, ...string[]]
  /** The leases of the others of a batch, in the order of their keys. */
  readonly otherLeases?: readonly LeaseHandle[]
  /** Closing the connection cancels the calls (since 2026-07-28); before, they go on. */
  readonly closingCancels: boolean
}

export class McpCall {
  readonly #call: Call
  readonly #facts: McpCallFacts
  readonly #clock: Clock
  #leases: McpLeases | undefined
  #isGivenUp = false
  #isCancelled = false
  #whenOver: (() => void)[] = []

  constructor(call: Call, facts: McpCallFacts, clock: Clock) {
    this.#call = call
    this.#facts = facts
    this.#clock = clock
  }

  get answer(): McpAnswer {
    return this.#facts.answer
  }

  /** What becomes of the attempt when the caller has gone. */
  get onCallerGone(): 'cancel' | 'finish' {
    const isAnswered = this.#leases?.isOpen === false
    return this.#facts.closingCancels || this.#isGivenUp || isAnswered ? 'cancel' : 'finish'
  }

  /** Its caller has gone, and a lease of it still runs. */
  get isAdrift(): boolean {
    return this.#leases?.isOpen === true && this.#call.caller.isGone
  }

  /** It runs with this lease; what is given back stands for all its leases. */
  run(lease: LeaseHandle): McpLeases {
    const { idKeys, otherLeases = [], closingCancels } = this.#facts
    const [first, ...others] = idKeys
    const leases = new Map<string, LeaseHandle>([[first, lease]])
    for (const [at, other] of otherLeases.entries()) leases.set(others[at] ?? '', other)
    this.#leases = new McpLeases({
      leases,
      isResumable: !closingCancels,
      onAllAnswered: () => this.#trail(),
      onOver: () => this.#over(),
    })
    return this.#leases
  }

  /** Its caller comes back with another request, in which the answer will be seen. */
  resume(): AnswerObserver | undefined {
    return this.#leases?.move()
  }

  /** Calls `act` when nothing of it waits or runs, and its caller has gone. */
  whenOver(act: () => void): void {
    this.#whenOver.push(act)
    this.#call.whenClosed(() => {
      if (this.#leases?.isOpen !== true) this.#over()
    })
  }

  /** Calls `act` when nothing of it runs. */
  whenIdle(act: () => void): void {
    if (this.#leases?.isOpen === true) this.#whenOver.push(act)
    else act()
  }

  /** The caller asked for the end of calls that run: the server has a while to end them. */
  cancelRunning(): 'running' | 'over' {
    if (this.#isCancelled || this.#leases?.isOpen !== true) return 'over'
    this.#isCancelled = true
    this.#leases.cancelled()
    const giveUp = this.#call.contained(() => this.#giveUp())
    const timer = this.#clock.after(CANCEL_MS, giveUp)
    this.#whenOver.push(() => timer.clear())
    return 'running'
  }

  #giveUp(): void {
    this.#isGivenUp = true
    if (this.#leases?.isOpen !== true) return
    if (this.#call.caller.isGone) this.#leases.stop()
    else this.#call.caller.cut()
  }

  /** Every call of a stream is answered: no lease covers what still comes. */
  #trail(): void {
    if (this.#call.caller.isGone) return this.#leases?.stop()
    const stop = this.#call.contained(() => this.#leases?.stop())
    const timer = this.#clock.after(TRAIL_MS, stop)
    this.#call.whenClosed(() => timer.clear())
  }

  #over(): void {
    for (const act of this.#whenOver.splice(0)) act()
  }
}
