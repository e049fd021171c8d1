/**
 * Decides whether a caller sends its body too slowly: below a minimum rate, measured in windows, or longer than a maximum
 * time. Time in which Spillway paused the body, and time in which this process was stopped, do not count. Must not know
 * what happens to a slow caller.
 */
import type { Clock, Timer } from '../time/clock.ts'
import type { RequestBody } from './upload.ts'

/** Milliseconds: Apache's RequestReadTimeout allows as much before it counts (body=20,MinRate=500). */
export const WINDOW_MS = 20_000
/** Bytes a second while the caller occupies only a connection: Apache's figure. */
export const LEAST_BYTES_PER_SEC = 500
/** Bytes a second while the call has a lease that other calls wait for: 64 kbit/s. */
export const LEAST_LEASED_BYTES_PER_SEC = 8192
/** Milliseconds for a whole body at any rate: the largest default body at 30 kB/s. */
export const MOST_MS = 3_600_000

export class BodyPace {
  readonly #clock: Clock
  readonly #request: RequestBody
  readonly #tooSlow: () => void
  #leastBytesPerSec = LEAST_BYTES_PER_SEC
  #timer: Timer | undefined
  #bytes = 0
  #windowAtMs = 0
  /** The clock's stoppedMs when this window began. */
  #stoppedMs = 0
  /** Milliseconds of this window in which Spillway did not read the caller's bytes. */
  #pausedMs = 0
  #pausedAtMs: number | undefined
  /** Milliseconds so far in which the caller could send. */
  #sendingMs = 0

  /** Calls `tooSlow` at most once. */
  constructor(clock: Clock, request: RequestBody, tooSlow: () => void) {
    this.#clock = clock
    this.#request = request
    this.#tooSlow = tooSlow
    if (request.complete) return
    request.on('data', this.#onData).on('pause', this.#onPause).on('resume', this.#onResume)
    request.on('end', this.stop).on('close', this.stop)
    this.#open()
  }

  /** The call has a lease from now on, so the higher minimum rate applies. */
  holdsLease(): void {
    this.#leastBytesPerSec = LEAST_LEASED_BYTES_PER_SEC
    if (this.#timer !== undefined) this.#open()
  }

  /** Idempotent. */
  readonly stop = (): void => {
    this.#timer?.clear()
    this.#timer = undefined
    this.#request.off('data', this.#onData).off('pause', this.#onPause).off('resume', this.#onResume)
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#bytes += chunk.length
  }

  readonly #onPause = (): void => {
    this.#pausedAtMs ??= this.#clock.nowMs()
  }

  readonly #onResume = (): void => {
    if (this.#pausedAtMs !== undefined) this.#pausedMs += this.#clock.nowMs() - this.#pausedAtMs
    this.#pausedAtMs = undefined
  }

  #open(): void {
    this.#timer?.clear()
    this.#bytes = 0
    this.#pausedMs = 0
    this.#windowAtMs = this.#clock.nowMs()
    this.#stoppedMs = this.#clock.stoppedMs()
    if (this.#pausedAtMs !== undefined) this.#pausedAtMs = this.#windowAtMs
    this.#timer = this.#clock.after(WINDOW_MS, () => this.#close())
  }

  #close(): void {
    const nowMs = this.#clock.nowMs()
    const pausedMs = this.#pausedMs + (this.#pausedAtMs === undefined ? 0 : nowMs - this.#pausedAtMs)
    const stoppedMs = this.#clock.stoppedMs() - this.#stoppedMs
    const sendingMs = Math.max(0, nowMs - this.#windowAtMs - pausedMs - stoppedMs)
    this.#sendingMs += sendingMs
    const isSlow = this.#bytes < (this.#leastBytesPerSec * sendingMs) / 1000
    if (!isSlow && this.#sendingMs <= MOST_MS) return this.#open()
    this.stop()
    this.#tooSlow()
  }
}
