/**
 * The three stores behind one interface for the contract tests: a test opens a store for a sidecar, lets time pass, makes
 * the store lose its memory, or fills a tool with sidecars.
 */
import assert from 'node:assert/strict'
import postgres from 'postgres'
import { createClient } from '@redis/client'
import { MemoryHub } from '../../src/fleet/memory.ts'
import { openStore } from '../../src/fleet/open.ts'
import type { FleetStore, News, Allotment, Report } from '../../src/fleet/store.ts'
import { MOST_SIDECARS } from '../../src/fleet/store.ts'
import { systemClock } from '../../src/time/system.ts'
import { eventually } from '../support/eventually.ts'
import { startPostgres, startRedis } from '../support/store-servers.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** Long enough that no session ends by accident on a busy machine. */
const LONG_TTL_MS = 60_000
export const FLEET = 'production'

export interface World extends AsyncDisposable {
  /** Lets time pass for the store. */
  pass(ms: number): Promise<void>
  /** Makes the store lose its memory. */
  forget(): Promise<void>
  /** Adds as many entries of sidecars as a tool may have. */
  fill(fleet: string, tool: string): Promise<void>
  open(fleet: string, sidecar: string, ttlMs: number): Promise<FleetStore>
  /** Whether the sidecar is subscribed to its news. */
  hears(fleet: string, sidecar: string): Promise<boolean>
}

export const WORLDS: Readonly<Record<string, () => Promise<World>>> = {
  memory: () => {
    const clock = new VirtualClock({ nowMs: 5000 })
    const hub = new MemoryHub(clock)
    return Promise.resolve({
      pass: (ms) => {
        clock.advance(ms)
        return Promise.resolve()
      },
      forget: () => {
        hub.forget()
        return Promise.resolve()
      },
      fill: async (fleet, tool) => {
        for (let i = 0; i < MOST_SIDECARS; i++) {
          const store = hub.open({ fleet, sidecar: `filler${i}`, ttlMs: LONG_TTL_MS, answerWithinMs: 1000 })
          await store.report({
            tool,
            cap: 1,
            epoch: 0,
            returned: 0,
            held: 0,
            want: 0,
            order: 1,
            isLeaving: false,
          })
        }
      },
      open: (fleet, sidecar, ttlMs) =>
        Promise.resolve(hub.open({ fleet, sidecar, ttlMs, answerWithinMs: 1000 })),
      hears: () => Promise.resolve(true),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    })
  },

  redis: async () => {
    const server = await startRedis()
    const admin = createClient({ url: server.url })
    await admin.connect()
    return {
      ...real(server.url),
      forget: async () => {
        await admin.flushAll()
      },
      fill: async (fleet, tool) => {
        const far = Date.now() + LONG_TTL_MS
        const fields = Array.from({ length: MOST_SIDECARS }, (_, i) => [
          `@filler${i}`,
          `1 ${far} 0 0 0 1 0 1`,
        ])
        await admin.hSet(`spillway:{${fleet}/${tool}}`, Object.fromEntries(fields) as Record<string, string>)
      },
      hears: async (fleet, sidecar) => {
        const channel = `spillway:${fleet}:to:${sidecar}`
        return Number((await admin.pubSubNumSub([channel]))[channel]) === 1
      },
      [Symbol.asyncDispose]: async () => {
        admin.destroy()
        await server[Symbol.asyncDispose]()
      },
    }
  },

  postgres: async () => {
    const server = await startPostgres()
    const admin = postgres(server.url, { max: 1, onnotice: () => undefined })
    return {
      ...real(server.url),
      forget: async () => {
        await admin`truncate tool_leases, spillway_tools, spillway_members`
      },
      fill: async (fleet, tool) => {
        await admin`insert into spillway_members select ${fleet}, ${tool}, 'filler' || n, 1, now() + interval '1 hour',
          0, 0, 0, 1, 0, 1 from generate_series(1, ${MOST_SIDECARS}::int) n`
      },
      hears: async (_, sidecar) => {
        const rows = await admin`select from pg_stat_activity
          where application_name = ${`spillway-${sidecar}`} and query like 'listen%' and state = 'idle'`
        return rows.length === 1
      },
      [Symbol.asyncDispose]: async () => {
        await admin.end({ timeout: 0 })
        await server[Symbol.asyncDispose]()
      },
    }
  },
}

function real(url: string): Pick<World, 'pass' | 'open'> {
  return {
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms + 5)),
    open: (fleet, sidecar, ttlMs) =>
      Promise.resolve(openStore(url, { fleet, sidecar, ttlMs, answerWithinMs: 10_000 }, systemClock)),
  }
}

/** A sidecar that keeps the figures that the port asks for, and records its news. */
export class Client {
  readonly news: News[] = []
  epoch = 0
  returned = 0
  given = 0
  #order = 0
  readonly store: FleetStore
  readonly tool: string
  cap: number

  constructor(store: FleetStore, tool: string, cap: number) {
    this.store = store
    this.tool = tool
    this.cap = cap
    store.listen((news) => {
      if (news.tool === tool) this.news.push(news)
    })
  }

  get held(): number {
    return this.given - this.returned
  }

  async want(want: number): Promise<Allotment> {
    return this.say({ want })
  }

  async giveBack(slots: number, want = 0): Promise<Allotment> {
    this.returned += slots
    return this.say({ want })
  }

  /** Sends the last report; the next report begins a new session. */
  async leave(): Promise<Allotment> {
    this.returned = this.given
    const answer = await this.say({ isLeaving: true })
    this.epoch = this.given = this.returned = 0
    return answer
  }

  /** Sends a report, with any of its fields replaced. */
  async say(said: Partial<Report>): Promise<Allotment> {
    const { tool, cap, epoch, returned, held } = this
    const own = { tool, cap, epoch, returned, held, want: 0, order: ++this.#order, isLeaving: false }
    const allotment = await this.store.report({ ...own, ...said })
    if (allotment.epoch !== this.epoch) this.returned = 0
    this.epoch = allotment.epoch
    this.given = allotment.given
    return allotment
  }
}

export interface Fleet {
  /** New members of a tool that only they use, on a store whose first pause is over. `ttlMs` defaults to LONG_TTL_MS. */
  members(count: number, cap: number, ttlMs?: number): Promise<Client[]>
  readonly world: World
}

const MOST_MEMBERS = 4

/** Opens the stores of a world once for all tests; each test uses a tool of its own. */
export async function fleetOn(world: World, shortTtlMs: number): Promise<Fleet & AsyncDisposable> {
  const stores = new Map<number, FleetStore[]>()
  const opened = new Set<FleetStore>()
  for (const ttlMs of [1, shortTtlMs, LONG_TTL_MS]) {
    const names = Array.from({ length: MOST_MEMBERS }, (_, i) => `ttl${ttlMs}-${i}`)
    stores.set(ttlMs, await Promise.all(names.map((sidecar) => world.open(FLEET, sidecar, ttlMs))))
    for (const sidecar of names)
      await eventually(async () => assert.ok(await world.hears(FLEET, sidecar), `${sidecar} does not listen`))
    for (const store of stores.get(ttlMs) ?? []) opened.add(store)
  }
  let tools = 0
  return {
    world,
    async members(count, cap, ttlMs = LONG_TTL_MS) {
      const tool = `tool${++tools}`
      const opener = new Client((stores.get(1) ?? [])[0]!, tool, cap)
      await opener.want(0)
      await world.pass(2)
      await opener.leave()
      return (stores.get(ttlMs) ?? []).slice(0, count).map((store) => new Client(store, tool, cap))
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...opened].map((store) => store.close()))
    },
  }
}
