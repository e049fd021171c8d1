/**
 * What a lane does, under every law, when the tool itself asks callers to wait (429, 503 with Retry-After). Such an answer
 * counts neither as an error nor as a latency: the lane lowers the rate of its calls and not the limit.
 *
 *     closed       until now + min(60 s, Retry-After above 0, or min(30 s, 0.5 s x 2^k)) x U(1, 1.1)
 *     half open    one call probes; accepted: open, k = 0; pushed back: closed, k + 1; any other end: the next call probes
 *     open         at most pace(t) = W x (1 + 0.06 x ((t - opened) / 45 s - 1)^3) calls a second
 *     W            0.96 of the rate at the loss, 0.7 when it came within 5 s of opening
 *
 * A loss is a pushback on a call that was sent after the loss before; pushback on earlier calls belongs to that one. The
 * cubic holds just below W for a minute and then rises steeply, as TCP CUBIC does (RFC 9438). Units: milliseconds, calls
 * per second. Figures found by simulation.
 */
import type { SentCall } from './limit/limiter.ts'
import type { EndCause, Verdict } from './reason.ts'
import { RecentRate } from './recent-rate.ts'

/** The tool itself asked callers to wait. */
export interface Pushback {
  /** Milliseconds; undefined when the tool did not say how long. */
  readonly retryAfterMs: number | undefined
}

interface ThrottledEnd {
  readonly cause: EndCause
  readonly verdict: Verdict
  readonly pushback?: Pushback | undefined
}

/** Milliseconds. */
const LONGEST_WAIT_MS = 60_000
const FIRST_BACKOFF_MS = 500
const LONGEST_BACKOFF_MS = 30_000
/** A random share up to this one is added, so that the lanes of many sidecars do not come back together. */
const JITTER_RATIO = 0.1
/** Milliseconds without pushback after which the backoff starts anew. */
const FORGET_MS = 60_000
/** Share of the lost rate to go on with; the second figure when the loss came SOON after opening. */
const KEEP_RATIO = 0.96
const KEEP_RATIO_SOON = 0.7
const SOON_MS = 5000
/** How far below W the pace begins, and how long it takes to reach W again. */
const DIP_RATIO = 0.06
const PLATEAU_MS = 45_000
/** Once the pace is this many times W it no longer limits the lane and is dropped. */
const LET_GO_RATIO = 4
/** Milliseconds over which the rate at a loss is measured. */
const RATE_WINDOW_MS = 10_000
const SLOWEST_PER_SEC = 0.1

export class Throttle {
  /** Milliseconds on the clock: closed until then. */
  #closedUntilMs = -Infinity
  /** Until when the tool asked callers to wait. The throttle probes sooner when that is far away. */
  #askedUntilMs = -Infinity
  #isHalfOpen = false
  /** The one call that probes while half open. */
  #probe: SentCall | undefined
  #backoffs = 0
  #lostAtMs = -Infinity
  /** W, calls per second; undefined while calls are not paced. */
  #knownPerSec: number | undefined
  #openedAtMs = -Infinity
  #nextAtMs = -Infinity
  readonly #answers = new RecentRate(RATE_WINDOW_MS)

  /** Milliseconds on the clock: no call is sent before; Infinity while the probe runs. */
  opensAtMs(): number {
    if (this.#isHalfOpen && this.#probe !== undefined) return Infinity
    return Math.max(this.#closedUntilMs, this.#nextAtMs)
  }

  /** Whether so many calls may be sent now: one while half open, and as many as the pace allows while open. */
  takes(calls: number, nowMs: number): boolean {
    if (this.opensAtMs() > nowMs) return false
    if (calls === 1) return true
    if (this.#isHalfOpen) return false
    const paceMs = this.paceMs(nowMs)
    return Math.max(this.#nextAtMs, nowMs - paceMs) + (calls - 1) * paceMs <= nowMs
  }

  /** Milliseconds on the clock: until then no call is sent, not even a probe. */
  get closedUntilMs(): number {
    return this.#closedUntilMs
  }

  /** Milliseconds on the clock: the end of the wait that the tool named, or of the backoff where it named none. */
  get askedUntilMs(): number {
    return this.#askedUntilMs
  }

  /** Closed or half open: no call but the probe may be sent. */
  isThrottling(nowMs: number): boolean {
    return this.#isHalfOpen || this.#closedUntilMs > nowMs
  }

  /** Milliseconds between two calls; 0 while calls are not paced. */
  paceMs(nowMs: number): number {
    const perSec = this.#pacePerSec(nowMs)
    return perSec === undefined ? 0 : 1000 / perSec
  }

  sent(call: SentCall): void {
    const nowMs = call.grantedAtMs
    this.#answers.begin(nowMs)
    if (this.#isHalfOpen) this.#probe ??= call
    const perSec = this.#pacePerSec(nowMs)
    if (perSec === undefined) return
    this.#nextAtMs = Math.max(this.#nextAtMs, nowMs - 1000 / perSec) + 1000 / perSec
  }

  /** A call has ended. Says whether the tool pushed back and whether that is a new loss. `spread`: as in pushedBack. */
  ended(call: SentCall, end: ThrottledEnd, at: { readonly nowMs: number; readonly spread: number }) {
    const isNews = end.pushback !== undefined && this.pushedBack(call, end.pushback, at)
    if (end.pushback === undefined && end.cause === 'completed' && end.verdict !== 'dropped') {
      if (end.verdict === 'ok') this.#answers.record(at.nowMs)
      this.accepted(call, at.nowMs)
    }
    this.left(call)
    return end.pushback === undefined ? undefined : isNews ? 'news' : 'known'
  }

  /**
   * The tool accepted the call, as its response head shows. The rest of the answer may take hours and is not waited for.
   * True when the call was the probe.
   */
  accepted(call: SentCall, nowMs: number): boolean {
    if (!this.#isHalfOpen || call !== this.#probe) return false
    this.#isHalfOpen = false
    this.#probe = undefined
    this.#backoffs = 0
    this.#openedAtMs = nowMs
    // The wait that the tool named before has ended.
    this.#askedUntilMs = -Infinity
    return true
  }

  /** The call is over; if it was the probe, the next call probes. */
  left(call: SentCall): void {
    if (call === this.#probe) this.#probe = undefined
  }

  /** True when this is a new loss. `spread` is a random number, 0 <= spread < 1. */
  pushedBack(
    call: SentCall,
    { retryAfterMs }: Pushback,
    at: { readonly nowMs: number; readonly spread: number },
  ): boolean {
    const { nowMs, spread } = at
    if (call.grantedAtMs < this.#lostAtMs) return false
    if (nowMs - this.#lostAtMs > FORGET_MS) this.#backoffs = 0
    const backoffMs = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** this.#backoffs)
    // Retry-After 0 in a refusal is contradictory and is treated as if it were missing.
    const isSaid = retryAfterMs !== undefined && retryAfterMs > 0
    if (!isSaid) this.#backoffs++
    const askedMs = isSaid ? retryAfterMs : backoffMs
    this.#askedUntilMs = Math.max(this.#askedUntilMs, nowMs + askedMs)
    const waitMs = Math.min(LONGEST_WAIT_MS, askedMs) * (1 + JITTER_RATIO * spread)
    this.#closedUntilMs = Math.max(this.#closedUntilMs, nowMs + waitMs)
    if (!this.#isHalfOpen) this.#slowDown(nowMs)
    this.#isHalfOpen = true
    this.#lostAtMs = nowMs
    return true
  }

  #slowDown(nowMs: number): void {
    const pacedPerSec = this.#pacePerSec(nowMs)
    const wasSoon = pacedPerSec !== undefined && nowMs - this.#openedAtMs < SOON_MS
    const lostPerSec = pacedPerSec ?? this.#answers.perSec(nowMs)
    if (lostPerSec === undefined) return
    this.#knownPerSec = Math.max(SLOWEST_PER_SEC, lostPerSec * (wasSoon ? KEEP_RATIO_SOON : KEEP_RATIO))
    this.#openedAtMs = this.#closedUntilMs
  }

  #pacePerSec(nowMs: number): number | undefined {
    if (this.#knownPerSec === undefined) return undefined
    const along = Math.max(0, nowMs - this.#openedAtMs) / PLATEAU_MS - 1
    const ratio = 1 + DIP_RATIO * along ** 3
    if (ratio > LET_GO_RATIO) this.#knownPerSec = undefined
    return this.#knownPerSec === undefined ? undefined : this.#knownPerSec * ratio
  }
}
