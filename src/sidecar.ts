/**
 * The whole proxy, wired: two listeners, the tools behind them, and those who watch. Starts, reloads, drains and
 * closes; owns no policy of its own.
 */
import { randomBytes } from 'node:crypto'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { EVENTS_HOLDER } from './capacity/capacity.ts'
import type { Address, Settings, ToolSettings } from './config/settings.ts'
import { ListenerConnections } from './capacity/listener-connections.ts'
import { saltedHash } from './call/identifiers.ts'
import { Fleet } from './fleet/fleet.ts'
import { openStore } from './fleet/open.ts'
import { createAdminServer } from './listen/admin.ts'
import { HttpCaller } from './listen/caller.ts'
import { Drain } from './listen/drain.ts'
import type { DrainResult } from './listen/drain.ts'
import type { HttpExchange } from './listen/http-exchange.ts'
import type { LeaseRequest } from './listen/lease-request.ts'
import { createProxyServer } from './listen/server.ts'
import { Totals } from './observe/totals.ts'
import { Events, NO_TOOL } from './observe/events.ts'
import type { Log } from './observe/log.ts'
import { Metrics } from './observe/metrics.ts'
import { Narrator, statusFields } from './observe/narrate.ts'
import { Watchers } from './observe/watch.ts'
import { Pipeline } from './pipeline.ts'
import { Replies } from './call/replies.ts'
import type { Clock } from './time/clock.ts'
import { LaneViews } from './tools/lane-views.ts'
import { Reload } from './tools/reload.ts'
import type { Reread } from './tools/reload.ts'
import { Tools } from './tools/tools.ts'

export interface SidecarParts {
  readonly settings: Settings
  readonly clock: Clock
  /** 0 <= n < 1. */
  readonly random: () => number
  readonly log: Log
  readonly token: string | undefined
  /** Files that this process may have open; Infinity where there is no limit. */
  readonly openFiles: number
  readonly reread: () => Reread
}

/** Milliseconds in which the last refusals are written before connections are cut. */
const FLUSH_MS = 20

export class Sidecar {
  readonly #parts: SidecarParts
  readonly #events = new Events()
  readonly #totals = new Totals()
  readonly #drain = new Drain()
  readonly #fleet: Fleet | undefined
  readonly #tools: Tools
  readonly #reload: Reload
  readonly #views: LaneViews
  readonly #bounds: ListenerConnections
  readonly #pipeline: Pipeline
  readonly #narrator: Narrator
  readonly #watchers: Watchers
  readonly #proxy: Server
  readonly #admin: Server
  /** An error of Spillway's own outside the tools' calls was contained. */
  readonly #broke = (error: unknown): void => this.#events.broke(NO_TOOL, undefined, error)

  constructor(parts: SidecarParts) {
    const { settings, clock, random, log } = parts
    this.#parts = parts
    this.#fleet = this.#joinFleet()
    this.#tools = new Tools(settings.tools, {
      clock,
      random,
      fleet: this.#fleet,
      emit: (tool, event) => this.#events.emit(tool, event),
      failed: this.#broke,
    })
    this.#bounds = new ListenerConnections(parts)
    this.#bounds.allot(settings.tools)
    const allot = (tools: readonly ToolSettings[]): void => this.#bounds.allot(tools)
    this.#reload = new Reload(settings, { tools: this.#tools, allot, reread: parts.reread, log })
    const membership = (tool: string) => this.#fleet?.status(tool)
    this.#views = new LaneViews({ tools: this.#tools, totals: this.#totals, clock, membership })
    this.#narrator = new Narrator({ log, clock, status: (tool) => this.#statusOf(tool) })
    this.#watchers = new Watchers({ clock, lanes: this.#views.all, onError: this.#broke })
    const { proxy, admin } = this.#bounds
    const base = { tools: this.#tools, events: this.#events, drain: this.#drain, clock, random }
    const replies = new Replies(base)
    this.#pipeline = new Pipeline({
      ...base,
      replies,
      hash: saltedHash(),
      isBeyondFleet: (tool, active) => this.#fleet?.isBeyond(tool, active) ?? false,
    })
    this.#proxy = createProxyServer({
      clock,
      onCall: (arrival) => this.#pipeline.handle(new HttpCaller(arrival, { clock, connections: proxy })),
      answerMalformed: (reason, detail) => replies.malformed(reason, detail),
    })
    this.#admin = this.#createAdmin(this.#subscribe())
    proxy.watch(this.#proxy)
    admin.watch(this.#admin)
  }

  /** Errors: those of `listen`, EADDRINUSE among them; nothing stays open then. */
  async start(): Promise<{ readonly listen: Address; readonly admin: Address }> {
    try {
      const listen = await listenOn(this.#proxy, this.#parts.settings.listen)
      const admin = await listenOn(this.#admin, this.#parts.settings.admin)
      return { listen, admin }
    } catch (error) {
      await this.close()
      throw error
    }
  }

  reload(): { readonly ok: boolean; readonly body: object } {
    return this.#reload.run()
  }

  /** Refuses new work and waits for what runs and waits, at most `drainSeconds`. */
  async drain(): Promise<DrainResult> {
    const { clock, log } = this.#parts
    const { drainMs } = this.#reload.settings
    log('info', { drain: 'started', open: this.#drain.open, seconds: drainMs / 1000 })
    this.#pipeline.mcp.endStreams()
    const result = await this.#drain.finish(drainMs, clock)
    log(result === 'finished' ? 'info' : 'error', { drain: result, open: this.#drain.open })
    return result
  }

  /** Cuts everything that is still open. Idempotent. */
  async close(): Promise<void> {
    for (const each of [this.#narrator, this.#bounds, this.#watchers]) each.close()
    // Waiting calls are refused first; calls that still run are cut after that.
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

  /** The order matters: subscribers that count run before those that show the counts. */
  #subscribe(): Metrics {
    const { nowMs } = this.#parts.clock
    const metrics = new Metrics({
      totals: this.#totals,
      nowMs,
      connections: () => this.#bounds.figures(),
      lanes: () => this.#views.lanes(),
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
      lanes: this.#views.all,
      lane: this.#views.one,
      bounds: (tool) => {
        const lane = this.#tools.get(tool)?.settings.lane
        return lane && { min: lane.minConcurrent, max: lane.maxConcurrent }
      },
      operate: (tool, order) => this.#tools.get(tool)?.gate.operate(order),
      reload: this.#reload.run,
      mayWatch: (exchange) => this.#bounds.admin.hold(exchange, EVENTS_HOLDER),
      watch: this.#watchers.add,
      onError: this.#broke,
      leases: {
        has: (tool) => this.#tools.get(tool) !== undefined,
        ask: (name, wanted, exchange) => this.#askLease(name, wanted, exchange),
        renew: (id) => this.#pipeline.leases.renew(id),
        end: (id, verdict) => this.#pipeline.leases.end(id, verdict),
      },
      host: this.#parts.settings.admin.host,
      token: this.#parts.token,
    })
  }

  #statusOf(tool: string) {
    const lane = this.#tools.get(tool)?.gate.lane
    return lane && statusFields(lane, this.#parts.clock.nowMs())
  }

  #askLease(name: string, wanted: LeaseRequest, exchange: HttpExchange): void {
    const tool = this.#tools.get(name)
    if (tool === undefined) throw new Error(`a lease was asked of ${name}, which is gone`)
    const arrival = { ...exchange, expectsContinue: false, upgrade: undefined }
    const { clock } = this.#parts
    this.#pipeline.lease(new HttpCaller(arrival, { clock, connections: this.#bounds.admin }), tool, wanted)
  }
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
