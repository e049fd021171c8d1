/**
 * The whole proxy, wired: two listeners, the tools behind them, and those who watch. Starts, reloads, drains and
 * closes; owns no policy of its own.
 */
import { randomBytes } from 'node:crypto'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { EVENTS_HOLDER } from './capacity/capacity.ts'
import { planReload } from './config/reload.ts'
import type { Address, McpSettings, Settings } from './config/settings.ts'
import { ConnectionBounds } from './capacity/connection-bounds.ts'
import { saltedHash } from './call/identifiers.ts'
import { Fleet } from './fleet/fleet.ts'
import { openStore } from './fleet/open.ts'
import type { Lane } from './lane/lane.ts'
import { LeaseDesk } from './call/worker-leases.ts'
import { createAdminServer } from './listen/admin.ts'
import { Drain } from './listen/drain.ts'
import type { Malformed } from './listen/head.ts'
import { createProxyServer } from './listen/server.ts'
import { Totals } from './observe/totals.ts'
import { Events, NO_TOOL } from './observe/events.ts'
import { showLane } from './observe/lane-json.ts'
import type { Log } from './observe/log.ts'
import { Metrics } from './observe/metrics.ts'
import { Narrator, statusFields } from './observe/narrate.ts'
import { Watchers } from './observe/watch.ts'
import { Pipeline } from './pipeline.ts'
import { Replies } from './call/replies.ts'
import { lastRefusal } from './reply/last-answer.ts'
import type { Clock } from './time/clock.ts'
import { Tools } from './tools/tools.ts'

export interface SidecarParts {
  readonly settings: Settings
  readonly clock: Clock
  /** Luck: 0 <= n < 1. */
  readonly random: () => number
  readonly log: Log
  readonly token: string | undefined
  /** Files that this process may have open; Infinity where there is no limit. */
  readonly openFiles: number
  /** Reads the configuration again; the problems are lines for people. */
  readonly reread: () => { ok: true; settings: Settings } | { ok: false; problems: readonly string[] }
}

/** Milliseconds in which the last refusals leave; nobody waits longer for a forced end. */
const FLUSH_MS = 20

export type DrainResult = 'finished' | 'ran out of time'

export class Sidecar {
  readonly #parts: SidecarParts
  readonly #events = new Events()
  readonly #totals = new Totals()
  readonly #drain = new Drain()
  readonly #fleet: Fleet | undefined
  readonly #tools: Tools
  readonly #bounds: ConnectionBounds
  readonly #pipeline: Pipeline
  readonly #leases: LeaseDesk
  readonly #narrator: Narrator
  readonly #watchers: Watchers
  readonly #proxy: Server
  readonly #admin: Server
  #settings: Settings
  /** An error of ours outside the tools' calls was contained. */
  readonly #broke = (error: unknown): void => this.#events.broke(NO_TOOL, undefined, error)

  constructor(parts: SidecarParts) {
    const { settings, clock, random, log } = parts
    this.#parts = parts
    this.#settings = settings
    this.#fleet = this.#joinFleet()
    this.#tools = new Tools(settings.tools, {
      clock,
      random,
      fleet: this.#fleet,
      emit: (tool, event) => this.#events.emit(tool, event),
      failed: this.#broke,
    })
    this.#bounds = new ConnectionBounds(parts)
    this.#bounds.allot(settings.tools)
    this.#narrator = new Narrator({ log, clock, status: (tool) => this.#statusOf(tool) })
    this.#watchers = new Watchers({ clock, lanes: () => this.#lanes(), onError: this.#broke })
    const { proxy, admin } = this.#bounds
    const base = { tools: this.#tools, events: this.#events, drain: this.#drain, clock, random }
    const replies = new Replies({ ...base, connections: proxy })
    const shared = { ...base, replies, hash: saltedHash() }
    this.#pipeline = new Pipeline({ ...shared, connections: proxy })
    this.#leases = new LeaseDesk({
      ...shared,
      connections: admin,
      isBeyondFleet: (tool, active) => this.#fleet?.isBeyond(tool, active) ?? false,
    })
    this.#proxy = createProxyServer({
      clock,
      onCall: this.#pipeline.handle,
      answerMalformed: (reason, detail) => this.#answerMalformed(reason, detail),
    })
    this.#admin = this.#createAdmin(this.#subscribe())
    proxy.watch(this.#proxy)
    admin.watch(this.#admin)
  }

  /** Errors: those of `listen`, EADDRINUSE among them; nothing stays open then. */
  async start(): Promise<{ readonly listen: Address; readonly admin: Address }> {
    try {
      const listen = await listenOn(this.#proxy, this.#settings.listen)
      const admin = await listenOn(this.#admin, this.#settings.admin)
      return { listen, admin }
    } catch (error) {
      await this.close()
      throw error
    }
  }

  /** A bad file changes nothing and says so; a good one keeps queues and leases. */
  reload(): { readonly ok: boolean; readonly body: object } {
    const reread = this.#parts.reread()
    if (!reread.ok) {
      this.#parts.log('error', {
        reload: 'refused',
        problems: reread.problems.length,
        first: reread.problems[0],
      })
      return { ok: false, body: { reloaded: false, problems: reread.problems } }
    }
    const plan = planReload(this.#settings, reread.settings)
    this.#tools.apply(plan)
    this.#bounds.allot(reread.settings.tools)
    // What needs a restart keeps its running value, so that the next reload still sees the difference.
    this.#settings = plan.settings
    const { added, changed, removed, needsRestart, takesEffect } = plan
    const body = {
      reloaded: true,
      added: added.map(({ tool }) => tool),
      changed: changed.map(({ tool, keys }) => ({ tool, keys })),
      removed,
      takes_effect: takesEffect,
      needs_restart: needsRestart,
    }
    this.#parts.log('info', {
      reload: 'done',
      added: added.length,
      changed: changed.length,
      removed: removed.length,
      needs_restart: needsRestart.join(',') || undefined,
    })
    return { ok: true, body }
  }

  /** Refuses new work and waits for what runs and waits, at most `drainMs`. */
  async drain(): Promise<DrainResult> {
    const { clock, log } = this.#parts
    const { drainMs } = this.#settings
    log('info', { drain: 'started', open: this.#drain.open, seconds: drainMs / 1000 })
    this.#pipeline.endStreams()
    const finished = this.#drain.start().then((): DrainResult => 'finished')
    const ranOut = new Promise<DrainResult>((resolve) => {
      const timer = clock.after(drainMs, () => resolve('ran out of time'))
      void finished.then(() => timer.clear())
    })
    const result = await Promise.race([finished, ranOut])
    log(result === 'finished' ? 'info' : 'error', { drain: result, open: this.#drain.open })
    return result
  }

  /** Cuts everything that is still open. Idempotent. */
  async close(): Promise<void> {
    for (const each of [this.#narrator, this.#bounds, this.#watchers]) each.close()
    // Whoever waits is told so; after that what still runs is cut.
    this.#tools.closeGates()
    await new Promise((resolve) => this.#parts.clock.after(FLUSH_MS, () => resolve(undefined)))
    for (const server of [this.#proxy, this.#admin]) {
      server.close()
      server.closeAllConnections()
    }
    await this.#tools.close()
    await this.#fleet?.close()
  }

  #joinFleet(): Fleet | undefined {
    const { settings, clock, random } = this.#parts
    const { fleet } = settings
    return (
      fleet &&
      new Fleet(fleet, {
        open: (options) => openStore(fleet.store, options, clock),
        clock,
        random,
        sidecar: randomBytes(9).toString('base64url'),
        tell: (tool, event) => this.#events.emit(tool, event),
      })
    )
  }

  /** Those who count come before those who show. */
  #subscribe(): Metrics {
    const { nowMs } = this.#parts.clock
    const metrics = new Metrics({
      totals: this.#totals,
      nowMs,
      connections: () => this.#bounds.figures(),
      lanes: () => this.#allLanes(),
      fleet: (tool) => this.#fleet?.status(tool),
    })
    for (const subscriber of [
      this.#totals.count,
      metrics.observe,
      this.#narrator.tell,
      this.#watchers.tell,
    ]) {
      this.#events.subscribe(subscriber)
    }
    return metrics
  }

  #createAdmin(metrics: Metrics): Server {
    return createAdminServer({
      clock: this.#parts.clock,
      isDraining: () => this.#drain.isDraining,
      fleet: () => this.#fleet?.readiness(),
      metrics: async () => ({ contentType: metrics.contentType, page: await metrics.page() }),
      lanes: () => this.#lanes(),
      lane: (tool) => this.#lane(tool),
      bounds: (tool) => {
        const lane = this.#tools.get(tool)?.settings.lane
        return lane && { min: lane.minConcurrent, max: lane.maxConcurrent }
      },
      operate: (tool, order) => this.#tools.get(tool)?.gate.operate(order),
      reload: () => this.reload(),
      mayWatch: (exchange) => this.#bounds.admin.hold(exchange, EVENTS_HOLDER),
      watch: this.#watchers.add,
      onError: this.#broke,
      leases: {
        has: (tool) => this.#leases.has(tool),
        ask: (tool, order, exchange) => this.#leases.ask(tool, order, exchange),
        renew: (id) => this.#leases.renew(id),
        end: (id, verdict) => this.#leases.end(id, verdict),
      },
      host: this.#settings.admin.host,
      token: this.#parts.token,
    })
  }

  *#allLanes(): Iterable<Lane> {
    for (const { gate } of this.#tools.all()) yield gate.lane
  }

  #lanes(): object[] {
    return [...this.#tools.all()].map(({ tool }) => this.#lane(tool) ?? {})
  }

  #lane(tool: string): object | undefined {
    const { nowMs, wallMs } = this.#parts.clock
    const found = this.#tools.get(tool)
    const beside = { mcp: showMcp(found?.settings.mcp), fleet: this.#fleet?.status(tool) }
    const moment = { nowMs: nowMs(), wallMs: wallMs() }
    return found && showLane(found.gate.lane, this.#totals.of(tool), moment, beside)
  }

  #statusOf(tool: string) {
    const lane = this.#tools.get(tool)?.gate.lane
    return lane && statusFields(lane, this.#parts.clock.nowMs())
  }

  #answerMalformed(reason: Malformed, detail: string): string {
    this.#events.emit(NO_TOOL, {
      kind: 'replied',
      reason,
      priority: 'normal',
      retryAfterMs: undefined,
      depths: undefined,
    })
    this.#events.emit(NO_TOOL, { kind: 'finished', outcome: 'refused', durationMs: undefined })
    return lastRefusal({ reason, requestId: crypto.randomUUID(), detail })
  }
}

function showMcp(mcp: McpSettings | undefined): object | undefined {
  if (mcp === undefined) return undefined
  const { overload } = mcp
  return mcp.role === 'server' ? { overload } : { server: mcp.server, tools: mcp.globs, overload }
}

/** The address as bound, which tells the port when 0 was asked for. */
function listenOn(server: Server, address: Address): Promise<Address> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(address.port, address.host, () => {
      server.off('error', reject)
      resolve({ host: address.host, port: (server.address() as AddressInfo).port })
    })
  })
}
