/**
 * The keys that only a tool can have, not `defaults`: where it is, which requests are for it, and `mcp`.
 */
import * as z from 'zod'
import { field, oneOf, says, text, twoLines, yesOrNo } from '../fields.ts'
import { canonicalRule, impliedRule, parseMatchHost, parseMatchPath } from '../match.ts'
import type { McpSettings, ToolSettings } from '../settings.ts'
import { TOOL_NAME } from '../tool-name.ts'
import { parseUpstream, UPSTREAM_EXAMPLE } from '../upstream.ts'
import { certain } from './convert.ts'
import { LANE_KEYS } from './lane.ts'
import { mapOf } from './map-of.ts'
import { given, none, part, toolKey } from './row.ts'
import type { About } from './row.ts'

const MOST_MATCHES = 64
const MOST_GLOBS = 256
const LONGEST_GLOB = 128
const OVERLOAD = 'tool_result'

const MATCH_PARTS = {
  host: part({
    field: text(parseMatchHost, { what: 'a host name', example: 'browser.tools.internal' }),
    default: none(),
    says: 'The host that a request has to name, without a port.',
  }),
  path: part({
    field: text(parseMatchPath, { what: 'a path', example: '/browser' }),
    default: none(),
    says: 'The path that a request has to begin with, in whole segments.',
  }),
  ignoreCase: part({
    field: yesOrNo(),
    default: given(false, 'two resources may differ in letter case only'),
    says: 'Whether the tool takes `/Path` for `/path`.',
  }),
}

const MATCH_RULE = mapOf(
  { what: 'a map with host, path or both', example: '{ path: /browser }' },
  MATCH_PARTS,
)
const MATCH_COUNT = says(`a list of 1 to ${MOST_MATCHES} entries`, '[{ path: /browser }]')
const MATCHES = field({ what: 'a list', example: '[{ path: /browser }]' }, (error) =>
  z
    .array(MATCH_RULE.schema.superRefine(checkRule), { error })
    .min(1, { error: MATCH_COUNT })
    .max(MOST_MATCHES, { error: MATCH_COUNT }),
)

const SERVER = { what: 'the name of a tool with `mcp: {}`', example: 'search' }
const GLOB = says('the name of an MCP tool, * for any characters', 'search_*')
const GLOBS = { what: 'a list of names of MCP tools', example: '[search_*, fetch]' }

const MCP_PARTS = {
  server: part({
    field: field(SERVER, (error) => z.string({ error }).regex(TOOL_NAME, { error })),
    default: none(),
    says: 'The tool whose MCP server this lane is for; in place of `upstream` and `match`.',
  }),
  tools: part({
    field: field(GLOBS, (error) =>
      z
        .array(
          z
            .string({ error: GLOB })
            .min(1, { error: GLOB })
            .max(LONGEST_GLOB, {
              error: twoLines(
                `is longer than ${LONGEST_GLOB} characters`,
                'write a shorter name, with * for the rest',
              ),
            }),
          { error },
        )
        .min(1, { error: says('a list of at least one name of an MCP tool', GLOBS.example) })
        .max(MOST_GLOBS, {
          error: twoLines(
            `holds more than ${MOST_GLOBS} names`,
            'write fewer, with * where names begin alike',
          ),
        }),
    ),
    default: none(),
    says: 'Which calls the lane takes, by the name of the MCP tool: `*` for any characters, `?` for one. The name itself goes before a pattern, and a pattern with more letters before one with fewer. Needed with `mcp.server`.',
  }),
  overload: part({
    field: oneOf(['tool_result', 'jsonrpc_error', 'http_429']),
    default: given(OVERLOAD, 'the only answer that every model reads'),
    says: 'How a refused call is answered.',
  }),
}

const MCP = mapOf({ what: 'a map', example: '{}' }, MCP_PARTS)

export const TOOL_KEYS = {
  upstream: toolKey({
    field: text(parseUpstream, { what: 'a URL', example: UPSTREAM_EXAMPLE }),
    // shape.ts complains where neither it nor `mcp.server` is written.
    default: none(),
    says: 'The http or https URL of the tool. Its path is put before the path of each call. Needed without `mcp.server`.',
    setting: { upstream: certain(parseUpstream) },
    reload: 'starting calls',
    isOfServer: true,
  }),
  match: toolKey({
    field: MATCHES,
    default: none('[{ path: /TOOL }]'),
    says: 'Which requests are for this tool. Of several matches the most specific one counts: host and path, then host, then the longest path.',
    setting: { match: matchOf },
    reload: 'new calls',
    isOfServer: true,
    parts: MATCH_PARTS,
  }),
  ...LANE_KEYS,
  mcp: toolKey({
    field: MCP,
    default: none(),
    says: 'The tool is an MCP server (`{}`), or a lane for some calls of one (`server` and `tools`).',
    setting: { mcp: mcpOf },
    reload: 'new calls',
    parts: MCP_PARTS,
  }),
}

function checkRule(
  rule: z.infer<typeof MATCH_RULE.schema>,
  context: { addIssue: (message: string) => void },
): void {
  if (rule.path !== undefined) return
  if (rule.host !== undefined && rule.ignoreCase === undefined) return
  if (rule.host !== undefined)
    return context.addIssue(twoLines('has ignoreCase and no path', 'remove it; hosts have no letter case'))
  context.addIssue(twoLines('matches nothing', 'write host, path or both, for example { path: /browser }'))
}

function matchOf(
  rules: readonly z.infer<typeof MATCH_RULE.schema>[] | undefined,
  { tool, isMcpLane }: About,
): ToolSettings['match'] {
  if (isMcpLane) return []
  return rules?.flatMap((rule) => canonicalRule(rule) ?? []) ?? [impliedRule(tool)]
}

function mcpOf(written: z.infer<typeof MCP.schema> | undefined): McpSettings | undefined {
  if (written === undefined) return undefined
  const { server, tools: globs = [], overload = OVERLOAD } = written
  return server === undefined ? { role: 'server', overload } : { role: 'lane', server, globs, overload }
}
