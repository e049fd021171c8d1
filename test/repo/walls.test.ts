/**
 * The walls between the rooms: the table in docs/map.md equals the linter's import rules for every file of src, and the
 * linter reports a planted violation of each row.
 */
import assert from 'node:assert/strict'
import { builtinModules } from 'node:module'
import { test } from 'node:test'
import { ESLint } from 'eslint'
import { codeIn, filesBelow, read, resolveFrom, ROOT, SOURCES, tableAfter } from './tree.ts'

/** Only rules that need no types. All wall rules are among them, and a file need not exist on disk to be linted. */
const eslint = new ESLint({
  cwd: ROOT,
  overrideConfig: { languageOptions: { parserOptions: { projectService: false } } },
  ruleFilter: ({ ruleId }) => !ruleId.startsWith('@typescript-eslint/'),
})

const { dependencies, devDependencies } = JSON.parse(read('package.json')) as {
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
}
const PACKAGES = [...Object.keys(dependencies), ...Object.keys(devDependencies)]
const NODE_MODULES = builtinModules
  .filter((name) => !name.startsWith('_'))
  .map((name) => `node:${name.replace('node:', '')}`)

interface Row {
  readonly files: string
  readonly allowed: readonly string[]
}

const ROWS: readonly Row[] = tableAfter(read('docs/map.md'), '## Walls').map(
  ([files = '', allowed = '']) => ({
    files: codeIn(files)[0] ?? '',
    allowed: allowed === 'anything' ? ['anything'] : codeIn(allowed),
  }),
)

const compiled = new Map<string, RegExp>()

/** `*` matches one path segment, `**` any number of them. */
function covers(pattern: string, file: string): boolean {
  let regex = compiled.get(pattern)
  if (regex === undefined) {
    const escaped = pattern.replaceAll('.', '\\.').replaceAll('**', '\u0000').replaceAll('*', '[^/]+')
    regex = new RegExp(`^${escaped.replaceAll('\u0000', '.+')}$`)
    compiled.set(pattern, regex)
  }
  return regex.test(file)
}

function rowOf(file: string): Row {
  const row = ROWS.findLast(({ files }) => covers(files, file))
  assert.ok(row, `docs/map.md has no row for ${file}`)
  return row
}

/** The relative specifier with which `file` would import `target`. */
function specifier(file: string, target: string): string {
  const from = file.split('/').slice(0, -1)
  const to = target.split('/')
  let common = 0
  while (common < from.length && from[common] === to[common]) common++
  const up = from.slice(common).map(() => '..')
  return [...(up.length === 0 ? ['.'] : up), ...to.slice(common)].join('/')
}

async function lintPlanted(file: string, code: string): Promise<string[]> {
  const [result] = await eslint.lintText(`${code}\n`, { filePath: ROOT + file })
  return (result?.messages ?? []).map(({ ruleId, message }) => ruleId ?? message)
}

interface WallOptions {
  readonly patterns: readonly { readonly regex: string }[]
}

/** Patterns of the imports that the linter forbids in this file; undefined if there are none. */
async function wallOf(file: string): Promise<RegExp[] | undefined> {
  const config = (await eslint.calculateConfigForFile(ROOT + file)) as {
    rules?: Record<string, [number, WallOptions?]>
  }
  const [severity, options] = config.rules?.['no-restricted-imports'] ?? [0]
  // ESLint's rule compiles its patterns with the flags i and u.
  return severity === 2 ? options?.patterns.map(({ regex }) => new RegExp(regex, 'iu')) : undefined
}

test('docs/map.md names for every file of src exactly the imports that the linter allows', async () => {
  const targets = [...SOURCES, 'test/support/eventually.ts', 'bench/overhead/origin.ts']
  for (const file of SOURCES) {
    const own = file.slice(0, file.lastIndexOf('/'))
    const { files, allowed } = rowOf(file)
    const wall = await wallOf(file)
    if (allowed.includes('anything')) {
      assert.equal(wall, undefined, `${file} has a wall; docs/map.md says that ${files} may import anything`)
      continue
    }
    assert.ok(wall, `${file} has no wall; docs/map.md gives ${files} one`)
    const isLetIn = (name: string): boolean => !wall.some((regex) => regex.test(name))
    for (const target of targets.filter((each) => each !== file)) {
      const isNamed = target.startsWith(`${own}/`) || allowed.some((pattern) => covers(pattern, target))
      const isBarred = allowed.some((pattern) => pattern.startsWith('!') && covers(pattern.slice(1), target))
      const said = isNamed && !isBarred
      assert.equal(isLetIn(specifier(file, target)), said, `${file} importing ${target}; the row is ${files}`)
    }
    for (const name of PACKAGES)
      assert.equal(isLetIn(name), allowed.includes(name), `${file} importing ${name}`)
    for (const name of NODE_MODULES)
      assert.equal(isLetIn(name), allowed.includes('node:'), `${file} importing ${name}`)
  }
})

test('every row of the table of walls is the last matching row of a file', () => {
  for (const { files } of ROWS) {
    assert.ok(
      SOURCES.some((file) => rowOf(file).files === files),
      `no file is under the row ${files}`,
    )
  }
})

const IMPORTS = 'no-restricted-imports'

/** One violation of every wall, and more of the likely ones. */
const PLANTED: readonly (readonly [file: string, code: string, rule: string])[] = [
  ['src/lane/planted.ts', "import { readFileSync } from 'node:fs'", IMPORTS],
  ['src/lane/planted.ts', "import { Gate } from '../gate/gate.ts'", IMPORTS],
  ['src/lane/planted.ts', "import type { Clock } from '../time/clock.ts'", IMPORTS],
  ['src/lane/planted.ts', "export { Pool } from 'undici'", IMPORTS],
  ['src/lane/limit/planted.ts', "import { Lane } from '../lane.ts'", IMPORTS],
  ['src/time/clock.ts', "import { Lane } from '../lane/lane.ts'", IMPORTS],
  ['src/time/system.ts', "import { Events } from '../observe/events.ts'", IMPORTS],
  ['src/config/planted.ts', "import { Gate } from '../gate/gate.ts'", IMPORTS],
  ['src/sidecar.ts', "import { run } from './cli/run.ts'", IMPORTS],
  ['src/call/planted.ts', "import { Sidecar } from '../sidecar.ts'", IMPORTS],
  ['src/call/planted.ts', "import { Pipeline } from '../pipeline.ts'", IMPORTS],
  ['src/capacity/planted.ts', "import { Replies } from '../call/replies.ts'", IMPORTS],
  ['src/tools/planted.ts', "import { Replies } from '../call/replies.ts'", IMPORTS],
  ['src/mcp/planted.ts', "import { Replies } from '../call/replies.ts'", IMPORTS],
  ['src/mcp/read.ts', "import { Gate } from '../gate/gate.ts'", IMPORTS],
  ['src/mcp/planted.ts', "import type { IncomingMessage } from 'node:http'", IMPORTS],
  ['src/mcp/read-scheduler.ts', "import { systemClock } from '../time/system.ts'", IMPORTS],
  ['src/mcp/answer-form.ts', "import { refuse } from '../reply/refuse.ts'", IMPORTS],
  ['src/pipeline.ts', "import { Sidecar } from './sidecar.ts'", IMPORTS],
  ['src/tools/planted.ts', "import { run } from '../cli/run.ts'", IMPORTS],
  ['src/upstream/pushback.ts', "import { forward } from '../pipeline.ts'", IMPORTS],
  ['src/route/planted.ts', "import { refuse } from '../reply/refuse.ts'", IMPORTS],
  ['src/route/planted.ts', "import type { IncomingMessage } from 'node:http'", IMPORTS],
  ['src/reply/planted.ts', "import { randomUUID } from 'node:crypto'", IMPORTS],
  ['src/gate/planted.ts', "import { Totals } from '../observe/totals.ts'", IMPORTS],
  ['src/gate/planted.ts', "import { systemClock } from '../time/system.ts'", IMPORTS],
  ['src/gate/planted.ts', "import { setTimeout } from 'node:timers'", IMPORTS],
  ['src/fleet/planted.ts', "import { Gate } from '../gate/gate.ts'", IMPORTS],
  ['src/fleet/planted.ts', "import { createClient } from '@redis/client'", IMPORTS],
  ['src/fleet/redis.ts', "import postgres from 'postgres'", IMPORTS],
  ['src/fleet/postgres.ts', "import { createClient } from '@redis/client'", IMPORTS],
  ['src/listen/planted.ts', "import { Gate } from '../gate/gate.ts'", IMPORTS],
  ['src/listen/planted.ts', "import { Replies } from '../replies.ts'", IMPORTS],
  ['src/listen/planted.ts', "import { fetch } from 'undici'", IMPORTS],
  ['src/upstream/forward.ts', "import { refuse } from '../reply/refuse.ts'", IMPORTS],
  ['src/upstream/fault.ts', "import { errors } from 'undici'", IMPORTS],
  ['src/upstream/headers.ts', "import { Agent } from 'undici'", IMPORTS],
  ['src/upstream/outcome.ts', "import { STATUS_CODES } from 'node:http'", IMPORTS],
  ['src/observe/metrics.ts', "import { Gate } from '../gate/gate.ts'", IMPORTS],
  ['src/observe/events.ts', "import { pino } from 'pino'", IMPORTS],
  ['src/observe/watch.ts', "import { pino } from 'pino'", IMPORTS],
  ['src/observe/internal-error.ts', "import { pino } from 'pino'", IMPORTS],
  ['src/config/schema.ts', "import { readFileSync } from 'node:fs'", IMPORTS],
  ['src/config/keys/planted.ts', "import { parse } from 'yaml'", IMPORTS],
  ['src/config/match.ts', "import { Router } from '../route/match.ts'", IMPORTS],
  ['src/config/claims.ts', "import { PathTable } from '../route/path-table.ts'", IMPORTS],
  ['src/pipeline.ts', "import { pino } from 'pino'", IMPORTS],
  ['src/pipeline.ts', "import { fakeTool } from '../test/support/fake-tool.ts'", IMPORTS],
  ['src/tools/planted.ts', "import { z } from 'zod'", IMPORTS],
  ['src/lane/planted.ts', 'export const now = Date.now()', 'no-restricted-globals'],
  ['src/lane/planted.ts', 'export const now = performance.now()', 'no-restricted-globals'],
  ['src/lane/planted.ts', 'setTimeout(() => undefined, 1)', 'no-restricted-globals'],
  ['src/lane/limit/planted.ts', 'export const name = process.title', 'no-restricted-globals'],
  ['src/time/clock.ts', 'export const now = () => Date.now()', 'no-restricted-globals'],
  ['src/lane/planted.ts', 'export const random = Math.random()', 'no-restricted-properties'],
  ['src/lane/planted.ts', 'export const later = async () => undefined', 'no-restricted-syntax'],
  ['src/gate/planted.ts', 'setTimeout(() => undefined, 1)', 'no-restricted-globals'],
  ['src/observe/planted.ts', 'export const now = Date.now()', 'no-restricted-properties'],
  ['src/cli/planted.ts', 'process.exit(1)', 'no-restricted-properties'],
  ['src/listen/planted.ts', 'export default 1', 'no-restricted-syntax'],
  ['src/reply/planted.ts', "export * from './refuse.ts'", 'no-restricted-syntax'],
]

test('the linter reports every planted violation', async () => {
  const missed: string[] = []
  for (const [file, code, rule] of PLANTED) {
    if (!(await lintPlanted(file, code)).includes(rule)) missed.push(`${file}: ${code}`)
  }
  assert.deepEqual(missed, [])
})

test('every row of the table of walls has a planted violation', () => {
  const planted = new Set(PLANTED.filter(([, , rule]) => rule === IMPORTS).map(([file]) => rowOf(file).files))
  const walled = ROWS.filter(({ allowed }) => !allowed.includes('anything')).map(({ files }) => files)
  assert.deepEqual(
    walled.filter((files) => !planted.has(files)),
    [],
  )
})

test('the linter reports no import that a wall allows', async () => {
  assert.deepEqual(await lintPlanted('src/lane/planted.ts', "export { Lane } from './lane.ts'"), [])
  assert.deepEqual(
    await lintPlanted('src/gate/planted.ts', "export type { Clock } from '../time/clock.ts'"),
    [],
  )
  assert.deepEqual(await lintPlanted('src/time/system.ts', 'export const now = () => Date.now()'), [])
})

test('src has no lint error from the rules of the walls', async () => {
  const results = await eslint.lintFiles(SOURCES.map((file) => ROOT + file))
  const found = results.flatMap(({ filePath, messages }) =>
    messages.map(
      ({ line, ruleId, message }) => `${filePath.slice(ROOT.length)}:${line} ${ruleId ?? ''} ${message}`,
    ),
  )
  assert.deepEqual(found, [])
})

test('nothing imports main, and src imports neither test nor bench', () => {
  for (const file of filesBelow('src')) {
    for (const [, name = ''] of read(file).matchAll(/(?:from|import\() ?'(\.[^']+)'/g)) {
      const target = resolveFrom(file, name)
      assert.ok(target.startsWith('src/'), `${file} imports ${target}`)
      assert.notEqual(target, 'src/main.ts', `${file} imports it`)
    }
  }
})

/** The folder of a file; a file beside the rooms stands for itself. A room within a room counts as its part. */
function roomOf(file: string): string {
  const [, room = ''] = file.split('/')
  return room
}

test('no import runs upward: the rooms import each other without a cycle', () => {
  const imports = new Map<string, Set<string>>()
  for (const file of filesBelow('src').filter((each) => each.endsWith('.ts'))) {
    const room = roomOf(file)
    const targets = imports.get(room) ?? new Set()
    imports.set(room, targets)
    for (const [, name = ''] of read(file).matchAll(/(?:from|import\() ?'(\.[^']+)'/g)) {
      const target = roomOf(resolveFrom(file, name))
      if (target !== room) targets.add(target)
    }
  }
  // A room whose imports have all been taken away imports nothing above itself; whatever is left is in a cycle.
  for (let before = -1; before !== imports.size;) {
    before = imports.size
    for (const [room, targets] of imports)
      if ([...targets].every((target) => !imports.has(target))) imports.delete(room)
  }
  assert.deepEqual([...imports.keys()], [])
})

test('at the top of src stand main, sidecar and pipeline, and the pipeline is one screen', () => {
  const top = filesBelow('src').filter((file) => file.split('/').length === 2)
  assert.deepEqual(top.sort(), ['src/main.ts', 'src/pipeline.ts', 'src/sidecar.ts'])
  assert.ok(read('src/pipeline.ts').trimEnd().split('\n').length <= 120)
})
