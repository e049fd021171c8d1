/**
 * What a scenario is: plain data that says how a tool behaves, who calls it and how its lane is configured. A file of
 * your own is read by `npm run bench:control -- --scenarios FILE.ts`, with `export const scenarios: Scenario[]`.
 * Times are seconds from the start unless the name says Ms; ratios are 0..1. Must not know of laws.
 */

/** The capacity of the tool. */
export type Capacity =
  /** `servers` calls are worked on at a time, further ones wait inside the tool in order of arrival. */
  | { readonly kind: 'pool'; readonly servers: number }
  /**
   * All calls are worked on together. Up to `knee` they do not feel each other; beyond it they share the knee's
   * throughput, which itself shrinks to 1 / (1 + fall x (n / knee - 1)) of it.
   */
  | { readonly kind: 'sharing'; readonly knee: number; readonly fall: number }
  /** Latency does not depend on how many calls there are. */
  | { readonly kind: 'unlimited' }

/** How much work a call is, in milliseconds of one server at normal speed. */
export type Service =
  /** `cv` is the coefficient of variation: 0 constant, 1 exponential, otherwise lognormal. */
  | { readonly meanMs: number; readonly cv: number }
  /** Two kinds of calls, each lognormal with a coefficient of variation of 0.3. */
  | { readonly fastMs: number; readonly slowMs: number; readonly slowRatio: number }

/** What is different from `atSeconds` on; keys that are left out stay as they were. */
export interface ToolChange {
  readonly atSeconds: number
  /** `servers` of a pool, `knee` of a sharing tool. */
  readonly capacity?: number
  /** Every call takes this many times as long, also those that run. 1 is normal. */
  readonly slowdown?: number
  /** While true, no call makes progress: the whole tool hangs. */
  readonly frozen?: boolean
  /** Share of calls answered with a 500 after `errorMs`, without any work. */
  readonly errorRatio?: number
  readonly errorMs?: number
  /** Share of calls that hang for `hangSeconds` in their place before they are worked on. */
  readonly hangRatio?: number
  readonly hangSeconds?: number
}

/** A 429 once more than `callsPerSecond` (with `burst` saved up) are sent, and for `penaltySeconds` from then on. */
export interface Quota {
  readonly callsPerSecond: number
  readonly burst: number
  readonly penaltySeconds: number
  /** Whether the 429 says Retry-After. */
  readonly saysRetryAfter: boolean
}

export interface ToolModel {
  readonly capacity: Capacity
  readonly service: Service
  readonly changes?: readonly ToolChange[]
  readonly quota?: Quota
  /** What the tool does with a call whose caller gave up. Default: goes_on, as most servers do. */
  readonly abandoned?: 'goes_on' | 'stops'
}

/** Independent callers: an open-loop Poisson stream of requests. */
export interface Callers {
  readonly rate: readonly { readonly atSeconds: number; readonly perSecond: number }[]
  /** A caller gives an attempt up after this long, waiting or running. */
  readonly patienceSeconds: number
  /** Attempts a request has at most. Refusals, errors and lost patience are tried again. Default 1. */
  readonly tries?: number
  /** Share of refusals whose Retry-After is honoured; otherwise 0.5 s x 2^k x U(0.5, 1). Default 0. */
  readonly honourRatio?: number
  /** Mean time (exponential) a caller takes to read an answer; it holds its lease meanwhile. Default 0. */
  readonly readMs?: number
}

export interface LaneShape {
  readonly minConcurrent: number
  readonly startConcurrent: number
  readonly maxConcurrent: number
  readonly maxQueueDepth: number
  readonly ttlSeconds: number
}

export interface Scenario {
  readonly name: string
  readonly about: string
  readonly seconds: number
  readonly lane?: Partial<LaneShape>
  readonly tool: ToolModel
  readonly callers: readonly Callers[]
  /** When the oracle may change its limit. Default: 0 and every change of the tool. */
  readonly oracleAtSeconds?: readonly number[]
  /** A capacity that goes and comes back: measures the time down and the time back. */
  readonly drop?: { readonly atSeconds: number; readonly backAtSeconds: number }
}

/** One lane for all scenarios, but for what a scenario says itself. */
const LANE: LaneShape = {
  minConcurrent: 1,
  startConcurrent: 16,
  maxConcurrent: 200,
  maxQueueDepth: 100,
  ttlSeconds: 4,
}

export function laneShape(scenario: Scenario): LaneShape {
  return { ...LANE, ...scenario.lane }
}

/** Calls the tool can end in a second at its normal speed; Infinity when nothing bounds it. */
export function capacityPerSec(tool: ToolModel): number {
  switch (tool.capacity.kind) {
    case 'pool':
      return (1000 * tool.capacity.servers) / meanServiceMs(tool.service)
    case 'sharing':
      return (1000 * tool.capacity.knee) / meanServiceMs(tool.service)
    case 'unlimited':
      return Infinity
    default:
      return tool.capacity satisfies never
  }
}

function meanServiceMs(service: Service): number {
  if ('meanMs' in service) return service.meanMs
  return service.fastMs * (1 - service.slowRatio) + service.slowMs * service.slowRatio
}

/** Milliseconds at which the oracle may change its limit, ascending, the first one 0. */
export function oracleBoundsMs(scenario: Scenario): number[] {
  const seconds = scenario.oracleAtSeconds ?? [
    0,
    ...(scenario.tool.changes ?? []).map((change) => change.atSeconds),
  ]
  return [...new Set([0, ...seconds])].sort((a, b) => a - b).map((atSeconds) => atSeconds * 1000)
}
