/**
 * The interface through which all rooms get time: monotonic milliseconds for durations, wall time for text. system.ts is
 * the real clock; tests use a virtual one.
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
   * Calls `wake` once, about `delayMs` milliseconds from now (at most 2^31-1; longer delays fire early). A late timer waits
   * until the bytes that meanwhile arrived at sockets were read.
   */
  readonly after: (delayMs: number, wake: () => void) => Timer
  /**
   * Milliseconds in total during which this process stood still: it was stopped, its container was paused, or one piece of
   * work blocked the event loop. Short interruptions are not counted.
   */
  readonly stoppedMs: () => number
}
