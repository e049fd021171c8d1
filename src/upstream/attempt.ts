/**
 * One attempt to have a tool answer a call: what forwarding is given, and what it gives back. Contracts only.
 *
 *     request (data), lease, caller, call  ->  forward  ->  AttemptResult (data)
 */
import type { Duplex } from 'node:stream'
import type { LeaseEnd } from '../lane/lease.ts'
import type { Fault, Outcome, Reason } from '../lane/reason.ts'
import type { Clock } from '../time/clock.ts'
import type { HeldAnswer } from './held-answer.ts'
import type { Upload } from './upload.ts'

/** The request as the tool gets it. */
export interface UpstreamRequest {
  readonly method: string
  /** With base path and query. */
  readonly path: string
  /** Flat list of names and values. */
  readonly headers: string[]
  /** Of the caller's request line, for example `1.1`. */
  readonly httpVersion: string
  /** The protocol that the caller wants to switch to. */
  readonly protocol: string | undefined
  /** The caller's body as a stream; undefined if there is none, or if it was read before. */
  readonly upload: Upload | undefined
  /** The body that was read before, byte for byte. */
  readonly body: Buffer | undefined
  /** The method is idempotent, so the request may be sent twice (RFC 9110, 9.2.2). */
  readonly isIdempotent: boolean
  /** An answer with one of these statuses is held back, because a retry may replace it. */
  readonly heldStatuses: readonly (string | number)[]
  /** The lane's name, for X-Spillway-Tool. */
  readonly tool: string
  /** Milliseconds spent in the queue, for Server-Timing. */
  readonly queuedMs: number
}

/** The lease of the call, or of all calls of one MCP message. */
export interface AttemptLease {
  /** A byte was transferred in either direction. */
  renew(): void
  /** Records whether the tool or the caller must act next; it matters if the lease expires. */
  waitsFor(who: 'tool' | 'caller'): void
  /** The tool's response head came, milliseconds after the lease began. */
  answered(afterMs: number): void
  /** The tool accepted the call: it neither failed nor asked callers to wait. Its answer may still take hours. */
  accepted(): void
  /** Ends the lease; does nothing after it was reclaimed. */
  settle(end: LeaseEnd): void
  /** `stop` is called if the lease is reclaimed. */
  onReclaimed(stop: () => void): void
}

/** Told once when the caller has read what was written. */
export interface ReadListener {
  onRead(): void
}

/** Sends the answer to the caller; listen/caller.ts documents each method. */
export interface Answerer {
  interim(status: number, headers: readonly string[]): void
  head(head: { readonly status: number; readonly text: string; readonly headers: readonly string[] }): void
  write(chunk: Buffer, listener: ReadListener): boolean
  end(last?: string, trailers?: readonly [string, string][]): void
  cut(): void
  tunnel(protocol: string, headers: readonly string[]): { readonly socket: Duplex; readonly early: Buffer }
}

/** Reads a copy of the answer while it is streamed; cannot delay or change it. */
export interface AnswerObserver {
  /** The tool's response head; `headers` is a flat list. */
  head(status: number, headers: readonly string[]): void
  /** A piece of the body, `elapsedMs` of the tool's time after the request was sent. */
  chunk(bytes: Buffer, elapsedMs: number): void
}

/** The call that the attempt serves. */
export interface AttemptOwner {
  /** Ends this call, and only this call, after an error in Spillway's own code. */
  fail(error: unknown): void
  /** A form of `act` that does not throw: its errors go to `fail`. */
  contained<A extends unknown[]>(act: (...args: A) => void): (...args: A) => void
  /** The tool's response head came, `firstByteMs` milliseconds after the lease began. */
  answered(status: number, firstByteMs: number): void
  /** The tool had closed the idle connection: the request is sent again over a fresh one. */
  reconnected(): void
  /** The attempt is over, and so is its lease; called once. */
  done(result: AttemptResult): void
}

export interface AttemptParts {
  readonly request: UpstreamRequest
  readonly lease: AttemptLease
  readonly caller: Answerer
  readonly observer: AnswerObserver | undefined
  readonly owner: AttemptOwner
  readonly clock: Clock
}

/** The result of an attempt. `durationMs`: since the lease began. `fault`: why the exchange with the tool failed. */
export type AttemptResult =
  /** The caller received the answer, or the part that came before it broke, or the caller left. */
  | {
      readonly kind: 'passed'
      readonly outcome: Outcome
      readonly durationMs: number
      readonly fault: Fault | undefined
    }
  /** The caller has received nothing yet. `mayHaveRun`: the tool may have received the request. */
  | {
      readonly kind: 'failed'
      readonly reason: Reason
      readonly fault: Fault | undefined
      readonly mayHaveRun: boolean
      /** Milliseconds spent in the queue. */
      readonly queuedMs: number
    }
  /** The whole answer was held back, so that a retry can replace it. */
  | { readonly kind: 'held'; readonly answer: HeldAnswer; readonly durationMs: number }

/** An attempt under way. */
export interface Attempt {
  /** The tool may have received the request. */
  readonly mayHaveRun: boolean
  /** The caller has left. `finish`: the tool may complete its answer nevertheless. */
  callerLeft(then: 'cancel' | 'finish'): void
  /** Ends the attempt and its lease without a result, after an error of Spillway's own. */
  giveBack(): void
}
