/**
 * Every default, with its unit and the reason for it, in the units the operator writes.
 * Must not know the schema, nor how defaults are laid under what was written (layers.ts).
 */
export interface Default<T> {
  readonly value: T
  readonly unit: string
  readonly reason: string
}

export const SIDECAR_DEFAULTS = {
  listen: given('127.0.0.1:8080', 'host:port', 'a sidecar serves its own machine or pod only'),
  admin: given('127.0.0.1:9090', 'host:port', 'reading is open, so only this machine may read'),
  drainSeconds: given(25, 'seconds', "below Kubernetes' 30 s between SIGTERM and SIGKILL"),
} as const

export const FLEET_DEFAULTS = {
  name: given('default', 'a name', 'one fleet to a store is the usual case'),
  leaseTtlSeconds: given(
    10,
    'seconds',
    'a dead sidecar is missed for ten seconds, and renewals cost next to nothing',
  ),
  onStoreLoss: given('local-share', 'local-share, closed or open', 'keeps near the cap and goes on working'),
} as const

export const LANE_DEFAULTS = {
  stripPath: given(true, 'yes or no', 'the tool does not know under which path it was put'),
  keepHost: given(false, 'yes or no', 'hosted tools answer to their own name only'),
  maxQueueDepth: given(100, 'tickets', 'twelve rounds of eight: enough for a burst, short of a backlog'),
  maxConcurrent: given(8, 'leases', "the seed's figure for a hosted API"),
  minConcurrent: given(1, 'leases', 'one call at a time still learns when the tool has recovered'),
  ttlSeconds: given(60, 'seconds', 'most agents have given up by then'),
  leaseSeconds: given(120, 'seconds', 'silence, not length: a tool that streams keeps its lease'),
  connectTimeoutSeconds: given(5, 'seconds', 'two lost SYN packets, which are sent again after 1 s and 3 s'),
  maxBodyBytes: given(104_857_600, 'bytes', '100 MiB: documents and images pass, a runaway upload does not'),
  onClientGone: given(
    'cancel',
    'cancel or finish',
    'work that nobody waits for holds a place that others need',
  ),
  fairness: given(
    { by: 'X-Agent-Id' },
    'a header, or none',
    'one agent that calls in a loop must not push out the others',
  ),
  fallbackTools: given([] as readonly string[], 'tool names', 'only the operator knows what can stand in'),
} as const

export const RETRY_AFTER_DEFAULTS = {
  minSeconds: given(1, 'seconds', 'Retry-After knows whole seconds, and 0 invites an immediate return'),
  maxSeconds: given(30, 'seconds', 'clients give up on, or ignore, longer waits'),
} as const

export const RETRIES_DEFAULTS = {
  max: given(0, 'retries', 'most clients retry by themselves, and two layers of retries multiply'),
  on: given(
    ['connect', 502, 503, 504] as readonly (string | number)[],
    'connect, or statuses',
    'failures that say that the call was probably not carried out',
  ),
  budgetRatio: given(
    0.1,
    'share of calls',
    'a tool that fails gets a tenth more load, not several times as much',
  ),
} as const

export const PRIORITY_DEFAULTS = {
  max: given('critical', 'critical, high, normal or low', 'agents behind one sidecar are trusted alike'),
  default: given(
    'normal',
    'critical, high, normal or low',
    'RFC 9218: what a client means that says nothing',
  ),
} as const

/** What lies between built-in values and `defaults` for the lanes of an MCP server. */
export const MCP_LANE_DEFAULTS = {
  ttlSeconds: given(
    30,
    'seconds',
    'common MCP clients give up after 60 s, and the call itself takes time, too',
  ),
  maxBodyBytes: given(
    4_194_304,
    'bytes',
    "4 MiB: the MCP SDKs' own bound; the whole body is held to be read",
  ),
} as const

export const MCP_DEFAULTS = {
  overload: given(
    'tool_result',
    'tool_result, jsonrpc_error or http_429',
    'the only answer that every model reads',
  ),
} as const

/** The law, and the figures of the seed's, which mean `aimd` wherever one of them is written. */
export const CONTROLLER_DEFAULTS = {
  algorithm: given('adaptive', 'adaptive, aimd, gradient or fixed', 'it beats the others in bench/control'),
  decreaseAboveP95Ms: given(4000, 'milliseconds', "the seed's figure"),
  increaseBelowP95Ms: given(1200, 'milliseconds', "the seed's figure"),
  halveAboveErrorRate: given(0.1, 'share of calls', "the seed's figure"),
  increaseBelowErrorRate: given(0.02, 'share of calls', "the seed's figure"),
  decreaseBy: given(2, 'leases', "the seed's figure"),
  increaseBy: given(1, 'leases', "the seed's figure"),
  windowSeconds: given(2, 'seconds', 'the shortest; a window also needs enough samples'),
} as const

function given<const T>(value: T, unit: string, reason: string): Default<T> {
  return Object.freeze({ value, unit, reason })
}
