/**
 * Everything that happens, told once: the lanes' own events and what befalls single requests. Whoever counts, logs or
 * shows subscribes here. Must not know what they do with it.
 */
import type { Depths, LaneEvent } from '../lane/event.ts'
import type { Priority } from '../lane/priority.ts'
import type { Fault, Outcome, Reason, RetryResult } from '../lane/reason.ts'
import { showError } from './internal-error.ts'

/** The tool's name for requests that no tool matched; no tool can be called so. */
export const NO_TOOL = '-'

export type RequestEvent =
  /** A message of the Model Context Protocol came; the method's name is one of a closed set. */
  | { readonly kind: 'mcp'; readonly method: string }
  /** Spillway answered in the tool's place. */
  | {
      readonly kind: 'replied'
      readonly reason: Reason
      readonly priority: Priority
      readonly retryAfterMs: number | undefined
      /** Absent when no tool matched. */
      readonly depths: Depths | undefined
      /** What went wrong on the way to the tool. */
      readonly fault?: Fault | undefined
    }
  /** A call went out again over a fresh connection: the tool had closed the one that it first went over for being idle. */
  | { readonly kind: 'reconnected' }
  /** The way to the tool failed a call, at this moment (monotonic milliseconds), whatever its caller got. */
  | { readonly kind: 'tool_failed'; readonly fault: Fault; readonly atMs: number }
  /** The tool's response head arrived. Milliseconds since its lease began. */
  | { readonly kind: 'answered'; readonly status: number; readonly firstByteMs: number }
  /** The request is over. Milliseconds since its lease began; absent when it never held one. */
  | { readonly kind: 'finished'; readonly outcome: Outcome; readonly durationMs: number | undefined }
  /** What became of trying a request once more, or of the wish to. */
  | { readonly kind: 'retried'; readonly result: RetryResult }
  /** An error of ours ended one call, or one subscriber's part in an event; the process goes on. */
  | {
      readonly kind: 'internal_error'
      readonly requestId: string | undefined
      readonly error: string
      readonly message: string
      readonly stack: string
    }

/** How a lane stands with the fleet's store; `learning`: it answers, and gives nothing before one TTL has passed. */
export type FleetMode = 'joining' | 'learning' | 'up' | 'lost'

export type FleetEvent =
  | {
      readonly kind: 'fleet_mode'
      readonly mode: FleetMode
      readonly onStoreLoss: string
      /** What the store, or the way to it, said last; undefined unless it is lost. Never holds a password. */
      readonly cause: string | undefined
      /** Milliseconds until the store gives slots; undefined unless it is learning. */
      readonly opensInMs: number | undefined
      /** The lane has had nothing to run calls on yet. */
      readonly isFirst: boolean
    }
  /** Calls that run on though the slots they began with are lost. */
  | { readonly kind: 'fleet_overshoot'; readonly calls: number }
  /** One round trip to the store. */
  | { readonly kind: 'fleet_reported'; readonly isOk: boolean; readonly tookMs: number }

export type ToolEvent = LaneEvent | RequestEvent | FleetEvent

export type Subscriber = (tool: string, event: ToolEvent) => void

export class Events {
  readonly #subscribers: Subscriber[] = []

  #isTellingOfError = false

  /** For good. What a subscriber throws is told to the others, and is nothing to whoever emits. */
  subscribe(subscriber: Subscriber): void {
    this.#subscribers.push(subscriber)
  }

  emit(tool: string, event: ToolEvent): void {
    for (const subscriber of this.#subscribers) {
      try {
        subscriber(tool, event)
      } catch (error) {
        this.broke(tool, undefined, error)
      }
    }
  }

  /** An error of ours was contained. An error in telling of errors is told to nobody. */
  broke(tool: string, requestId: string | undefined, error: unknown): void {
    if (this.#isTellingOfError) return
    this.#isTellingOfError = true
    this.emit(tool, { kind: 'internal_error', requestId, ...showError(error) })
    this.#isTellingOfError = false
  }
}
