/**
 * Real time. No other file in src may use Date, performance or timers, so that a virtual clock can drive the rest. After a
 * stop of the process the event loop runs timers before it reads its sockets. So a late timer lets the loop read first, and
 * a regular beat measures how long the process stood still.
 */
import type { Clock, Timer } from './clock.ts'

/** setTimeout fires at once for anything above this. */
const LONGEST_DELAY_MS = 2 ** 31 - 1
/** Milliseconds. If a timer is later than this, bytes may wait in sockets. More than a busy loop's usual turn. */
const LATE_MS = 20
/**
 * Turns of the event loop that a late timer waits. One reads every socket that has bytes; a second one reads the
 * connections that the first accepted, and those whose reader waited for a slow writer; a third is a reserve.
 */
const READING_TURNS = 3
/** Milliseconds between two beats. Beats run only while timers are set, and five a second cost next to nothing. */
const BEAT_MS = 200
/** Milliseconds: a shorter gap is a busy process, not a stopped one. Above what garbage collection takes. */
const SHORTEST_STOP_MS = 300

/** Adds up how long the process has stood still, from the gaps between beats. Pure. */
export class Stops {
  #totalMs = 0
  #beatAtMs: number | undefined

  beat(nowMs: number): void {
    this.#look(nowMs)
    this.#beatAtMs = nowMs
  }

  /** Beats pause: the time until the next one is not measured. */
  rest(): void {
    this.#beatAtMs = undefined
  }

  /** Milliseconds, including a stop whose delayed beat has not come yet. */
  totalMs(nowMs: number): number {
    this.#look(nowMs)
    return this.#totalMs
  }

  #look(nowMs: number): void {
    if (this.#beatAtMs === undefined) return
    const overdueMs = nowMs - this.#beatAtMs - BEAT_MS
    if (overdueMs < SHORTEST_STOP_MS) return
    this.#totalMs += overdueMs
    this.#beatAtMs = nowMs
  }
}

const stops = new Stops()
/** Timers that are set. */
let pending = 0
let beat: NodeJS.Timeout | undefined

function keepBeat(): void {
  if (pending > 0 === (beat !== undefined)) return
  clearInterval(beat)
  beat = undefined
  if (pending === 0) return stops.rest()
  stops.beat(performance.now())
  beat = setInterval(() => stops.beat(performance.now()), BEAT_MS)
}

class SystemTimer implements Timer {
  readonly #wake: () => void
  readonly #dueAtMs: number
  readonly #timeout: NodeJS.Timeout
  #immediate: NodeJS.Immediate | undefined
  #isOver = false

  constructor(delayMs: number, wake: () => void) {
    this.#wake = wake
    this.#dueAtMs = performance.now() + delayMs
    this.#timeout = setTimeout(() => this.#fire(), delayMs)
    pending++
    keepBeat()
  }

  clear(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timeout)
    clearImmediate(this.#immediate)
    pending--
    keepBeat()
  }

  #fire(): void {
    if (performance.now() - this.#dueAtMs > LATE_MS) this.#read(READING_TURNS)
    else this.#end()
  }

  /** setImmediate runs after the loop has read its sockets. */
  #read(turns: number): void {
    this.#immediate = setImmediate(() => (turns > 1 ? this.#read(turns - 1) : this.#end()))
  }

  #end(): void {
    this.clear()
    this.#wake()
  }
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, wake) =>
    new SystemTimer(Math.ceil(Math.min(Math.max(delayMs, 0), LONGEST_DELAY_MS)), wake),
  stoppedMs: () => stops.totalMs(performance.now()),
}

/** Resolves after `delayMs` milliseconds. */
export function delay(delayMs: number, clock: Clock = systemClock): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve)
  })
}
