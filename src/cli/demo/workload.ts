/**
 * The set-up of the demo, the same in both runs: the tools, the agents, the times, and the lane that Spillway gives each
 * tool. Every figure of the set-up is in this file.
 */
import type { Knee } from './knee.ts'

export const TOOLS = ['flaky', 'healthy'] as const
export type ToolName = (typeof TOOLS)[number]

export interface ToolSettings {
  readonly knee: Knee
  /** Milliseconds that a call takes while the tool is not overloaded: uniform between these two. */
  readonly fastestMs: number
  readonly slowestMs: number
}

export const TOOL_SETTINGS: Readonly<Record<ToolName, ToolSettings>> = {
  flaky: { knee: { calls: 8, thrash: 0.25 }, fastestMs: 250, slowestMs: 300 },
  healthy: { knee: { calls: 1000, thrash: 0 }, fastestMs: 20, slowestMs: 30 },
}

export const SEED = 20_261_107

/** Not measured, because connections are opened and code is compiled in this time. */
export const WARM_UP_MS = 500
/** Before the burst only the healthy tool is called. */
export const QUIET_MS = 2500
export const BURST_MS = 12_000
/** The agents of the burst begin within this time. */
export const ONSET_MS = 3000
/** Agents that call the flaky tool, think, and call it again, until the burst is over. */
export const AGENTS = 72
export const THINK_MS = 300
/** Calls to the healthy tool, from the beginning of the run to its end. */
export const HEALTHY_CALLS_PER_SEC = 40
/** Workers that make the calls of all agents, to both tools. */
export const WORKERS = 56

/** Milliseconds an agent's client waits for an answer. */
export const TIMEOUT_MS = 2500
export const TRIES = 3
/** Milliseconds before the second try if the server names no wait; doubled for the third. Each wait is 50 to 100 % of it. */
export const BACKOFF_MS = 200
/** Milliseconds: an agent begins no further try that would start later than this after its call. */
export const PATIENCE_MS = 8000

/** The tools.yaml of the second run. */
export function toolsYaml(upstreams: Readonly<Record<ToolName, string>>): string {
  return `listen: 127.0.0.1:0
admin: 127.0.0.1:0
drainSeconds: 1
tools:
  flaky:
    upstream: ${upstreams.flaky}
    maxQueueDepth: 24
    startConcurrent: 24         # three times what the tool can take: nobody knew
    maxConcurrent: 32
    ttlSeconds: 1               # the callers hang up after ${TIMEOUT_MS / 1000} s
    controller:                 # a call takes 0.3 s when the tool is well
      decreaseAboveP95Ms: 600
      increaseBelowP95Ms: 400
      windowSeconds: 1
  healthy:
    upstream: ${upstreams.healthy}
    maxConcurrent: 64
`
}
