/**
 * Leases for work that is no call through the proxy: a sandbox, a browser session, a command. Same lane, same queue, same
 * refusals. Knows the leases that workers hold, as many as the lanes' limits allow, and forgets each with its end.
 */
import { randomUUID } from 'node:crypto'
import { Containment } from './containment.ts'
import type { Turn } from '../gate/gate.ts'
import type { LeaseHandle } from '../gate/lease-handle.ts'
import type { Refusal } from '../lane/effects.ts'
import { priorityIn } from '../lane/priority.ts'
import type { Priority } from '../lane/priority.ts'
import type { Outcome, Verdict } from '../lane/reason.ts'
import type { Connections } from '../listen/connections.ts'
import type { Drain } from '../listen/drain.ts'
import type { LeaseRequest } from '../listen/lease-request.ts'
import type { HttpExchange } from '../listen/http-exchange.ts'
import type { Events } from '../observe/events.ts'
import type { Replies } from './replies.ts'
import { give } from '../reply/answer.ts'
import { leaseGranted } from '../reply/notice.ts'
import { agentKey } from '../route/agent.ts'
import type { Clock } from '../time/clock.ts'
import type { Tool, Tools } from '../tools/tools.ts'

export interface LeaseDeskParts {
  readonly tools: Tools
  readonly replies: Replies
  readonly events: Events
  readonly drain: Drain
  /** Of the admin listener: a worker that waits holds one. */
  readonly connections: Connections
  readonly clock: Clock
  /** More runs in this lane than the fleet has slots for it. */
  readonly isBeyondFleet: (tool: string, active: number) => boolean
  /** Makes a key that cannot be turned back. */
  readonly hash: (text: string) => string
}

interface Held {
  readonly id: string
  readonly jobId: string | undefined
  readonly tool: Tool
  readonly lease: LeaseHandle
  /** Greater than that of any lease before, so that whoever is written to can tell the late from the present holder. */
  readonly epoch: number
}

interface Asked {
  readonly exchange: HttpExchange
  readonly tool: Tool
  readonly order: LeaseRequest
  readonly priority: Priority
  /** Milliseconds on the clock. */
  readonly askedAtMs: number
}

export class LeaseDesk {
  readonly #parts: LeaseDeskParts
  readonly #held = new Map<string, Held>()
  #epoch = 0

  constructor(parts: LeaseDeskParts) {
    this.#parts = parts
  }

  has(tool: string): boolean {
    return this.#parts.tools.get(tool) !== undefined
  }

  /** Answers when the worker has its lease, or is refused. */
  ask(name: string, order: LeaseRequest, exchange: HttpExchange): void {
    const tool = this.#parts.tools.get(name)
    if (tool === undefined) throw new Error(`a lease was asked of ${name}, which is gone`)
    const priority = priorityIn(tool.settings.lane.priority, order.priority)
    const asked: Asked = { exchange, tool, order, priority, askedAtMs: this.#parts.clock.nowMs() }
    if (this.#parts.drain.isDraining) return this.#drained(asked)
    if (!this.#parts.connections.hold(exchange, tool.tool)) {
      const retryAfterMs = this.#parts.replies.untilReplacedMs(tool)
      return this.#parts.replies.refuse(callOf(asked), 'PROXY_OVERLOADED', {
        ...factsOf(asked),
        retryAfterMs,
      })
    }
    const containment = new Containment(callOf(asked), factsOf(asked), this.#parts.replies)
    containment.around(() => this.#ask(asked, containment))()
  }

  #ask(asked: Asked, containment: Containment): void {
    const { exchange, tool, order, priority } = asked
    // The shutdown waits for this: until the worker is sent away, or its lease is over.
    const { drain } = this.#parts
    drain.enter()
    const leaveDrain = (): void => drain.leave()
    containment.holds({ mayHaveRun: false, giveBack: leaveDrain })
    const { leaseMs, waitMs: ttlMs, agent } = order
    const by = tool.settings.agentHeader
    const peer = exchange.request.socket.remoteAddress ?? 'unknown'
    const agentOf = (): string | undefined =>
      agentKey(by, { header: (name) => (name === by ? agent : undefined), peer }, this.#parts.hash)
    const onTurn = containment.around((turn: Turn) => {
      exchange.response.off('close', leave)
      this.#proceed(asked, turn, containment)
    })
    const entered = tool.gate.enter({ priority, leaseMs, ttlMs, agentOf }, onTurn)
    if (entered.kind !== 'queued') return this.#proceed(asked, entered, containment)
    const leave = containment.around(() => {
      if (!entered.leave()) return
      this.#finished(tool, 'cancelled', undefined)
      containment.holds(undefined)
      drain.leave()
    })
    const giveBack = (): void => {
      exchange.response.off('close', leave)
      drain.leave()
      entered.leave()
    }
    containment.holds({ mayHaveRun: false, giveBack })
    exchange.response.once('close', leave)
  }

  renew(id: string): object | undefined {
    const held = this.#held.get(id)
    if (held === undefined) return undefined
    if (this.#isLost(held)) {
      held.lease.settle({ cause: 'cancelled', verdict: 'ignored' })
      this.#over(held, 'broken')
      return undefined
    }
    held.lease.renew()
    return this.#show(held)
  }

  /** A call that runs goes to its end, but a worker may go on for hours: it is told when its slot is another sidecar's. */
  #isLost({ tool }: Held): boolean {
    return this.#parts.isBeyondFleet(tool.tool, tool.gate.lane.depths().active)
  }

  /** What a second end says changes nothing. */
  end(id: string, verdict: Verdict): boolean {
    const held = this.#held.get(id)
    if (held === undefined) return false
    const heldMs = this.#parts.clock.nowMs() - held.lease.grantedAtMs
    const latencyMs = verdict === 'ok' ? heldMs : undefined
    held.lease.settle({ cause: 'completed', verdict, latencyMs })
    this.#over(held, 'completed')
    return true
  }

  #proceed(asked: Asked, turn: Turn, containment: Containment): void {
    if (turn.kind === 'granted') return this.#grant(asked, turn.lease, containment)
    this.#sendAway(asked, turn.refusal)
    containment.holds(undefined)
    this.#parts.drain.leave()
  }

  #sendAway(asked: Asked, { reason, retryAfterMs }: Refusal): void {
    if (reason === 'DRAINING') return this.#drained(asked)
    const queuedMs = this.#parts.clock.nowMs() - asked.askedAtMs
    this.#parts.replies.refuse(callOf(asked), reason, { ...factsOf(asked), retryAfterMs, queuedMs })
  }

  #grant({ exchange, tool, order }: Asked, lease: LeaseHandle, containment: Containment): void {
    const { response } = exchange
    const giveBack = (): void => {
      lease.settle({ cause: 'cancelled', verdict: 'ignored' })
      this.#parts.drain.leave()
    }
    containment.holds({ mayHaveRun: false, giveBack })
    if (response.destroyed) {
      containment.holds(undefined)
      giveBack()
      return this.#finished(tool, 'cancelled', 0)
    }
    this.#epoch = Math.max(this.#epoch + 1, Math.floor(this.#parts.clock.wallMs()))
    const held = { id: randomUUID(), jobId: order.jobId, tool, lease, epoch: this.#epoch }
    this.#held.set(held.id, held)
    containment.holds({ mayHaveRun: false, giveBack: () => void this.end(held.id, 'ignored') })
    // A worker that stalled says nothing about the tool.
    lease.waitsFor('caller')
    lease.onReclaimed(containment.around(() => this.#over(held, 'broken')))
    // It may be held for hours: a lane that waits to see what comes of one call cannot wait for that.
    lease.accepted()
    give(response, leaseGranted(this.#show(held), held.id))
  }

  #over(held: Held, outcome: Outcome): void {
    if (!this.#held.delete(held.id)) return
    this.#parts.drain.leave()
    this.#finished(held.tool, outcome, this.#parts.clock.nowMs() - held.lease.grantedAtMs)
  }

  #finished({ tool }: Tool, outcome: Outcome, durationMs: number | undefined): void {
    this.#parts.events.emit(tool, { kind: 'finished', outcome, durationMs })
  }

  #drained(asked: Asked): void {
    const retryAfterMs = this.#parts.replies.untilReplacedMs(asked.tool)
    this.#parts.replies.refuse(callOf(asked), 'DRAINING', { ...factsOf(asked), retryAfterMs })
  }

  #show({ id, jobId, tool, lease, epoch }: Held): object {
    const { nowMs, wallMs } = this.#parts.clock
    const leaseMs = lease.leaseMs ?? tool.settings.lane.leaseMs
    const renewedMs = wallMs() + (lease.renewedAtMs - nowMs())
    return {
      lease_id: id,
      tool: tool.tool,
      job_id: jobId ?? null,
      expires_at: new Date(renewedMs + leaseMs).toISOString(),
      heartbeat_at: new Date(renewedMs).toISOString(),
      epoch,
    }
  }
}

function callOf({ exchange }: Asked) {
  return { ...exchange, expectsContinue: false, upgrade: undefined }
}

function factsOf({ tool, priority }: Asked) {
  return { requestId: randomUUID(), tool, priority }
}
