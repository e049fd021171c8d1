/**
 * The most slots that the fleet left to a lane in the last 5 to 10 s. The law decides about this number where the limit is
 * higher, because lowering a limit that the lane cannot use has no effect. Found by simulation: docs/decisions/0025.
 */
const SPAN_MS = 5000

export class RecentCeiling {
  #slots = Infinity
  #most = Infinity
  #mostBefore = 0
  #sinceMs = -Infinity

  note(slots: number, nowMs: number): void {
    if (this.#most === Infinity) this.#most = 0
    this.#turn(nowMs)
    this.#slots = slots
    this.#most = Math.max(this.#most, slots)
  }

  /** Infinity for a lane on its own. */
  at(nowMs: number): number {
    if (this.#slots === Infinity) return Infinity
    this.#turn(nowMs)
    return Math.max(this.#most, this.#mostBefore)
  }

  #turn(nowMs: number): void {
    const goneMs = nowMs - this.#sinceMs
    if (goneMs < SPAN_MS) return
    this.#mostBefore = goneMs < 2 * SPAN_MS ? this.#most : this.#slots === Infinity ? 0 : this.#slots
    this.#most = this.#slots === Infinity ? 0 : this.#slots
    this.#sinceMs = nowMs
  }
}
