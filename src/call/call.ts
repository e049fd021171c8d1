/**
 * One call, from its head to its settled lease: what is known of it, and the state that it is in. The pipeline moves it
 * from state to state; the lane's decision and the result of an attempt come back to the pipeline through
 * `PipelineCallbacks`. The call itself handles what can happen in any state: its caller leaves, or an error of Spillway's
 * own ends it.
 * Each callback of a call runs contained: an error in it ends this call and no other (docs/decisions/0033).
 */
import type { Turn } from '../gate/gate.ts'
import type { Priority } from '../lane/priority.ts'
import type { Outcome, RetryResult } from '../lane/reason.ts'
import type { Caller, CallerListener } from '../listen/caller.ts'
import type { RequestEvent } from '../observe/events.ts'
import type { Tool } from '../tools/tool.ts'
import type { AttemptOwner, AttemptResult } from '../upstream/attempt.ts'
import { abandonBody } from './body.ts'
import type { Body, CallFacts, CallParts, CallState, Earlier, Work } from './call-state.ts'
import type { McpCall } from './mcp-call.ts'

const ARRIVED: CallState = Object.freeze({ kind: 'arrived' })
const ENDED: CallState = Object.freeze({ kind: 'ended' })

export class Call implements AttemptOwner, CallerListener {
  readonly caller: Caller
  readonly requestId: string
  readonly work: Work
  /** Milliseconds on the clock. */
  readonly arrivedAtMs: number
  /** The tool in whose lane the call runs; reading an MCP message may find another than routing did. */
  tool: Tool
  /** The class that the lane gives it. */
  priority: Priority
  body: Body
  /** Milliseconds on the clock when the call asked its lane, the last time; when it arrived, until then. */
  askedAtMs: number
  /** Set for calls of an MCP server's tools. */
  mcp: McpCall | undefined
  /** Set when the tool has failed this call before. */
  earlier: Earlier | undefined
  /** An MCP message or stream beside the lanes. Its events are not emitted, but for refusals: it is no call of a lane. */
  isBeside = false
  readonly #parts: CallParts
  #state: CallState = ARRIVED
  /** The tool may have seen it, in an attempt that is over. */
  #mayHaveRunBefore = false
  #whenClosed: (() => void)[] | undefined
  #whenEnded: (() => void)[] | undefined
  #isClosed = false

  constructor({ caller, requestId, tool, priority, work, body }: CallFacts, parts: CallParts) {
    this.caller = caller
    this.requestId = requestId
    this.tool = tool
    this.priority = priority
    this.work = work
    this.body = body
    this.arrivedAtMs = parts.clock.nowMs()
    this.askedAtMs = this.arrivedAtMs
    this.#parts = parts
    caller.listen(this)
  }

  get state(): CallState {
    return this.#state
  }

  get isEnded(): boolean {
    return this.#state.kind === 'ended'
  }

  /** The tool may have seen the call. */
  get mayHaveRun(): boolean {
    return this.#mayHaveRunBefore || (this.#state.kind === 'running' && this.#state.attempt.mayHaveRun)
  }

  move(next: CallState): void {
    this.#mayHaveRunBefore = this.mayHaveRun
    this.#state = next
    if (next.kind !== 'ended') return
    for (const act of this.#whenEnded?.splice(0) ?? []) act()
  }

  /** The call is over without a refusal. `durationMs`: since its lease began; undefined if it never held one. */
  end(outcome: Outcome, durationMs: number | undefined): void {
    if (this.isEnded) return
    this.retried('cancelled')
    this.tell({ kind: 'finished', outcome, durationMs })
    this.move(ENDED)
  }

  /** The call has its refusal, which told its own events. */
  endRefused(): void {
    this.move(ENDED)
  }

  tell(event: RequestEvent): void {
    if (!this.isBeside) this.#parts.events.emit(this.tool.tool, event)
  }

  /** What became of a further attempt; the first result counts. */
  retried(result: RetryResult): void {
    if (this.earlier === undefined || this.earlier.isTold) return
    this.earlier.isTold = true
    this.tell({ kind: 'retried', result })
  }

  /** Calls `act` when the exchange with the caller is over. */
  whenClosed(act: () => void): void {
    if (this.#isClosed) act()
    else (this.#whenClosed ??= []).push(act)
  }

  /** Calls `act` when the call has ended: nothing of it waits or runs. */
  whenEnded(act: () => void): void {
    if (this.isEnded) act()
    else (this.#whenEnded ??= []).push(act)
  }

  contained<A extends unknown[]>(act: (...args: A) => void): (...args: A) => void {
    return (...args) => {
      try {
        act(...args)
      } catch (error) {
        this.fail(error)
      }
    }
  }

  try(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.fail(error)
    }
  }

  /** Gives back what the call holds and answers it. */
  fail(error: unknown): void {
    const { replies } = this.#parts
    replies.broke(this, error)
    if (this.isEnded) return
    const { mayHaveRun } = this
    const before = this.#state
    this.#goOn(() => this.move(ENDED))
    this.#goOn(() => giveBack(before))
    this.#goOn(() => abandonBody(this))
    if (!this.#goOn(() => replies.breakOff(this, !mayHaveRun))) this.caller.cut()
  }

  /** After an error each step is taken whatever became of the one before. False: the step met another error. */
  #goOn(step: () => void): boolean {
    try {
      step()
      return true
    } catch (another) {
      this.#parts.replies.broke(this, another)
      return false
    }
  }

  /** The caller's listener: writing failed. */
  failed(error: unknown): void {
    this.fail(error)
  }

  /** The caller's listener: the exchange is over. A shutdown waits for that. */
  closed(isAnswered: boolean): void {
    this.#isClosed = true
    this.#parts.drain.leave()
    if (!isAnswered) this.try(() => this.#callerLeft())
    for (const act of this.#whenClosed?.splice(0) ?? []) this.try(act)
  }

  #callerLeft(): void {
    const state = this.#state
    switch (state.kind) {
      case 'arrived':
        return this.end('cancelled', undefined)
      case 'waiting':
        // False: its turn was told already, and the pipeline sees that the caller has gone.
        if (state.leave()) this.end('cancelled', undefined)
        return
      case 'running':
        return state.attempt.callerLeft(this.mcp?.onCallerGone ?? this.tool.settings.onClientGone)
      case 'retrying':
        state.timer.clear()
        return this.end('cancelled', undefined)
      case 'ended':
        return
      default:
        state satisfies never
    }
  }

  /** The gate's callback. */
  readonly onTurn = (turn: Turn): void => {
    this.try(() => this.#parts.pipeline.turned(this, turn))
  }

  answered(status: number, firstByteMs: number): void {
    this.tell({ kind: 'answered', status, firstByteMs })
    this.retried(this.tool.settings.retries.on.includes(status) ? 'failed' : 'succeeded')
  }

  reconnected(): void {
    this.tell({ kind: 'reconnected' })
  }

  done(result: AttemptResult): void {
    if (!this.isEnded) this.#parts.pipeline.attempted(this, result)
  }
}

function giveBack(state: CallState): void {
  if (state.kind === 'waiting') state.leave()
  else if (state.kind === 'running') state.attempt.giveBack()
  else if (state.kind === 'retrying') state.timer.clear()
}
