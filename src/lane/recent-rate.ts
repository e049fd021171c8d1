/**
 * Events per second over the last `windowMs`, counted in ten buckets. Pure; O(1) for each event, ten numbers in all. Knows
 * nothing of the events.
 */

/** With fewer events in the window there is no rate. */
const FEWEST = 5

export class RecentRate {
  static readonly #BUCKETS = 10
  readonly #bucketMs: number
  readonly #counts = new Float64Array(RecentRate.#BUCKETS)
  #bucket = -1
  #firstAtMs: number | undefined

  constructor(windowMs: number) {
    this.#bucketMs = windowMs / RecentRate.#BUCKETS
  }

  begin(nowMs: number): void {
    this.#firstAtMs ??= nowMs
  }

  record(nowMs: number): void {
    this.#turn(nowMs)
    const place = this.#bucket % RecentRate.#BUCKETS
    this.#counts[place] = (this.#counts[place] as number) + 1
  }

  /** Undefined while there are too few events. */
  perSec(nowMs: number): number | undefined {
    this.#turn(nowMs)
    const count = this.#counts.reduce((sum, each) => sum + each, 0)
    const seenMs = Math.min((RecentRate.#BUCKETS - 0.5) * this.#bucketMs, nowMs - (this.#firstAtMs ?? nowMs))
    return count < FEWEST || seenMs <= 0 ? undefined : (1000 * count) / seenMs
  }

  #turn(nowMs: number): void {
    const bucket = Math.floor(nowMs / this.#bucketMs)
    const from = Math.max(this.#bucket + 1, bucket - RecentRate.#BUCKETS + 1)
    for (let next = from; next <= bucket; next++) this.#counts[next % RecentRate.#BUCKETS] = 0
    this.#bucket = Math.max(this.#bucket, bucket)
  }
}
