/**
 * Conflicts between the lanes of an MCP server: `mcp.server` names a tool that is no MCP server, a lane has keys that
 * only its server may have, two lanes take the same name. Must not know how names are matched (mcp/glob.ts).
 */
import { TOOL_ROWS } from './keys/list.ts'
import { formatPath, valueAt } from './paths.ts'
import type { Path } from './paths.ts'
import type { Complaint } from './problems.ts'
import type { Remains } from './schema.ts'
import type { Shape } from './shape.ts'
import { show } from './show.ts'

type Tool = NonNullable<Remains['tools']>[string]

/** The keys that say how a server is reached. Its lanes cannot have them. */
const OF_SERVER = TOOL_ROWS.filter(({ key }) => key.isOfServer === true)

/** A value that the schema refused takes part in no conflict. */
export function mcpConflicts({ remains, isRefused }: Shape): readonly Complaint[] {
  const tools = Object.entries(remains.tools ?? {})
  const taken = new Map<string, Path>()
  return tools.flatMap(([name, tool]) => {
    const path = ['tools', name]
    if (tool.mcp === undefined || isRefused([...path, 'mcp'])) return []
    if (tool.mcp.server === undefined) return withoutServer(path, tool)
    return [
      ...unknownServer(path, tool.mcp.server, remains),
      ...ofTheServer(path, tool),
      ...(tool.mcp.tools === undefined && !isRefused([...path, 'mcp', 'tools']) ? [withoutTools(path)] : []),
      ...takenTwice(path, tool, taken),
    ]
  })
}

function withoutServer(path: Path, { mcp }: Tool): readonly Complaint[] {
  if (mcp?.tools === undefined) return []
  const what = 'does nothing without mcp.server: a server takes every call that no lane of it takes'
  const remedy = 'remove it, or write server with the name of the tool that is the MCP server'
  return [{ where: { kind: 'key', path: [...path, 'mcp', 'tools'] }, what, remedy }]
}

function withoutTools(path: Path): Complaint {
  const where = { kind: 'value', path: [...path, 'mcp', 'tools'] } as const
  return { where, what: 'is missing', remedy: 'write for example [search_*]' }
}

function unknownServer(path: Path, server: string, { tools = {} }: Remains): readonly Complaint[] {
  const where = { kind: 'value', path: [...path, 'mcp', 'server'] } as const
  const named = Object.hasOwn(tools, server) ? tools[server] : undefined
  if (named === undefined) {
    const servers = Object.keys(tools).filter((each) => isServer(tools[each]))
    const remedy =
      servers.length === 0 ? 'write mcp: {} at the tool that is the server' : `write ${servers[0] ?? ''}`
    return [{ where, what: `${show(server)} is no tool`, remedy }]
  }
  if (isServer(named)) return []
  if (named.mcp !== undefined) {
    const what = `${server} is a lane of an MCP server, not one`
    return [{ where, what, remedy: 'write the name of the server itself' }]
  }
  const what = `${server} is no MCP server`
  return [{ where, what, remedy: `write mcp: {} in ${formatPath(['tools', server])}, or name another` }]
}

function isServer(tool: Tool | undefined): boolean {
  return tool?.mcp !== undefined && tool.mcp.server === undefined
}

function ofTheServer(path: Path, tool: Tool): readonly Complaint[] {
  return OF_SERVER.filter((row) => valueAt(tool, row.path) !== undefined).map((row) => ({
    where: { kind: 'key', path: [...path, ...row.path] },
    what: "does nothing with mcp.server: the calls go the server's way",
    remedy: 'remove it, or write it at the server',
  }))
}

function takenTwice(path: Path, { mcp }: Tool, taken: Map<string, Path>): readonly Complaint[] {
  return (mcp?.tools ?? []).flatMap((glob, index): readonly Complaint[] => {
    const at = [...path, 'mcp', 'tools', index]
    const id = `${mcp?.server ?? ''}\n${glob}`
    const before = taken.get(id)
    if (before === undefined) {
      taken.set(id, at)
      return []
    }
    const what = `${show(glob)} is taken by ${formatPath(before)}`
    return [{ where: { kind: 'value', path: at }, what, remedy: 'keep one of the two' }]
  })
}
