/**
 * tools.yaml as the operator writes it: every key, its type and its bounds. What holds between two keys is conflicts.ts.
 * Input and output are the same shape, so that `z.toJSONSchema(fileSchema, { io: 'input' })` describes the file to an editor.
 * Must not know defaults, files or positions.
 */
import * as z from 'zod'
import { PRIORITIES } from '../lane/priority.ts'
import { parseAddress } from './address.ts'
import { decimal, oneOf, says, seconds, text, textOrNumber, twoLines, whole, yesOrNo } from './fields.ts'
import { parseHeaderName } from './header-name.ts'
import { parseMatchHost, parseMatchPath } from './match.ts'
import { parseFleetName, parseStoreUrl, STORE_EXAMPLE } from './store-url.ts'
import { parseUpstream, UPSTREAM_EXAMPLE } from './upstream.ts'

const MOST_TOOLS = 1000
const MOST_LEASES = 10_000
const MOST_MATCHES = 64
const MOST_FALLBACKS = 16
const MOST_RETRIES = 5
const MOST_CALLS = 1_000_000_000
const MOST_GLOBS = 256
const LONGEST_GLOB = 128
const DAY_SECONDS = 86_400
const HOUR_MS = 3_600_000
/** Clients wait no longer than this: contract, section 4. */
const LONGEST_RETRY_AFTER_SECONDS = 30
const TEBIBYTE = 1_099_511_627_776

export const TOOL_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/

const toolName = z.string().regex(TOOL_NAME)
const address = textOrNumber(parseAddress, { what: 'an address', example: '127.0.0.1:8080' })

const retryAfterSchema = z.strictObject(
  {
    minSeconds: whole({ from: 1, to: LONGEST_RETRY_AFTER_SECONDS, example: 1 }).exactOptional(),
    maxSeconds: whole({ from: 1, to: LONGEST_RETRY_AFTER_SECONDS, example: 30 }).exactOptional(),
  },
  { error: says('a map', '{ minSeconds: 1, maxSeconds: 30 }') },
)

/** Statuses of an answer that may be thrown away for another try: the tool could not do it, whoever asked. */
const RETRYABLE = [500, 502, 503, 504] as const
const RETRY_ONE = says(`connect, ${RETRYABLE.slice(0, -1).join(', ')} or ${RETRYABLE.at(-1) ?? ''}`, '503')
const RETRY_ON = says(`a list of connect and statuses such as 502`, '[connect, 502, 503, 504]')

const retriesSchema = z.strictObject(
  {
    max: whole({ from: 0, to: MOST_RETRIES, example: 2 }).exactOptional(),
    on: z
      .array(z.union([z.literal('connect'), z.literal(RETRYABLE)], { error: RETRY_ONE }), { error: RETRY_ON })
      .max(RETRYABLE.length + 1, { error: RETRY_ON })
      .exactOptional(),
    budgetRatio: decimal({ from: 0, to: 1, example: 0.1 }).exactOptional(),
  },
  { error: says('a map', '{ max: 2 }') },
)

const RATE = says('none or a map with calls and perSeconds', '{ calls: 5000, perSeconds: 3600, burst: 100 }')

const rateSchema = z.strictObject(
  {
    calls: whole({ from: 1, to: MOST_CALLS, example: 5000 }),
    perSeconds: seconds({ to: 30 * DAY_SECONDS, example: 3600 }),
    burst: whole({ from: 1, to: MOST_CALLS, example: 100 }).exactOptional(),
  },
  { error: says('a map', '{ calls: 5000, perSeconds: 3600, burst: 100 }') },
)

const controllerSchema = z.strictObject(
  {
    algorithm: oneOf(['adaptive', 'aimd', 'gradient', 'fixed']).exactOptional(),
    decreaseAboveP95Ms: decimal({ from: 1, to: HOUR_MS, example: 4000 }).exactOptional(),
    increaseBelowP95Ms: decimal({ from: 0, to: HOUR_MS, example: 1200 }).exactOptional(),
    halveAboveErrorRate: decimal({ from: 0, to: 1, example: 0.1 }).exactOptional(),
    increaseBelowErrorRate: decimal({ from: 0, to: 1, example: 0.02 }).exactOptional(),
    decreaseBy: whole({ from: 1, to: MOST_LEASES, example: 2 }).exactOptional(),
    increaseBy: whole({ from: 1, to: MOST_LEASES, example: 1 }).exactOptional(),
    windowSeconds: seconds({ to: 3600, example: 2 }).exactOptional(),
  },
  { error: says('a map', '{ algorithm: aimd }') },
)

const priorityClass = () => oneOf(PRIORITIES).exactOptional()

const prioritySchema = z.strictObject(
  { max: priorityClass(), default: priorityClass() },
  { error: says('a map', '{ max: high }') },
)

const FAIRNESS = says('none or a map with by, the name of a header', '{ by: X-Agent-Id }')

const fairnessSchema = z.strictObject({
  by: text(parseHeaderName, { what: 'the name of a header', example: 'X-Agent-Id' }),
})

const fallbackTools = z
  .array(
    z
      .string({ error: says('a tool name', 'search_cache') })
      .regex(TOOL_NAME, { error: says('a tool name', 'search_cache') }),
    {
      error: says('a list of tool names', '[search_cache]'),
    },
  )
  .max(MOST_FALLBACKS, {
    error: twoLines(`holds more than ${MOST_FALLBACKS} names`, 'write those an agent should try first'),
  })

const globs = z
  .array(
    z
      .string({ error: says('the name of an MCP tool, * for any characters', 'search_*') })
      .min(1, { error: says('the name of an MCP tool, * for any characters', 'search_*') })
      .max(LONGEST_GLOB, {
        error: twoLines(
          `is longer than ${LONGEST_GLOB} characters`,
          'write a shorter name, with * for the rest',
        ),
      }),
    { error: says('a list of names of MCP tools', '[search_*, fetch]') },
  )
  .min(1, { error: says('a list of at least one name of an MCP tool', '[search_*, fetch]') })
  .max(MOST_GLOBS, {
    error: twoLines(`holds more than ${MOST_GLOBS} names`, 'write fewer, with * where names begin alike'),
  })

const mcpSchema = z.strictObject(
  {
    server: z
      .string({ error: says('the name of a tool with `mcp: {}`', 'search') })
      .regex(TOOL_NAME, { error: says('the name of a tool with `mcp: {}`', 'search') })
      .exactOptional(),
    tools: globs.exactOptional(),
    overload: oneOf(['tool_result', 'jsonrpc_error', 'http_429']).exactOptional(),
  },
  { error: says('a map', '{}') },
)

/** What `defaults` and every tool can say. */
const laneSchema = z.strictObject(
  {
    stripPath: yesOrNo().exactOptional(),
    keepHost: yesOrNo().exactOptional(),
    maxQueueDepth: whole({ from: 0, to: 100_000, example: 100 }).exactOptional(),
    maxConcurrent: whole({ from: 1, to: MOST_LEASES, example: 8 }).exactOptional(),
    startConcurrent: whole({ from: 1, to: MOST_LEASES, example: 8 }).exactOptional(),
    minConcurrent: whole({ from: 1, to: MOST_LEASES, example: 1 }).exactOptional(),
    ttlSeconds: seconds({ to: DAY_SECONDS, example: 60 }).exactOptional(),
    leaseSeconds: seconds({ to: DAY_SECONDS, example: 120 }).exactOptional(),
    connectTimeoutSeconds: seconds({ to: 300, example: 5 }).exactOptional(),
    maxBodyBytes: whole({ from: 0, to: TEBIBYTE, example: 104_857_600 }).exactOptional(),
    onClientGone: oneOf(['cancel', 'finish']).exactOptional(),
    fallbackTools: fallbackTools.exactOptional(),
    controller: controllerSchema.exactOptional(),
    priority: prioritySchema.exactOptional(),
    fairness: z.union([z.literal('none'), fairnessSchema], { error: FAIRNESS }).exactOptional(),
    retryAfter: retryAfterSchema.exactOptional(),
    retries: retriesSchema.exactOptional(),
    rate: z.union([z.literal('none'), rateSchema], { error: RATE }).exactOptional(),
  },
  { error: says('a map of lane settings', '{ maxConcurrent: 8 }') },
)

const matchSchema = z
  .strictObject(
    {
      host: text(parseMatchHost, { what: 'a host name', example: 'browser.tools.internal' }).exactOptional(),
      path: text(parseMatchPath, { what: 'a path', example: '/browser' }).exactOptional(),
      ignoreCase: yesOrNo().exactOptional(),
    },
    { error: says('a map with host, path or both', '{ path: /browser }') },
  )
  .superRefine((rule, context) => {
    if (rule.path !== undefined) return
    if (rule.host !== undefined && rule.ignoreCase === undefined) return
    if (rule.host !== undefined)
      return context.addIssue(twoLines('has ignoreCase and no path', 'remove it; hosts have no letter case'))
    context.addIssue(twoLines('matches nothing', 'write host, path or both, for example { path: /browser }'))
  })

const matchList = z.array(matchSchema, { error: says('a list', '[{ path: /browser }]') })
const MATCH_COUNT = says(`a list of 1 to ${MOST_MATCHES} entries`, '[{ path: /browser }]')

export const toolSchema = z.strictObject(
  {
    // shape.ts asks for it where `mcp.server` does not stand for it.
    upstream: text(parseUpstream, { what: 'a URL', example: UPSTREAM_EXAMPLE }).exactOptional(),
    match: matchList.min(1, { error: MATCH_COUNT }).max(MOST_MATCHES, { error: MATCH_COUNT }).exactOptional(),
    ...laneSchema.shape,
    mcp: mcpSchema.exactOptional(),
  },
  { error: says('a map with at least upstream', `{ upstream: ${UPSTREAM_EXAMPLE} }`) },
)

const TOOLS_EXAMPLE = `{ github: { upstream: ${UPSTREAM_EXAMPLE} } }`

export const drainSchema = decimal({ from: 0, to: 3600, example: 25 })

const FLEET_EXAMPLE = `{ store: "${STORE_EXAMPLE}", name: production }`

const fleetSchema = z.strictObject(
  {
    store: text(parseStoreUrl, { what: 'the URL of a store', example: STORE_EXAMPLE }),
    name: text(parseFleetName, { what: 'a name', example: 'production' }).exactOptional(),
    leaseTtlSeconds: decimal({ from: 1, to: 600, example: 10 }).exactOptional(),
    onStoreLoss: oneOf(['local-share', 'closed', 'open']).exactOptional(),
  },
  { error: says('a map with at least store', FLEET_EXAMPLE) },
)

const processShape = {
  listen: address.exactOptional(),
  admin: address.exactOptional(),
  drainSeconds: drainSchema.exactOptional(),
  fleet: fleetSchema.exactOptional(),
  defaults: laneSchema.exactOptional(),
}

export const fileSchema = z.strictObject(
  {
    ...processShape,
    tools: z
      .record(toolName, toolSchema, { error: says('a map of tools', TOOLS_EXAMPLE) })
      .superRefine((tools, context) => {
        const count = Object.keys(tools).length
        if (count === 0) context.addIssue(twoLines('names no tool', `write for example ${TOOLS_EXAMPLE}`))
        if (count > MOST_TOOLS)
          context.addIssue(twoLines(`names ${count} tools`, `write at most ${MOST_TOOLS}`))
      }),
  },
  { error: says('a map of settings', `tools: ${TOOLS_EXAMPLE}`) },
)

/** What is left of a file once everything that was refused is taken out of it: enough to look for conflicts. */
export const remainsSchema = z.strictObject({
  ...processShape,
  fleet: fleetSchema.partial().exactOptional(),
  tools: z.record(z.string(), toolSchema.partial()).exactOptional(),
})

export type WrittenFile = z.infer<typeof fileSchema>
export type WrittenTool = z.infer<typeof toolSchema>
export type WrittenLane = z.infer<typeof laneSchema>
export type Remains = z.infer<typeof remainsSchema>

/** The keys of each kind of map, and how to name the place to a person. */
export const KEYS = {
  top: { keys: Object.keys(fileSchema.shape), place: 'at the top level' },
  lane: { keys: Object.keys(laneSchema.shape), place: 'in a tool or in defaults' },
  tool: { keys: Object.keys(toolSchema.shape), place: 'in a tool' },
  match: { keys: Object.keys(matchSchema.shape), place: 'in an entry of match' },
  controller: { keys: Object.keys(controllerSchema.shape), place: 'in controller' },
  priority: { keys: Object.keys(prioritySchema.shape), place: 'in priority' },
  fairness: { keys: Object.keys(fairnessSchema.shape), place: 'in fairness' },
  retryAfter: { keys: Object.keys(retryAfterSchema.shape), place: 'in retryAfter' },
  retries: { keys: Object.keys(retriesSchema.shape), place: 'in retries' },
  rate: { keys: Object.keys(rateSchema.shape), place: 'in rate' },
  mcp: { keys: Object.keys(mcpSchema.shape), place: 'in mcp' },
  fleet: { keys: Object.keys(fleetSchema.shape), place: 'in fleet' },
} as const
