/**
 * How many connections and calls this process can hold, by its limit of open files: a caller's connection takes one, a
 * running call another one for its tool. Says where a configuration asks for more than that. Pure.
 */
import type { Advice } from '../config/problems.ts'
import type { ToolSettings } from '../config/settings.ts'
import type { ConnectionBounds } from '../listen/connections.ts'
import { MESSAGES, STREAMS } from '../tools/mcp-traffic.ts'
import { MAX_WATCHERS } from '../observe/watch.ts'

/** Files of the process itself: 25 of Node's own when it starts, two listeners, the log, a store's connections. */
const OWN_FILES = 40
/**
 * Files that a listener's callers do not get, whatever else uses them: without one, libuv closes new connections unseen,
 * and no call reaches its tool. Operators may still look when callers find no place.
 */
const [PROXY_SPARE, ADMIN_SPARE] = [12, 4]
/** Share of the files that looking up names may take at most: all tools at once is rare. */
const LOOKUPS_RATIO = 1 / 16
/** Share of the files that operators' connections may take, and between which figures: a fleet of workers asks for leases there. */
const ADMIN_RATIO = 1 / 8
const [ADMIN_LEAST, ADMIN_MOST] = [8, 2048]
/** Share of a listener's connections that no call takes: they are for answers to callers who get no place, and for health. */
const REFUSALS_RATIO = 1 / 8
const [REFUSALS_LEAST, REFUSALS_MOST] = [8, 512]
/** Connections at once, however many files there are: each takes some 20 KiB, and one core serves no more. */
const MAX_CONNECTIONS = 10_000

/** Who holds connections of the admin listener beside the workers that wait; a tool's name has no slash. */
export const EVENTS_HOLDER = '/events'

/** Streams beside the lanes last for days: they have their own share of a server's. */
export function streamsHolder(tool: string): string {
  return `${tool}/streams`
}

export interface Capacity {
  readonly proxy: ConnectionBounds
  readonly admin: ConnectionBounds
}

/** `openFiles`: Infinity where there is no limit. */
export function capacityOf(openFiles: number, tools: readonly ToolSettings[]): Capacity {
  const admin = between(ADMIN_LEAST, Math.floor(openFiles * ADMIN_RATIO), ADMIN_MOST)
  // Each tool's name is looked up on a socket of its own.
  const lookups = Math.min(tools.length, Math.floor(openFiles * LOOKUPS_RATIO))
  const left = Math.max(2, openFiles - OWN_FILES - lookups - admin)
  const refusals = forRefusals(Math.min(left, MAX_CONNECTIONS))
  // A tool's connections are as many as its calls that run; where all limits are too many, each call gets two files.
  const toTools = Math.min(sum(tools.map(toolConnections)), Math.floor((left - refusals) / 2))
  const most = Math.max(1, Math.min(left - toTools, MAX_CONNECTIONS) - refusals)
  const adminMost = Math.max(1, admin - forRefusals(admin))
  return {
    proxy: { connections: most + refusals, files: openFiles - PROXY_SPARE, most, needs: needsOf(tools) },
    admin: { connections: admin, files: openFiles - ADMIN_SPARE, most: adminMost, needs: adminNeeds(tools) },
  }
}

/** What holds although the configuration asks for more; undefined where it does not. */
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

/** The least limit of open files under which so many calls have room; some limit has to be enough. */
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

/** Workers hold a connection while they wait; what they run holds none. */
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
