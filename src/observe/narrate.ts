/**
 * Decides which events get a log line, in the seed document's words. Every state change gets one. A full lane refuses calls
 * by the thousand, so refusals are sampled: the first of each tool and reason, then one a second with the number left out.
 */
import type { Depths } from '../lane/event.ts'
import type { Lane } from '../lane/lane.ts'
import type { Reason } from '../lane/reason.ts'
import type { Clock } from '../time/clock.ts'
import { showFigures } from './lane-json.ts'
import { DeadZone } from './dead-zone.ts'
import type { RequestEvent, ToolEvent } from './events.ts'
import type { Fields, Log } from './log.ts'
import { Sampled } from './sampled.ts'

/** Milliseconds between two lines about refusals of the same tool and reason. */
const SAMPLE_MS = 1000
/** Lines about our own errors in that time: enough for several different errors, and a bound for a flood. */
const MAX_ERROR_LINES = 20

export interface NarratorParts {
  readonly log: Log
  readonly clock: Clock
  /** The fields of a lane's status line; undefined for a tool that is no longer configured. */
  readonly status: (tool: string) => Fields | undefined
}

/** Reasons of calls that had a lease. */
const RAN: ReadonlySet<Reason> = new Set<Reason>(['UPSTREAM_UNREACHABLE', 'UPSTREAM_FAILED', 'LEASE_EXPIRED'])

type InternalError = Extract<RequestEvent, { kind: 'internal_error' }>
type Replied = Extract<RequestEvent, { kind: 'replied' }>
/** An answer that broke off: its caller saw its connection end and got no reason. */
type Broken = Extract<RequestEvent, { kind: 'tool_failed' }>

/** The bad end of a call. */
interface BadEnd {
  readonly tool: string
  readonly event: Replied | Broken
}

export class Narrator {
  readonly #parts: NarratorParts
  /** Keyed by tool, reason and cause: bounded by the configuration. */
  readonly #sampled: Sampled<BadEnd>
  readonly #deadZone = new DeadZone()
  #isClosed = false
  #errorSecond = 0
  #errorLines = 0
  #errorsLeftOut = 0

  constructor(parts: NarratorParts) {
    this.#parts = parts
    this.#sampled = new Sampled({
      clock: parts.clock,
      everyMs: SAMPLE_MS,
      write: (badEnd: BadEnd, leftOut) => this.#write(badEnd, leftOut),
    })
  }

  readonly tell = (tool: string, event: ToolEvent): void => {
    // Calls that are cut by the end of this process say nothing about the tool.
    if (this.#isClosed) return
    if (event.kind === 'decided') this.#warn(tool, event)
    if (event.kind === 'internal_error') this.#broke(tool, event)
    else if (event.kind === 'replied') this.#sample(tool, event)
    else if (event.kind === 'tool_failed') {
      // A failure before the response head is told by the reply to its caller.
      if (event.fault.phase === 'body') this.#sample(tool, event)
    } else if (event.kind === 'decided' && event.decision.limit !== event.from) {
      const { action, limit, reason, figures } = event.decision
      this.#status(tool)
      this.#parts.log('info', {
        tool,
        controller_action: action,
        new_limit: limit,
        old_limit: event.from,
        reason,
        ...showFigures(figures),
        error_rate: figures.errorRate.toFixed(2),
      })
    } else if (event.kind === 'operated') {
      this.#parts.log('info', { tool, operator: 'valve', paused: event.paused, pinned: event.pinned })
    } else if (event.kind === 'shedding') {
      this.#parts.log('info', { tool, shed_low_priority: event.isOn })
    } else if (event.kind === 'throttled') {
      const forMs = event.isOn ? Math.round(event.forMs) : undefined
      this.#parts.log('info', { tool, throttled: event.isOn, for_ms: forMs })
    } else if (event.kind === 'fleet_mode') {
      const { mode, onStoreLoss, cause, opensInMs } = event
      if (mode === 'lost')
        this.#parts.log('error', { tool, fleet_store: mode, on_store_loss: onStoreLoss, cause })
      else if (mode === 'learning' && event.isFirst)
        this.#parts.log('warn', { tool, fleet_store: mode, ready: false, ready_in_ms: opensInMs })
      else this.#parts.log('info', { tool, fleet_store: mode, opens_in_ms: opensInMs })
    } else if (event.kind === 'fleet_overshoot') {
      this.#parts.log('warn', { tool, fleet: 'overshoot', calls: event.calls })
    } else if (event.kind === 'ended' && event.cause === 'reclaimed') {
      this.#parts.log('warn', {
        tool,
        lease: 'reclaimed',
        cause: 'silent',
        held_ms: Math.round(event.heldMs),
      })
    } else if (event.kind === 'ended_twice') {
      this.#parts.log('error', {
        tool,
        lease: 'ended_twice',
        msg: 'a lease was ended twice: please report this bug',
      })
    }
  }

  /** Writes the lines that were left out so far, and stops the timers. */
  close(): void {
    this.#isClosed = true
    this.#sampled.close()
  }

  #sample(tool: string, event: Replied | Broken): void {
    const key = `${event.kind === 'replied' ? event.reason : 'broken'}/${event.fault?.cause ?? ''} ${tool}`
    this.#sampled.take(key, { tool, event })
  }

  #warn(tool: string, { algorithm, decision }: Extract<ToolEvent, { kind: 'decided' }>): void {
    if (algorithm !== 'aimd') return
    const warning = this.#deadZone.notice(tool, decision)
    if (warning !== undefined) this.#parts.log('warn', { tool, controller_warning: 'dead_zone', ...warning })
  }

  /** A caller that can cause one error could cause many, so these lines are bounded for each second. */
  #broke(tool: string, event: InternalError): void {
    const secondNow = Math.floor(this.#parts.clock.nowMs() / SAMPLE_MS)
    if (secondNow !== this.#errorSecond) {
      this.#errorSecond = secondNow
      this.#errorLines = 0
    }
    if (++this.#errorLines > MAX_ERROR_LINES) {
      this.#errorsLeftOut++
      return
    }
    this.#parts.log('error', {
      tool,
      internal_error: event.error,
      msg: event.message,
      request_id: event.requestId,
      stack: event.stack,
      left_out: this.#errorsLeftOut === 0 ? undefined : this.#errorsLeftOut,
    })
    this.#errorsLeftOut = 0
  }

  #status(tool: string): void {
    const fields = this.#parts.status(tool)
    if (fields !== undefined) this.#parts.log('info', fields)
  }

  #write({ tool, event }: BadEnd, leftOut: number): void {
    // While the process ends, the state of its lanes is of no interest.
    if (!this.#isClosed) this.#status(tool)
    const what =
      event.kind === 'tool_failed'
        ? { call: 'broken' }
        : {
            ...(RAN.has(event.reason) ? { call: 'failed' } : { admission: 'reject' }),
            reason: event.reason,
            retry_after_ms: event.retryAfterMs,
          }
    this.#parts.log('warn', {
      tool,
      ...what,
      cause: event.fault?.cause,
      code: event.fault?.code,
      left_out: leftOut === 0 ? undefined : leftOut,
    })
  }
}

/** The seed's first line: `tool=github queue_depth=119/120 active_workers=8/8 p95_ms=4820 error_rate=0.03`. */
export function statusFields(lane: Lane, nowMs: number): Fields {
  const { queueDepth, active, limit }: Depths = lane.depths()
  const { p95Ms, errorRate } = lane.snapshot(nowMs)
  return {
    tool: lane.settings.tool,
    queue_depth: `${queueDepth}/${lane.settings.maxQueueDepth}`,
    active_workers: `${active}/${limit}`,
    p95_ms: Math.round(p95Ms ?? 0),
    error_rate: errorRate.toFixed(2),
  }
}
