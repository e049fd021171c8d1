/**
 * The walls between the rooms: docs/map.md says what the linter holds, file by file, and the linter catches a violation
 * of every row.
 */
import assert from 'node:assert/strict'
import { builtinModules } from 'node:module'
import { test } from 'node:test'
import { ESLint } from 'eslint'
import { codeIn, filesBelow, read, resolveFrom, ROOT, SOURCES, tableAfter } from './tree.ts'

/** The rules that need no types: all of the walls, and a file of any name can be judged without being on disk. */
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

/** `*` is one name, `**` any number of them. */
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

/** How `file` would write an import of `target`. */
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

/** What the linter forbids this file to import; undefined when it forbids nothing. */
async function wallOf(file: string): Promise<RegExp[] | undefined> {
  const config = (await eslint.calculateConfigForFile(ROOT + file)) as {
    rules?: Record<string, [number, WallOptions?]>
  }
  const [severity, options] = config.rules?.['no-restricted-imports'] ?? [0]
  // The rule compares as ESLint does: unicode, and without case unless it is asked for.
  return severity === 2 ? options?.patterns.map(({ regex }) => new RegExp(regex, 'iu')) : undefined
}

test('docs/map.md says of every file of src what the linter lets it import', async () => {
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

test('every row of the walls covers a file', () => {
  for (const { files } of ROWS) {
    assert.ok(
      SOURCES.some((file) => rowOf(file).files === files),
      `no file is under the row ${files}`,
    )
  }
})

const IMPORTS = 'no-restricted-imports'

/** One violation of every wall, and some of those that would be most tempting. */
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
  ['src/passage.ts', "import { Sidecar } from './sidecar.ts'", IMPORTS],
  ...['identifiers', 'lease-desk', 'replies', 'retries', 'routed'].map(
    (file) => [`src/${file}.ts`, "import { Pipeline } from './pipeline.ts'", IMPORTS] as const,
  ),
  ['src/mcp/planted.ts', "import type { Routed } from '../routed.ts'", IMPORTS],
  ['src/mcp/read.ts', "import { Gate } from '../gate/gate.ts'", IMPORTS],
  ['src/mcp/answer-watch.ts', "import { forward } from '../upstream/forward.ts'", IMPORTS],
  ...['answer-for', 'batch', 'call', 'door', 'intake', 'open-calls', 'quiet', 'traffic'].map(
    (file) => [`src/mcp/${file}.ts`, "import { Pipeline } from '../pipeline.ts'", IMPORTS] as const,
  ),
  ['src/route/peek.ts', "import { forward } from '../upstream/forward.ts'", IMPORTS],
  ['src/pipeline.ts', "import { Sidecar } from './sidecar.ts'", IMPORTS],
  ['src/tools.ts', "import { run } from './cli/run.ts'", IMPORTS],
  ['src/upstream/pushback.ts', "import { forward } from '../pipeline.ts'", IMPORTS],
  ['src/route/planted.ts', "import { refuse } from '../reply/refuse.ts'", IMPORTS],
  ['src/route/planted.ts', "import type { IncomingMessage } from 'node:http'", IMPORTS],
  ['src/reply/planted.ts', "import { randomUUID } from 'node:crypto'", IMPORTS],
  ['src/gate/planted.ts', "import { Board } from '../observe/board.ts'", IMPORTS],
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
  ['src/intake.ts', "import { Pipeline } from './pipeline.ts'", IMPORTS],
  ['src/containment.ts', "import { Pipeline } from './pipeline.ts'", IMPORTS],
  ['src/config/schema.ts', "import { readFileSync } from 'node:fs'", IMPORTS],
  ['src/config/defaults.ts', "import { parse } from 'yaml'", IMPORTS],
  ['src/config/match.ts', "import { Router } from '../route/match.ts'", IMPORTS],
  ['src/config/claims.ts', "import { PathTable } from '../route/path-table.ts'", IMPORTS],
  ['src/pipeline.ts', "import { pino } from 'pino'", IMPORTS],
  ['src/pipeline.ts', "import { fakeTool } from '../test/support/fake-tool.ts'", IMPORTS],
  ['src/tools.ts', "import { z } from 'zod'", IMPORTS],
  ['src/lane/planted.ts', 'export const now = Date.now()', 'no-restricted-globals'],
  ['src/lane/planted.ts', 'export const now = performance.now()', 'no-restricted-globals'],
  ['src/lane/planted.ts', 'setTimeout(() => undefined, 1)', 'no-restricted-globals'],
  ['src/lane/limit/planted.ts', 'export const name = process.title', 'no-restricted-globals'],
  ['src/time/clock.ts', 'export const now = () => Date.now()', 'no-restricted-globals'],
  ['src/lane/planted.ts', 'export const luck = Math.random()', 'no-restricted-properties'],
  ['src/lane/planted.ts', 'export const later = async () => undefined', 'no-restricted-syntax'],
  ['src/gate/planted.ts', 'setTimeout(() => undefined, 1)', 'no-restricted-globals'],
  ['src/observe/planted.ts', 'export const now = Date.now()', 'no-restricted-properties'],
  ['src/cli/planted.ts', 'process.exit(1)', 'no-restricted-properties'],
  ['src/listen/planted.ts', 'export default 1', 'no-restricted-syntax'],
  ['src/reply/planted.ts', "export * from './refuse.ts'", 'no-restricted-syntax'],
]

test('the linter catches a violation of every wall', async () => {
  const missed: string[] = []
  for (const [file, code, rule] of PLANTED) {
    if (!(await lintPlanted(file, code)).includes(rule)) missed.push(`${file}: ${code}`)
  }
  assert.deepEqual(missed, [])
})

test('every wall has a violation planted', () => {
  const planted = new Set(PLANTED.filter(([, , rule]) => rule === IMPORTS).map(([file]) => rowOf(file).files))
  const walled = ROWS.filter(({ allowed }) => !allowed.includes('anything')).map(({ files }) => files)
  assert.deepEqual(
    walled.filter((files) => !planted.has(files)),
    [],
  )
})

test('what a wall lets in is not reported', async () => {
  assert.deepEqual(await lintPlanted('src/lane/planted.ts', "export { Lane } from './lane.ts'"), [])
  assert.deepEqual(
    await lintPlanted('src/gate/planted.ts', "export type { Clock } from '../time/clock.ts'"),
    [],
  )
  assert.deepEqual(await lintPlanted('src/time/system.ts', 'export const now = () => Date.now()'), [])
})

test('src as it stands breaks no wall', async () => {
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
