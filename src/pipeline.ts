/**
 * The path of one call, on one screen. A stage takes a call and moves it on, or ends it with an answer:
 *
 *     route -> (share, read an MCP message) -> share -> body -> lane -> (queue) -> attempt -> (retry) -> answer
 *
 * Plain calls, MCP calls, batches and the leases of workers go this way. The lane decides at once; nothing is retried
 * while a lease is held; the end of the tool's answer settles the lease.
 */
import { afterAttempt, giveLast } from './call/after-attempt.ts'
import { arrivalOf, leaseCallOf } from './call/arrival.ts'
import { refusalBeforeLane, shareRefusal } from './call/before-lane.ts'
import { isToCome } from './call/body.ts'
import type { Call } from './call/call.ts'
import type { CallParts, PipelineCallbacks } from './call/call-state.ts'
import { abandonLease, dispatch } from './call/dispatch.ts'
import { enterBatch } from './call/mcp-batch.ts'
import { enterBeside } from './call/mcp-beside.ts'
import { McpStage } from './call/mcp-stage.ts'
import type { Way } from './call/mcp-stage.ts'
import { leaseAnswerOf } from './call/lease-answer.ts'
import type { LeaseAnswer } from './call/lease-answer.ts'
import { ReadAhead } from './call/read-ahead.ts'
import { wantOf } from './call/want.ts'
import { WorkerLeases } from './call/worker-leases.ts'
import type { Turn } from './gate/gate.ts'
import type { Caller } from './listen/caller.ts'
import type { LeaseRequest } from './listen/lease-request.ts'
import type { Tool } from './tools/tool.ts'
import type { AttemptResult } from './upstream/attempt.ts'

export class Pipeline implements PipelineCallbacks {
  readonly leases: WorkerLeases
  readonly mcp: McpStage
  readonly #parts: CallParts
  readonly #readAhead: ReadAhead

  constructor(parts: Omit<CallParts, 'pipeline'>) {
    this.#parts = { ...parts, pipeline: this }
    this.leases = new WorkerLeases(parts)
    this.mcp = new McpStage(parts)
    this.#readAhead = new ReadAhead(parts)
  }

  /** A request came to the listener for agents. */
  readonly handle = (caller: Caller): void => {
    const call = arrivalOf(caller, this.#parts)
    // Of an MCP server's traffic only the calls of tools go through a lane, and the body says which.
    call?.try(() => (call.tool.settings.mcp === undefined ? this.#enter(call) : this.#read(call)))
  }

  /** A worker asks for a lease of this tool. */
  lease(caller: Caller, tool: Tool, wanted: LeaseRequest): void {
    const call = leaseCallOf(caller, tool, wanted, this.#parts)
    call.try(() => this.#enter(call))
  }

  #read(call: Call): void {
    const refusal = shareRefusal(call, call.tool.tool, this.#parts.replies)
    if (refusal !== undefined) this.#parts.replies.refuse(call, refusal)
    else this.mcp.read(call, (way) => !call.isEnded && this.#follow(call, way))
  }

  #follow(call: Call, way: Way): void {
    switch (way.kind) {
      case 'lane':
        return this.#enter(call)
      case 'batch':
        return this.#proceed(call, enterBatch(call, way.batch, this.#parts))
      case 'beside':
        return this.#proceed(call, enterBeside(call, way, this.#parts.replies))
      case 'accepted':
        return this.#parts.replies.accept(call)
      case 'refused':
        return this.#parts.replies.refuse(call, way.refusal)
      default:
        way satisfies never
    }
  }

  /** Refuses what needs no lane, then reads the body ahead. A call that its lane would refuse now is asked for no body. */
  #enter(call: Call): void {
    const refusal = refusalBeforeLane(call, this.#parts)
    if (refusal !== undefined) return this.#parts.replies.refuse(call, refusal)
    const nowMs = this.#parts.clock.nowMs()
    if (!isToCome(call) || call.tool.gate.lane.wouldRefuse(call.priority, nowMs)) return this.#askLane(call)
    this.#readAhead.read(call, (late) => {
      if (late === undefined) this.#askLane(call)
      else this.#parts.replies.refuse(call, late)
    })
  }

  /** The lane decides at once: run, wait or go away. */
  #askLane(call: Call): void {
    call.askedAtMs = this.#parts.clock.nowMs()
    const want = wantOf(call, call.askedAtMs, this.#parts.hash)
    const entered = call.tool.gate.enter(want, call.onTurn)
    if (entered.kind !== 'queued') return this.turned(call, entered)
    call.move({ kind: 'waiting', leave: entered.leave })
    this.#readAhead.beside(call)
  }

  turned(call: Call, turn: Turn): void {
    this.#proceed(call, leaseAnswerOf(call, turn, this.#parts.clock.nowMs()))
  }

  #proceed(call: Call, answer: LeaseAnswer): void {
    if (answer.kind === 'refused') return this.#parts.replies.refuse(call, answer.refusal)
    if (answer.kind === 'not again') return giveLast(call, answer.last, this.#parts.replies)
    if (call.isEnded || call.caller.isGone) abandonLease(call, answer.lease)
    else if (call.work.kind === 'hold') this.leases.grant(call, call.work.wanted, answer.lease)
    else dispatch(call, call.work, answer, this.#parts.clock)
  }

  attempted(call: Call, result: AttemptResult): void {
    const backoffMs = afterAttempt(call, result, this.#parts)
    if (backoffMs === undefined) return
    const again = call.contained(() => this.#askLane(call))
    call.move({ kind: 'retrying', timer: this.#parts.clock.after(backoffMs, again) })
  }
}
