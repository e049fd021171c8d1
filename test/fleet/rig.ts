/**
 * A fleet in one process on virtual time: real lanes and gates, a membership for each, and a store in memory. Time advances
 * from timer to timer, and after each timer the promises settle, so that every run is the same.
 */
import { seededRandom } from '../../src/cli/demo/seeded-random.ts'
import { Membership } from '../../src/fleet/membership.ts'
import { MemoryHub } from '../../src/fleet/memory.ts'
import type { OnStoreLoss } from '../../src/fleet/policy.ts'
import type { FleetStore } from '../../src/fleet/store.ts'
import { StoreFailure } from '../../src/fleet/store.ts'
import { Gate } from '../../src/gate/gate.ts'
import type { Turn } from '../../src/gate/gate.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import type { ToolEvent } from '../../src/observe/events.ts'
import { laneSettings } from '../support/lane-settings.ts'
import { rethrow } from '../support/rethrow.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

export const TTL_MS = 3000

export interface RigSettings {
  readonly cap: number
  readonly onStoreLoss?: OnStoreLoss
  /** Whether the store gives slots from the start, without a first pause. */
  readonly isOpen?: boolean
  readonly lane?: Partial<LaneSettings>
}

/** A call and its result. */
export interface Call {
  turn: Turn['kind'] | 'waiting'
  reason?: string
  waitedMs?: number
}

export class Sidecar {
  readonly gate: Gate
  readonly membership: Membership
  readonly events: ToolEvent[] = []
  readonly #clock: VirtualClock
  /** The connection to the store is cut: no report goes out, and no answer or news comes in. */
  isCut = false
  /** The process was killed: it sends nothing, and its calls do not end. */
  isDead = false

  constructor(rig: Rig, name: string, { cap, onStoreLoss = 'local-share', lane }: RigSettings) {
    const { clock, hub } = rig
    this.#clock = clock
    const tell = (event: ToolEvent): void => {
      this.events.push(event)
      if (event.kind === 'admitted' || event.kind === 'ended' || event.kind === 'left')
        this.membership.notice()
    }
    const settings = laneSettings({
      maxConcurrent: cap,
      startConcurrent: cap,
      controller: { algorithm: 'fixed' },
      ...lane,
    })
    this.gate = new Gate(settings, { clock, random: rig.random, tell, failed: rethrow })
    const options = { fleet: 'test', sidecar: name, ttlMs: TTL_MS, answerWithinMs: 500 }
    const store = this.#overWire(hub.open(options))
    this.membership = new Membership(
      { tool: 'github', cap, ttlMs: TTL_MS, onStoreLoss },
      { store, lane: this.gate, clock, random: rig.random, tell },
    )
    store.listen((news) => this.membership.heard(news))
  }

  get active(): number {
    return this.isDead ? 0 : this.gate.lane.depths().active
  }

  /** Makes a call that runs for `holdMs` once it is granted. */
  call(holdMs: number): Call {
    const call: Call = { turn: 'waiting' }
    const askedAtMs = this.#clock.nowMs()
    const end = (turn: Turn): void => {
      call.turn = turn.kind
      call.waitedMs = this.#clock.nowMs() - askedAtMs
      if (turn.kind === 'refused') call.reason = turn.refusal.reason
      if (turn.kind !== 'granted') return
      const done = () => turn.lease.settle({ cause: 'completed', verdict: 'ok', latencyMs: holdMs })
      this.#clock.after(holdMs, () => {
        if (!this.isDead) done()
      })
    }
    const entered = this.gate.enter({}, end)
    if (entered.kind !== 'queued') end(entered)
    return call
  }

  told(kind: ToolEvent['kind']): ToolEvent[] {
    return this.events.filter((event) => event.kind === kind)
  }

  #overWire(store: FleetStore): FleetStore {
    const cut = () => this.isCut || this.isDead
    return {
      ...store,
      report: async (said) => {
        if (cut()) return this.#silence()
        const allotment = await store.report(said)
        return cut() ? this.#silence() : allotment
      },
      listen: (onNews) =>
        store.listen((news) => {
          if (!cut()) onNews(news)
        }),
    }
  }

  #silence(): Promise<never> {
    return new Promise((_, reject) => {
      this.#clock.after(500, () => reject(new StoreFailure('STORE_SILENT', 'cut')))
    })
  }
}

export class Rig {
  readonly clock = new VirtualClock({ nowMs: 1000 })
  readonly hub: MemoryHub
  readonly sidecars: Sidecar[] = []
  readonly #settings: RigSettings
  /** The most calls that ran at the same time. */
  mostActive = 0
  /** The same seed for every rig, so that each run is the same. */
  readonly random = seededRandom(1)

  constructor(settings: RigSettings) {
    this.#settings = settings
    this.hub = new MemoryHub(this.clock, settings.isOpen ?? true)
  }

  /** Starts one more sidecar. */
  async start(settings: Partial<RigSettings> = {}): Promise<Sidecar> {
    const sidecar = new Sidecar(this, `sidecar${this.sidecars.length}`, { ...this.#settings, ...settings })
    this.sidecars.push(sidecar)
    await this.#settle()
    return sidecar
  }

  get active(): number {
    return this.sidecars.reduce((sum, { active }) => sum + active, 0)
  }

  async pass(ms: number): Promise<void> {
    const endMs = this.clock.nowMs() + ms
    await this.#settle()
    while (this.clock.nextDueAtMs() <= endMs) {
      this.clock.advanceTo(Math.max(this.clock.nowMs(), this.clock.nextDueAtMs()))
      await this.#settle()
    }
    this.clock.advanceTo(endMs)
    await this.#settle()
  }

  async #settle(): Promise<void> {
    for (let i = 0; i < 12; i++) await Promise.resolve()
    this.mostActive = Math.max(this.mostActive, this.active)
  }
}
