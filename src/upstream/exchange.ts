/**
 * What forwarding needs to know of one admitted request, and what it tells. Contracts only.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { LeaseEnd } from '../lane/lease.ts'
import type { Fault, Outcome, Reason } from '../lane/reason.ts'
import type { Timer } from '../time/clock.ts'
import type { Upload } from './upload.ts'

/** The lease, as whoever runs the call holds it. */
export interface Slot {
  /** A byte went by. */
  renew(): void
  /** Says who has to move next, should the lease run out. */
  waitsFor(who: 'tool' | 'caller'): void
  /** The tool's response head came, milliseconds after the lease began. */
  answered(afterMs: number): void
  /** The tool takes the call: neither did it fail, nor did it ask callers to wait. Its answer may go on for hours. */
  accepted(): void
  /** Ends the lease; does nothing after it was reclaimed. */
  settle(end: LeaseEnd): void
  /** `stop` is called if the lease is reclaimed. */
  onReclaimed(stop: () => void): void
}

/** A caller that asked to leave HTTP for another protocol on the same connection. */
export interface Upgrade {
  /** The Upgrade header, for example `websocket`. */
  readonly protocol: string
  readonly socket: Duplex
  /** Gives the bytes that came early and stops collecting them. */
  readonly takeEarlyBytes: () => Buffer
}

/** Whoever looks at an answer while it passes; it can neither hold it up nor change it. */
export interface Watch {
  /** The tool's response head; `headers` is a flat list. */
  head(status: number, headers: readonly string[]): void
  /** A piece of the body, `elapsedMs` of the tool's time after the request was sent. */
  chunk(bytes: Buffer, elapsedMs: number): void
}

/** What a call holds while it goes on: given back should an error of ours end it. */
export interface Held {
  /** The tool may have seen the call. */
  readonly mayHaveRun: boolean
  giveBack(): void
}

export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly upgrade: Upgrade | undefined
  readonly tool: string
  /** With base path and query. */
  readonly path: string
  /** Flat list for the tool. */
  readonly headers: string[]
  /** The caller's body as a stream; undefined when it brings none, or when it was read before. */
  readonly upload: Upload | undefined
  /** The body that was read before, byte for byte. */
  readonly body: Buffer | undefined
  /** Looks at the answer as it passes, and may end the lease before the answer ends. */
  readonly watch: Watch | undefined
  readonly onClientGone: 'cancel' | 'finish'
  /** Milliseconds spent in the queue. */
  readonly queuedMs: number
  readonly slot: Slot
  /** From now on an error of ours gives this back. */
  holds(held: Held): void
  /** An error of ours: ends this call, and nothing else. */
  fail(error: unknown): void
  /** `act` in a form that does not throw: what it throws goes to `fail`. */
  contained<A extends unknown[]>(act: (...args: A) => void): (...args: A) => void
  /** Calls `act` once, about `delayMs` milliseconds from now. What it throws goes to `fail`. */
  after(delayMs: number, act: () => void): Timer
  /** Milliseconds, monotonic. */
  nowMs(): number
  /** The tool may get it twice without harm, by its method (RFC 9110, 9.2.2). */
  readonly isIdempotent: boolean
  /** Whether an answer with this status may be thrown away for another try. */
  mayRetry(status: number): boolean
  /** The lease is over: asks for another try; `otherwise` gives the caller what there is, at once or later. */
  retry(otherwise: () => void): void
  /** Answers the caller in the tool's place; only before the response head. `fault`: when the tool was to blame. */
  refuse(reason: Reason, fault?: Fault): void
  /** The way to the tool failed this call; told before its end, whatever its caller gets. */
  failed(fault: Fault): void
  /** The connection had been closed for being idle: the request goes out again, over a fresh one. */
  reconnected(): void
  /** The exchange is over while the caller still sends: bounds how long it may go on. */
  linger(): void
  /** The tool's response head arrived, `firstByteMs` after the lease began. */
  answered(status: number, firstByteMs: number): void
  /** The exchange is over, `durationMs` after the lease began; not called after `refuse`. */
  finished(outcome: Outcome, durationMs: number): void
}
