/**
 * Decides how many connections and calls this process can hold, from its limit of open files: a caller's connection takes
 * one file, and a running call takes another for its tool. Warns if a configuration asks for more. Pure.
 */
import type { Advice } from '../config/problems.ts'
import type { ToolSettings } from '../config/settings.ts'
import type { ConnectionBounds } from '../listen/connections.ts'
import { MESSAGES, STREAMS } from '../tools/mcp-traffic.ts'
import { MAX_WATCHERS } from '../observe/watch.ts'

/** Files of the process itself: 25 that Node opens at its start, two listeners, the log, the connections to a store. */
const OWN_FILES = 40
/**
 * The last files, which callers of the proxy and of the admin listener do not get. Without a free file, libuv closes new
 * connections silently and no call reaches its tool. The admin listener keeps fewer, so that it outlasts the proxy.
 */
const [PROXY_SPARE, ADMIN_SPARE] = [12, 4]
/** Largest share of the files that is set aside for name lookups: lookups for all tools at once are rare. */
const LOOKUPS_RATIO = 1 / 16
/** Share of the files for connections of the admin listener, with its bounds. Workers ask for leases there, too. */
const ADMIN_RATIO = 1 / 8
const [ADMIN_LEAST, ADMIN_MOST] = [8, 2048]
/** Share of a listener's connections that calls do not get: for refusals to callers without a place, and for health checks. */
const REFUSALS_RATIO = 1 / 8
const [REFUSALS_LEAST, REFUSALS_MOST] = [8, 512]
/** Connections at once, whatever the limit of files: each takes about 20 KiB, and one core serves no more. */
const MAX_CONNECTIONS = 10_000

/** The holder of the event streams' connections on the admin listener. A tool's name has no slash, so none is equal to it. */
export const EVENTS_HOLDER = '/events'

/** The holder of a server's MCP streams. They last for days, so they have a share of their own. */
export function streamsHolder(tool: string): string {
  return `${tool}/streams`
}

export interface Capacity {
  readonly proxy: ConnectionBounds
  readonly admin: ConnectionBounds
}

/** `openFiles`: Infinity if there is no limit. */
export function capacityOf(openFiles: number, tools: readonly ToolSettings[]): Capacity {
  const admin = between(ADMIN_LEAST, Math.floor(openFiles * ADMIN_RATIO), ADMIN_MOST)
  // Each tool looks its name up on a socket of its own.
  const lookups = Math.min(tools.length, Math.floor(openFiles * LOOKUPS_RATIO))
  const left = Math.max(2, openFiles - OWN_FILES - lookups - admin)
  const refusals = forRefusals(Math.min(left, MAX_CONNECTIONS))
  // A running call has one connection to its tool. If the limits of all lanes exceed the files, each call gets two files.
  const toTools = Math.min(sum(tools.map(toolConnections)), Math.floor((left - refusals) / 2))
  const most = Math.max(1, Math.min(left - toTools, MAX_CONNECTIONS) - refusals)
  const adminMost = Math.max(1, admin - forRefusals(admin))
  return {
    proxy: { connections: most + refusals, files: openFiles - PROXY_SPARE, most, needs: needsOf(tools) },
    admin: { connections: admin, files: openFiles - ADMIN_SPARE, most: adminMost, needs: adminNeeds(tools) },
  }
}

/** A warning if the queues and limits ask for more calls than the process can hold; else undefined. */
export function shortage(openFiles: number, tools: readonly ToolSettings[]): Advice | undefined {
  const asked = sum(tools.map(laneCalls))
  const { most } = capacityOf(openFiles, tools).proxy
  if (asked <= most) return undefined
  const utmost = capacityOf(Infinity, tools).proxy.most
  const files = filesFor(Math.min(asked, utmost), tools)
  const [deepest] = tools.toSorted((a, b) => b.lane.maxQueueDepth - a.lane.maxQueueDepth)
  const held = `this process holds ${most}${Number.isFinite(openFiles) ? ` with ${openFiles} open files` : ''}`
  const allocation = asked > utmost ? ` (then it holds ${utmost} calls; no process holds more)` : ''
  const raise = most < utmost ? [`raise ulimit -n to ${files}${allocation}`] : []
  const lower = `lower maxQueueDepth, of ${deepest?.tool ?? ''} first, which is ${deepest?.lane.maxQueueDepth ?? 0}`
  return {
    what: `the limits and queues of all lanes together are ${asked} calls, and ${held}: callers beyond a lane's share of that get 503 PROXY_OVERLOADED`,
    remedy: [lower, ...raise].join(', or '),
  }
}

/** The least limit of open files under which this many calls have room. `calls` must be possible under some limit. */
function filesFor(calls: number, tools: readonly ToolSettings[]): number {
  const isEnough = (files: number): boolean => capacityOf(files, tools).proxy.most >= calls
  let [low, high] = [0, 1]
  while (!isEnough(high)) [low, high] = [high, high * 2]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (isEnough(middle)) high = middle
    else low = middle
  }
  return high
}

function needsOf(tools: readonly ToolSettings[]): ReadonlyMap<string, number> {
  return new Map(
    tools.flatMap((each): [string, number][] =>
      each.mcp?.role === 'server'
        ? [
            [each.tool, laneCalls(each) + MESSAGES],
            [streamsHolder(each.tool), STREAMS],
          ]
        : [[each.tool, laneCalls(each)]],
    ),
  )
}

/** A worker holds a connection while it waits for a lease, and none while it works. */
function adminNeeds(tools: readonly ToolSettings[]): ReadonlyMap<string, number> {
  const waiting = tools.map(({ tool, lane }): [string, number] => [tool, lane.maxQueueDepth])
  return new Map([[EVENTS_HOLDER, MAX_WATCHERS], ...waiting])
}

function laneCalls({ lane }: ToolSettings): number {
  return lane.maxQueueDepth + lane.maxConcurrent
}

function toolConnections({ lane, mcp }: ToolSettings): number {
  return lane.maxConcurrent + (mcp?.role === 'server' ? MESSAGES + STREAMS : 0)
}

function forRefusals(connections: number): number {
  return between(REFUSALS_LEAST, Math.floor(connections * REFUSALS_RATIO), REFUSALS_MOST)
}

function between(least: number, value: number, most: number): number {
  return Math.min(Math.max(least, value), most)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
