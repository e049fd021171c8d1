/**
 * The only notion of time that rooms may hold: monotonic milliseconds for durations, wall time for text.
 * Tests hand in a virtual clock; system.ts is the real one.
 */
export interface Timer {
  /** Idempotent; a timer that has fired is already cleared. */
  clear(): void
}

export interface Clock {
  /** Monotonic milliseconds, fractional, from an arbitrary start. A change of the wall clock does not move it. */
  readonly nowMs: () => number
  /** Milliseconds since the Unix epoch: for text that people read, never for durations. */
  readonly wallMs: () => number
  /**
   * Calls `wake` once, about `delayMs` milliseconds from now (at most 2^31-1; longer delays fire early). A timer that is
   * late waits until what has come through sockets meanwhile was read.
   */
  readonly after: (delayMs: number, wake: () => void) => Timer
  /**
   * Milliseconds, in all so far, in which this process did nothing though time went by: it was stopped, its container was
   * paused, or one piece of work blocked the event loop. Short interruptions are not counted.
   */
  readonly stoppedMs: () => number
}
