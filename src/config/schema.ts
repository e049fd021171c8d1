/**
 * The schema of tools.yaml, put together from the rows of keys/: which maps there are, and which keys each of them has.
 * Conflicts between two keys are in conflicts.ts, claims.ts and mcp-lanes.ts. Input and output have the same shape, so
 * that the JSON Schema describes the file to an editor. Must not know files or positions.
 */
import * as z from 'zod'
import { field, map, twoLines } from './fields.ts'
import { LANE_KEYS } from './keys/lane.ts'
import { mapOf, mapWith } from './keys/map-of.ts'
import { PROCESS_KEYS } from './keys/process.ts'
import { NEEDED, none, part } from './keys/row.ts'
import { TOOL_KEYS } from './keys/tool.ts'
import { TOOL_NAME } from './tool-name.ts'
import { UPSTREAM_EXAMPLE } from './upstream.ts'

const MOST_TOOLS = 1000
const TOOLS_EXAMPLE = `{ github: { upstream: ${UPSTREAM_EXAMPLE} } }`

const LANE = mapOf({ what: 'a map of lane settings', example: '{ maxConcurrent: 8 }' }, LANE_KEYS)
const TOOL = mapOf(
  { what: 'a map with at least upstream', example: `{ upstream: ${UPSTREAM_EXAMPLE} }` },
  TOOL_KEYS,
)
const TOOLS = field({ what: 'a map of tools', example: TOOLS_EXAMPLE }, (error) =>
  z.record(z.string().regex(TOOL_NAME), TOOL.schema, { error }).superRefine((tools, context) => {
    const count = Object.keys(tools).length
    if (count === 0) context.addIssue(twoLines('names no tool', `write for example ${TOOLS_EXAMPLE}`))
    if (count > MOST_TOOLS) context.addIssue(twoLines(`names ${count} tools`, `write at most ${MOST_TOOLS}`))
  }),
)

/** The keys of the top level that make no setting themselves. */
export const FILE_PARTS = {
  defaults: part({
    field: LANE,
    default: none(),
    says: 'Keys for all tools: any key of a tool but `upstream`, `match` and `mcp`.',
  }),
  tools: part({
    field: TOOLS,
    default: NEEDED,
    says: 'The tools, by name: 1 to 63 letters, digits, `_`, `.` or `-`, a letter or digit first.',
  }),
}

export const toolSchema = TOOL.schema

const ANY_FILE = { what: 'a map of settings', example: `tools: ${TOOLS_EXAMPLE}` }
const OPTIONAL = mapOf(ANY_FILE, { ...PROCESS_KEYS, defaults: FILE_PARTS.defaults }).schema.shape
const TOOLS_SHAPE = mapWith(ANY_FILE, { tools: FILE_PARTS.tools }, {}).schema.shape

export const fileSchema = map(ANY_FILE, { ...OPTIONAL, ...TOOLS_SHAPE }).schema

/** A file without the values that the schema refused; conflicts are looked for in the rest. */
export const remainsSchema = z.strictObject({
  ...OPTIONAL,
  fleet: PROCESS_KEYS.fleet.field.schema.partial().exactOptional(),
  tools: z.record(z.string(), toolSchema.partial()).exactOptional(),
})

export type WrittenFile = z.infer<typeof fileSchema>
export type Remains = z.infer<typeof remainsSchema>

/** tools.yaml as a JSON Schema, for editors: types, bounds, and each key's description, unit and default. */
export function jsonSchema(): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(fileSchema, { io: 'input' })
}
