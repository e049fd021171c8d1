/**
 * The event stream for operators: state changes as they happen, and every lane once a second. The number of watchers is
 * bounded, and a watcher that does not read is disconnected.
 */
import type { ServerResponse } from 'node:http'
import type { Fault } from '../lane/reason.ts'
import { give } from '../reply/answer.ts'
import { eventStream, eventText, noPlaceToWatch } from '../reply/event-stream.ts'
import type { Clock, Timer } from '../time/clock.ts'
import { showDecision } from './lane-json.ts'
import type { ToolEvent } from './events.ts'

/** Watchers at once: enough for a few dashboards. */
export const MAX_WATCHERS = 32
/** Bytes that a slow watcher may leave unread. */
const MAX_UNREAD_BYTES = 1_048_576
/** Milliseconds between two events about failures of the same tool by the same cause. */
const FAULTS_EVERY_MS = 1000
/** Milliseconds between two events with all lanes. */
const LANES_EVERY_MS = 1000

export interface WatchParts {
  readonly clock: Clock
  readonly lanes: () => readonly object[]
  /** An error of Spillway's own was contained. */
  readonly onError: (error: unknown) => void
}

export class Watchers {
  readonly #parts: WatchParts
  readonly #watching = new Set<ServerResponse>()
  /** Milliseconds: the last event about a failure, by tool, phase and cause. The configuration bounds the keys. */
  readonly #faultsAtMs = new Map<string, number>()
  #timer: Timer | undefined

  constructor(parts: WatchParts) {
    this.#parts = parts
  }

  /** Takes over the response until the watcher leaves. */
  readonly add = (response: ServerResponse): void => {
    if (this.#watching.size >= MAX_WATCHERS) {
      give(response, noPlaceToWatch(`already ${MAX_WATCHERS} watchers`))
      return
    }
    const { status, headers } = eventStream()
    response.writeHead(status, headers)
    this.#watching.add(response)
    response.on('close', () => this.#remove(response))
    this.#send(response, eventText('lanes', this.#parts.lanes()))
    this.#timer ??= this.#tick()
  }

  /** Passes on events that change the state of a lane. Events of single requests would be too many. */
  readonly tell = (tool: string, event: ToolEvent): void => {
    if (this.#watching.size === 0) return
    switch (event.kind) {
      case 'decided':
        return this.#broadcast('decided', { tool, ...showDecision(event.decision), from: event.from })
      case 'operated':
        return this.#broadcast('operated', { tool, paused: event.paused, pinned: event.pinned })
      case 'shedding':
        return this.#broadcast('shedding', { tool, shed_low_priority: event.isOn })
      case 'throttled':
        return this.#broadcast('throttled', { tool, throttled: event.isOn, for_ms: Math.round(event.forMs) })
      case 'reconnected':
        return this.#broadcast('reconnected', { tool })
      case 'tool_failed':
        return this.#tellFault(tool, event.fault, event.atMs)
      case 'internal_error':
        return this.#broadcast('internal_error', { tool, error: event.error, request_id: event.requestId })
      case 'ended':
        if (event.cause === 'reclaimed')
          this.#broadcast('reclaimed', { tool, held_ms: Math.round(event.heldMs) })
        return
      case 'admitted':
      case 'started':
      case 'left':
      case 'ended_twice':
      case 'replied':
      case 'answered':
      case 'finished':
      case 'retried':
      case 'mcp':
      case 'fleet_mode':
      case 'fleet_overshoot':
      case 'fleet_reported':
        return
      default:
        event satisfies never
    }
  }

  close(): void {
    this.#timer?.clear()
    this.#timer = undefined
    for (const response of this.#watching) response.end()
    this.#watching.clear()
  }

  /** A tool that is down fails every call, so the first failure is told, and then one a second. */
  #tellFault(tool: string, { phase, cause, code }: Fault, atMs: number): void {
    const key = `${phase} ${cause} ${tool}`
    if (atMs - (this.#faultsAtMs.get(key) ?? -Infinity) < FAULTS_EVERY_MS) return
    this.#faultsAtMs.set(key, atMs)
    this.#broadcast('tool_failed', { tool, phase, cause, code: code ?? null })
  }

  #remove(response: ServerResponse): void {
    this.#watching.delete(response)
    if (this.#watching.size > 0) return
    this.#timer?.clear()
    this.#timer = undefined
  }

  #tick(): Timer {
    return this.#parts.clock.after(LANES_EVERY_MS, () => {
      try {
        this.#broadcast('lanes', this.#parts.lanes())
      } catch (error) {
        // An ended stream tells the watcher more than a silent one.
        this.close()
        this.#parts.onError(error)
      }
      this.#timer = this.#watching.size > 0 ? this.#tick() : undefined
    })
  }

  #broadcast(name: string, data: object): void {
    if (this.#watching.size === 0) return
    const text = eventText(name, data)
    for (const response of this.#watching) this.#send(response, text)
  }

  /** The unread bytes of a watcher exceed the bound by at most one event. */
  #send(response: ServerResponse, text: string): void {
    if (response.writableLength > MAX_UNREAD_BYTES) response.destroy()
    else response.write(text)
  }
}
