/**
 * Checks a value against the schema of tools.yaml: every complaint at once, in words for people, and the value without
 * its refused parts. Must not know YAML, positions or defaults.
 */
import type * as z from 'zod'
import { adviceIn } from './fields.ts'
import { formatPath, valueAt } from './paths.ts'
import type { Path } from './paths.ts'
import type { Complaint, Where } from './problems.ts'
import { fileSchema, remainsSchema, toolSchema } from './schema.ts'
import type { Remains, WrittenFile } from './schema.ts'
import { adviseOnKey } from './unknown-key.ts'
import { UPSTREAM_EXAMPLE } from './upstream.ts'

export interface Shape {
  readonly complaints: readonly Complaint[]
  /** The file, accepted by the schema; undefined where there is a complaint. */
  readonly file: WrittenFile | undefined
  readonly remains: Remains
  /** Whether the value at this path was refused, so that `remains` does not have it. */
  readonly isRefused: (path: Path) => boolean
}

interface Finding extends Complaint {
  readonly where: Extract<Where, { readonly path: Path }>
  /** The key that the writer of an unknown key probably meant. */
  readonly meant?: Path
}

const TOOL_NAME_ADVICE = {
  what: 'is not a name for a tool',
  remedy: 'write 1 to 63 letters, digits, _ . or -, a letter or digit first',
}

export function checkShape(value: unknown): Shape {
  const parsed = fileSchema.safeParse(value)
  const findings = [
    ...(parsed.error?.issues ?? []).flatMap((issue) => findingsOf(issue, value)),
    ...prototypeAsTool(value),
    ...withoutUpstream(value),
  ]
  const refused = new Set(findings.map(({ where }) => formatPath(upToList(where.path))))
  return {
    complaints: withoutEchoes(findings, value),
    file: findings.length === 0 ? parsed.data : undefined,
    remains: remainsOf(value, findings),
    isRefused: (path) => path.some((_, index) => refused.has(formatPath(path.slice(0, index + 1)))),
  }
}

function findingsOf(issue: z.core.$ZodIssue, value: unknown): readonly Finding[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)))
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(key, path))
  // A key that takes `none` or a map: of a written map, say what is wrong in it. The map is last in the schema's unions.
  const inMap =
    issue.code === 'invalid_union' && isMap(valueAt(value, path)) ? issue.errors.at(-1) : undefined
  if (inMap !== undefined)
    return inMap.flatMap((each) => findingsOf({ ...each, path: [...path, ...each.path] }, value))
  const atValue: Finding = { where: { kind: 'value', path }, ...adviceIn(issue.message) }
  if (issue.code !== 'invalid_key') return [atValue]
  // zod does not look into a tool whose name it refuses. Its problems are to be told as well, so it is checked alone.
  const inside = toolSchema.safeParse(valueAt(value, path)).error?.issues ?? []
  const name: Finding = { where: { kind: 'key', path }, ...TOOL_NAME_ADVICE }
  return [name, ...inside.flatMap((each) => findingsOf({ ...each, path: [...path, ...each.path] }, value))]
}

function isMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function unknownKey(key: string, path: Path): Finding {
  const { meant, ...advice } = adviseOnKey(key, path)
  const where = { kind: 'key', path: [...path, key] } as const
  return { where, ...advice, ...(meant !== undefined && { meant: [...path, meant] }) }
}

/** Every tool needs an upstream, but a lane of another tool's MCP server. */
function withoutUpstream(value: unknown): readonly Finding[] {
  const tools = valueAt(value, ['tools'])
  if (typeof tools !== 'object' || tools === null || Array.isArray(tools)) return []
  return Object.entries(tools as Record<string, unknown>).flatMap(([tool, written]): readonly Finding[] => {
    if (typeof written !== 'object' || written === null || Array.isArray(written)) return []
    if ('upstream' in written || valueAt(written, ['mcp', 'server']) !== undefined) return []
    const where = { kind: 'value', path: ['tools', tool, 'upstream'] } as const
    return [{ where, what: 'is missing', remedy: `write for example ${UPSTREAM_EXAMPLE}` }]
  })
}

/** zod ignores the key `__proto__` of a record. */
function prototypeAsTool(value: unknown): readonly Finding[] {
  const path = ['tools', '__proto__']
  return valueAt(value, path) === undefined ? [] : [{ where: { kind: 'key', path }, ...TOOL_NAME_ADVICE }]
}

/**
 * Leaves out complaints that only follow from another one: that `upstream` is missing where `upstreem` is refused, and
 * that a map is empty whose only key is refused.
 */
function withoutEchoes(findings: readonly Finding[], value: unknown): readonly Complaint[] {
  const meant = new Set(findings.flatMap(({ meant }) => (meant === undefined ? [] : [formatPath(meant)])))
  const keys = findings.filter(({ where }) => where.kind === 'key')
  const holders = new Set(keys.map(({ where }) => formatPath(where.path.slice(0, -1))))
  return findings.filter(({ where: { kind, path } }) => {
    if (kind === 'key') return true
    const id = formatPath(path)
    return !holders.has(id) && !(meant.has(id) && valueAt(value, path) === undefined)
  })
}

function remainsOf(value: unknown, findings: readonly Finding[]): Remains {
  const copy: unknown = structuredClone(value)
  for (const { where } of findings) takeOut(copy, where.path)
  return remainsSchema.safeParse(copy).data ?? {}
}

function takeOut(value: unknown, path: Path): void {
  const target = upToList(path)
  const parent = valueAt(value, target.slice(0, -1))
  const key = target.at(-1)
  if (typeof parent === 'object' && parent !== null && key !== undefined) Reflect.deleteProperty(parent, key)
}

/** A list with a refused entry is taken out as a whole: without that entry, the others would change their index. */
function upToList(path: Path): Path {
  const listAt = path.findIndex((step) => typeof step === 'number')
  return listAt === -1 ? path : path.slice(0, listAt)
}
