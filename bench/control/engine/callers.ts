/**
 * The callers: open-loop streams of requests, each with up to `tries` attempts. A caller gives an attempt up when its
 * patience is over, whether the attempt waits or runs. A refused caller comes back after Retry-After or after a backoff of
 * its own.
 * Units: milliseconds.
 */
import type { Refusal } from '../../../src/lane/effects.ts'
import type { LeaseEnd } from '../../../src/lane/lease.ts'
import type { Callers } from '../scenario.ts'
import type { Agenda } from './agenda.ts'
import type { Ledger } from './ledger.ts'
import { Random, streamSeed } from './random.ts'
import type { Held, Sidecar, Visitor } from './sidecar.ts'
import { ToolCall } from './tool.ts'
import type { Result, Tool } from './tool.ts'

/** Milliseconds of the first pause before another attempt; doubles with each one. */
const BACKOFF_MS = 500

export interface World {
  readonly agenda: Agenda
  readonly tool: Tool
  readonly sidecar: Sidecar
  readonly ledger: Ledger
}

/** Starts one stream of requests, which ends at `endMs`. */
export function startCallers(callers: Callers, world: World, seed: number, endMs: number): void {
  const { agenda } = world
  const random = new Random(streamSeed(seed, -1))
  let requests = 0
  const perMs = (nowMs: number): number =>
    (callers.rate.findLast((step) => step.atSeconds * 1000 <= nowMs)?.perSecond ?? 0) / 1000
  const nextChangeMs = (nowMs: number): number =>
    (callers.rate.find((step) => step.atSeconds * 1000 > nowMs)?.atSeconds ?? Infinity) * 1000
  const next = (): void => {
    const rate = perMs(agenda.nowMs)
    const atMs = rate > 0 ? agenda.nowMs + random.exponential(1 / rate) : Infinity
    const changeMs = nextChangeMs(agenda.nowMs)
    if (Math.min(atMs, changeMs) >= endMs) return
    // A Poisson stream has no memory, so the gap is drawn again after a change of the rate.
    if (atMs >= changeMs) return agenda.at(changeMs, next)
    agenda.at(atMs, () => {
      new Request(callers, world, new Random(streamSeed(seed, requests++))).attempt()
      next()
    })
  }
  next()
}

class Request {
  readonly callers: Callers
  readonly world: World
  readonly random: Random
  #tries = 0

  constructor(callers: Callers, world: World, random: Random) {
    this.callers = callers
    this.world = world
    this.random = random
    world.ledger.request()
  }

  attempt(): void {
    this.#tries++
    this.world.ledger.attempt()
    new Attempt(this).begin()
  }

  refused({ retryAfterMs }: Refusal): void {
    const isHonoured = this.random.next() < (this.callers.honourRatio ?? 0)
    this.#again(isHonoured ? retryAfterMs : undefined)
  }

  failed(retryAfterMs?: number): void {
    const isHonoured = retryAfterMs !== undefined && this.random.next() < (this.callers.honourRatio ?? 0)
    this.#again(isHonoured ? retryAfterMs : undefined)
  }

  #again(waitMs: number | undefined): void {
    if (this.#tries >= (this.callers.tries ?? 1)) return
    const { agenda } = this.world
    const backoffMs = BACKOFF_MS * 2 ** (this.#tries - 1) * (0.5 + 0.5 * this.random.next())
    agenda.at(agenda.nowMs + (waitMs ?? backoffMs), () => this.attempt())
  }
}

class Attempt implements Visitor {
  readonly #request: Request
  readonly #beganAtMs: number
  #isOver = false
  #leave: (() => boolean) | undefined
  #held: Held | undefined
  #call: ToolCall | undefined

  constructor(request: Request) {
    this.#request = request
    this.#beganAtMs = request.world.agenda.nowMs
  }

  begin(): void {
    const { agenda, sidecar } = this.#request.world
    agenda.at(this.#beganAtMs + this.#request.callers.patienceSeconds * 1000, () => this.#giveUp())
    this.#leave = sidecar.enter(this, this.#request.random.next())
  }

  granted(held: Held): void {
    this.#held = held
    this.#call = new ToolCall((result) => this.#answered(result))
    this.#request.world.tool.begin(this.#call, this.#request.random)
  }

  refused(refusal: Refusal): void {
    if (this.#isOver) return
    this.#isOver = true
    const { agenda, ledger } = this.#request.world
    ledger.refused(agenda.nowMs - this.#beganAtMs)
    this.#request.refused(refusal)
  }

  reclaimed(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.#call !== undefined) this.#request.world.tool.abandon(this.#call)
    this.#request.failed()
  }

  #giveUp(): void {
    if (this.#isOver) return
    this.#isOver = true
    const { tool } = this.#request.world
    if (this.#held === undefined) this.#leave?.()
    if (this.#call !== undefined) tool.abandon(this.#call)
    this.#held?.settle({ cause: 'cancelled', verdict: 'dropped' })
    this.#request.failed()
  }

  #answered(result: Result): void {
    const { agenda, ledger } = this.#request.world
    const held = this.#held as Held
    const latencyMs = agenda.nowMs - held.grantedAtMs
    if (result.kind === 'ok') ledger.answered(latencyMs)
    if (this.#isOver) return
    switch (result.kind) {
      case 'ok':
        return this.#read(held, latencyMs)
      case 'error':
        return this.#failed({ cause: 'completed', verdict: 'dropped' })
      case 'throttled':
        return this.#failed({
          cause: 'completed',
          verdict: 'dropped',
          pushback: { retryAfterMs: result.retryAfterMs },
        })
      default:
        result satisfies never
    }
  }

  /** The answer has come; the lease ends when the caller has read it. */
  #read(held: Held, latencyMs: number): void {
    this.#isOver = true
    const { agenda, ledger } = this.#request.world
    const { readMs = 0 } = this.#request.callers
    ledger.good()
    const end: LeaseEnd = { cause: 'completed', verdict: 'ok', latencyMs }
    if (readMs === 0) return held.settle(end)
    held.answered(latencyMs)
    agenda.at(agenda.nowMs + this.#request.random.exponential(readMs), () => held.settle(end))
  }

  #failed(end: LeaseEnd): void {
    this.#isOver = true
    this.#held?.settle(end)
    this.#request.failed(end.pushback?.retryAfterMs)
  }
}
