/**
 * All events: those of lanes, of single requests and of the fleet. Totals, metrics, log and event stream subscribe here.
 * Must not know what a subscriber does with an event.
 */
import type { Depths, LaneEvent } from '../lane/event.ts'
import type { Priority } from '../lane/priority.ts'
import type { Fault, Outcome, Reason, RetryResult } from '../lane/reason.ts'
import { showError } from './internal-error.ts'

/** The tool's name in events of requests that no tool matched. No tool can have this name. */
export const NO_TOOL = '-'

export type RequestEvent =
  /** A message of the Model Context Protocol arrived. The method's name is one of a closed set. */
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
  /** A call was sent again over a fresh connection, because the tool had closed the first one as idle. */
  | { readonly kind: 'reconnected' }
  /** A call failed on its way to or from the tool, at this moment (monotonic milliseconds), whatever its caller got. */
  | { readonly kind: 'tool_failed'; readonly fault: Fault; readonly atMs: number }
  /** The tool's response head arrived. Milliseconds since its lease began. */
  | { readonly kind: 'answered'; readonly status: number; readonly firstByteMs: number }
  /** The request is over. Milliseconds since its lease began; absent when it never held one. */
  | { readonly kind: 'finished'; readonly outcome: Outcome; readonly durationMs: number | undefined }
  /** The result of a retry, or why there was none. */
  | { readonly kind: 'retried'; readonly result: RetryResult }
  /** An error of Spillway's own ended one call, or one subscriber's handling of an event. The process goes on. */
  | {
      readonly kind: 'internal_error'
      readonly requestId: string | undefined
      readonly error: string
      readonly message: string
      readonly stack: string
    }

/** The state of a lane's connection to the fleet's store. `learning`: it answers, but gives no slots for one TTL. */
export type FleetMode = 'joining' | 'learning' | 'up' | 'lost'

export type FleetEvent =
  | {
      readonly kind: 'fleet_mode'
      readonly mode: FleetMode
      readonly onStoreLoss: string
      /** The last error of the store or of its connection; undefined unless it is lost. Never holds a password. */
      readonly cause: string | undefined
      /** Milliseconds until the store gives slots; undefined unless it is learning. */
      readonly opensInMs: number | undefined
      /** The lane has had no slots so far. */
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

  /** Subscribes for good. An error of a subscriber is told to the others and does not reach the emitter. */
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

  /** Tells that an error of Spillway's own was contained. An error during that is dropped. */
  broke(tool: string, requestId: string | undefined, error: unknown): void {
    if (this.#isTellingOfError) return
    this.#isTellingOfError = true
    this.emit(tool, { kind: 'internal_error', requestId, ...showError(error) })
    this.#isTellingOfError = false
  }
}
