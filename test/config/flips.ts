/**
 * Every configuration key with a first and a second valid value, out of the rows and the JSON Schema. Tests use it to see
 * that a change of one key, and of no other, has its effect. A key is in here as soon as it has a row.
 */
import assert from 'node:assert/strict'
import { parse } from 'yaml'
import { PROCESS_ROWS, TOOL_ROWS } from '../../src/config/keys/list.ts'
import type { ListedKey } from '../../src/config/keys/list.ts'
import type { Key, Part } from '../../src/config/keys/row.ts'
import { valueAt } from '../../src/config/paths.ts'
import { jsonSchema } from '../../src/config/schema.ts'

type Tree = Record<string, unknown>

/** The tool whose keys are flipped. */
export const TOOL = 'flipped'
const LANE = 'lane'

/**
 * A file that is good as it stands. It writes only the keys whose default is their row's example, whose flip would
 * otherwise change nothing, and those on whose value other keys depend. `figures` of the law stand in `defaults`, since
 * a tool under another law must not have them.
 */
const BASE = {
  listen: '127.0.0.1:0',
  admin: '127.0.0.1:0',
  fleet: { store: 'memory:' },
  defaults: { controller: { decreaseBy: 2 } },
  tools: {
    [TOOL]: {
      upstream: 'http://127.0.0.1:3000',
      startConcurrent: 4,
      controller: { algorithm: 'aimd' },
      fairness: 'none',
      retries: { on: ['connect'] },
      ttlSeconds: 60,
      maxBodyBytes: 1000,
    },
    server: { upstream: 'http://127.0.0.1:3001', mcp: {} },
    [LANE]: { mcp: { server: 'server', tools: ['a'] } },
    'other-server': { upstream: 'http://127.0.0.1:3002', mcp: {} },
  },
}

/** Values of keys that have keys inside, before one of these is flipped. */
const WHOLE: Readonly<Record<string, unknown>> = {
  match: [{ host: 'a.b', path: '/a', ignoreCase: true }],
  fairness: { by: 'X-Base' },
  rate: { calls: 50, perSeconds: 60, burst: 7 },
  mcp: { server: 'server', tools: ['b'], overload: 'http_429' },
}

export interface Flip {
  readonly name: string
  readonly row: ListedKey
  readonly isOfProcess: boolean
  /** Which tool changes. */
  readonly tool: string
  /** Two files that differ in this key alone, as text. */
  readonly before: string
  readonly after: string
  /** The value of `before`, undefined where nothing is written and there is no default; and that of `after`. */
  readonly first: unknown
  readonly second: unknown
}

export const PROCESS_FLIPS: readonly Flip[] = PROCESS_ROWS.map((row) => flipOf(row, row.path, true))
export const TOOL_FLIPS: readonly Flip[] = TOOL_ROWS.map((row) =>
  flipOf(row, ['tools', TOOL, ...row.path], false),
)
/** Of the keys inside a value that is one setting. */
export const PART_FLIPS: readonly Flip[] = TOOL_ROWS.flatMap((row) =>
  Object.entries(row.key.parts ?? {}).map(([name, part]) => partFlipOf(row, name, part)),
)

export function baseFile(): string {
  return JSON.stringify(BASE)
}

function flipOf(row: ListedKey, path: ListedKey['path'], isOfProcess: boolean): Flip {
  const current = valueAt(BASE, path) ?? fallbackOf(row.key)
  const value = secondValue({ current, schema: schemaAt(path), example: row.key.field.example })
  assert.notDeepEqual(value, current, `${row.name} needs a value in BASE that is not its row's example`)
  return {
    name: row.name,
    row,
    isOfProcess,
    tool: TOOL,
    before: baseFile(),
    after: withValue(path, value),
    first: current,
    second: value,
  }
}

function partFlipOf(row: ListedKey, name: string, part: Part): Flip {
  const tool = row.name === 'mcp' ? LANE : TOOL
  const whole = WHOLE[row.name]
  const isList = Array.isArray(whole)
  const path = ['tools', tool, ...row.path]
  const inside = [...path, ...(isList ? [0] : []), name]
  const current = valueAt(whole, inside.slice(path.length))
  const value = secondValue({ current, schema: schemaAt(inside), example: part.field.example })
  // The only other server that a lane can have.
  const second = row.name === 'mcp' && name === 'server' ? 'other-server' : value
  const changed = isList
    ? [{ ...(whole[0] as object), [name]: second }]
    : { ...(whole as object), [name]: second }
  const before = withValue(path, whole)
  return {
    name: `${row.name}.${name}`,
    row,
    isOfProcess: false,
    tool,
    before,
    after: withValue(path, changed),
    first: current,
    second,
  }
}

function fallbackOf({ default: fallback }: Key): unknown {
  return fallback.kind === 'given' ? fallback.value : undefined
}

interface Kind {
  readonly current: unknown
  readonly schema: Tree
  /** YAML. */
  readonly example: string
}

/** Near the first value, so that it stays in order with other keys. */
function secondValue({ current, schema, example }: Kind): unknown {
  const { type, enum: words, maximum } = schema
  if (Array.isArray(words)) return (words as unknown[]).find((word) => word !== current)
  if (type === 'boolean') return current !== true
  if (typeof current !== 'number') return parse(example)
  if (type === 'number') return current / 2
  return current === maximum ? current - 1 : current + 1
}

/** What the JSON Schema says of the value at a path. */
function schemaAt(path: ListedKey['path']): Tree {
  let at = jsonSchema() as Tree
  for (const step of path) {
    const map = mapIn(at)
    const inner =
      typeof step === 'number'
        ? at['items']
        : (valueAt(map, ['properties', step]) ?? map['additionalProperties'])
    assert.ok(typeof inner === 'object' && inner !== null, `the JSON Schema has nothing at ${path.join('.')}`)
    at = inner as Tree
  }
  return at
}

/** Of `none` or a map, the map. */
function mapIn(schema: Tree): Tree {
  const options = schema['anyOf']
  return Array.isArray(options) ? (options.at(-1) as Tree) : schema
}

function withValue(path: ListedKey['path'], value: unknown): string {
  const file: unknown = structuredClone(BASE)
  let at = file as Tree
  for (const step of path.slice(0, -1)) {
    at[step] ??= {}
    at = at[step] as Tree
  }
  at[path.at(-1)!] = value
  return JSON.stringify(file)
}
