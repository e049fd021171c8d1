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
  /** The caller's body as a stream; undefined when it brings none, or when the body was read before. */
  readonly upload: Upload | undefined
  /** The body that was read before, byte for byte. */
  readonly body: Buffer | undefined
  /** The tool may get it twice without harm, by its method (RFC 9110, 9.2.2). */
  readonly isIdempotent: boolean
  /** Statuses of an answer that is kept back, because the call may be tried once more. */
  readonly keptBack: readonly (string | number)[]
  /** The lane's name, for X-Spillway-Tool. */
  readonly tool: string
  /** Milliseconds spent in the queue, for Server-Timing. */
  readonly queuedMs: number
}

/** The lease, as the one that runs the call holds it. */
export interface LeaseHandle {
  /** A byte went by. */
  renew(): void
  /** Says who has to move next, should the lease run out. */
  waitsFor(who: 'tool' | 'caller'): void
  /** The tool's response head came, milliseconds after the lease began. */
  answered(afterMs: number): void
  /** The tool takes the call: it neither failed nor asked callers to wait. Its answer may go on for hours. */
  accepted(): void
  /** Ends the lease; does nothing after it was reclaimed. */
  settle(end: LeaseEnd): void
  /** `stop` is called if the lease is reclaimed. */
  onReclaimed(stop: () => void): void
}

/** The caller, as far as the answer to it goes; listen/caller.ts says more about each verb. */
export interface Answerer {
  interim(status: number, headers: readonly string[]): void
  head(head: { readonly status: number; readonly text: string; readonly headers: readonly string[] }): void
  write(chunk: Buffer, onRead: () => void): boolean
  end(last?: string, trailers?: readonly [string, string][]): void
  cut(): void
  tunnel(protocol: string, headers: readonly string[]): { readonly socket: Duplex; readonly early: Buffer }
}

/** Looks at an answer while it passes; it can neither hold it up nor change it. */
export interface Watch {
  /** The tool's response head; `headers` is a flat list. */
  head(status: number, headers: readonly string[]): void
  /** A piece of the body, `elapsedMs` of the tool's time after the request was sent. */
  chunk(bytes: Buffer, elapsedMs: number): void
}

/** The call that an attempt belongs to. */
export interface AttemptOwner {
  /** An error of Spillway's own: ends this call, and nothing else. */
  fail(error: unknown): void
  /** `act` in a form that does not throw: what it throws goes to `fail`. */
  contained<A extends unknown[]>(act: (...args: A) => void): (...args: A) => void
  /** The tool's response head came, `firstByteMs` milliseconds after the lease began. */
  answered(status: number, firstByteMs: number): void
  /** The tool had closed the connection for being idle: the request goes out again, over a fresh one. */
  reconnected(): void
  /** The attempt is over, and so is its lease; called once. */
  done(result: AttemptResult): void
}

export interface AttemptParts {
  readonly request: UpstreamRequest
  readonly lease: LeaseHandle
  readonly caller: Answerer
  readonly watch: Watch | undefined
  readonly owner: AttemptOwner
  readonly clock: Clock
}

/** What came of an attempt. `durationMs`: since the lease began. `fault`: the way to the tool failed the call. */
export type AttemptResult =
  /** The caller has what there was of the answer, or has gone. */
  | {
      readonly kind: 'passed'
      readonly outcome: Outcome
      readonly durationMs: number
      readonly fault: Fault | undefined
    }
  /** The caller has nothing yet. `mayHaveRun`: the tool may have seen the call. */
  | {
      readonly kind: 'failed'
      readonly reason: Reason
      readonly fault: Fault | undefined
      readonly mayHaveRun: boolean
      /** Milliseconds spent in the queue. */
      readonly queuedMs: number
    }
  /** The whole answer is here and was kept back. */
  | { readonly kind: 'kept'; readonly answer: HeldAnswer; readonly durationMs: number }

/** An attempt under way. */
export interface Attempt {
  /** The tool may have seen the call. */
  readonly mayHaveRun: boolean
  /** The caller has gone. `finish`: the tool may end its answer all the same. */
  callerLeft(then: 'cancel' | 'finish'): void
  /** Ends the attempt and its lease without a result, after an error of Spillway's own. */
  giveBack(): void
}
