/**
 * Runs the table of RFC 9110 and RFC 9112 against one Spillway, with raw sockets on both sides. After each case two more
 * calls check that the lane still serves plain calls and that no bytes of the case reach the next caller.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { NODE } from '../support/process.ts'
import type { LaneJson } from '../support/process.ts'
import type { Judged } from './judge.ts'
import { KNOWN as ALWAYS, KNOWN_BEFORE_24 } from './known.ts'
import { text as cell } from './page.ts'
import { spillway } from './proxies.ts'
import { CASES, Placement, SECTIONS } from './table.ts'
import type { Section } from './table.ts'

const version = spawnSync(NODE, ['--version'], { encoding: 'utf8' }).stdout
const KNOWN = Number(/^v(\d+)/.exec(version)?.[1]) < 24 ? new Map([...ALWAYS, ...KNOWN_BEFORE_24]) : ALWAYS
const results = new Map<string, Judged>()
let running: { placement: Placement; proxy: Awaited<ReturnType<typeof spillway>> } | undefined

before(async () => {
  const placement = await Placement.of(CASES)
  const proxy = await spillway(placement.tools)
  running = { placement, proxy }
  const judged = await placement.run(proxy)
  for (const [index, { name }] of CASES.entries()) results.set(name, judged[index]!)
})

after(async () => {
  await running?.proxy[Symbol.asyncDispose]()
  await running?.placement[Symbol.asyncDispose]()
})

for (const section of SECTIONS) {
  test(`${section.title}: Spillway does only what the RFCs allow`, () => {
    assert.deepEqual(violations(section), [])
  })
}

test('each known violation still occurs', () => {
  for (const name of KNOWN.keys()) assert.notDeepEqual(results.get(name)?.problems ?? [], [], name)
})

test('after the whole table no lane holds a call, and the log has no internal error', async () => {
  const { proxy, placement } = running!
  for (const route of placement.tools.keys()) {
    await eventually(async () => assertIdle(route, await proxy.process.lane(route)))
  }
  assert.deepEqual(
    proxy.process.lines.filter((line) => /internal|uncaught/i.test(line)),
    [],
  )
})

test('the table has at least 400 cases of requests and 140 of answers, with unique names', () => {
  const count = (of: Section['of']): number =>
    SECTIONS.filter((section) => section.of === of).flatMap(({ cases }) => cases).length
  assert.ok(count('requests') >= 400)
  assert.ok(count('answers') >= 140)
  assert.equal(new Set(CASES.map(({ name }) => name)).size, CASES.length)
})

test('docs/conformance.md lists every case and marks exactly the known violations of Spillway', async () => {
  const text = await readFile(new URL('../../docs/conformance.md', import.meta.url), 'utf8')
  const rows = [...text.matchAll(/^\| (.+?) \| 9\d{3} \S+ \| (?:MUST|SHOULD) \| (✗)?/gm)]
  assert.deepEqual(
    rows.map(([, name]) => name),
    CASES.map(({ name }) => cell(name)),
  )
  const broken = rows.filter(([, , mark]) => mark !== undefined).map(([, name]) => name)
  assert.deepEqual(
    broken,
    CASES.filter(({ name }) => ALWAYS.has(name)).map(({ name }) => cell(name)),
  )
})

function violations({ cases }: Section): string[] {
  return cases.flatMap(({ name, rfc }) => {
    const { problems = ['it did not run'], did = '' } = results.get(name) ?? {}
    return problems.length === 0 || KNOWN.has(name)
      ? []
      : [`${name} (${rfc}): ${did}: ${problems.join('; ')}`]
  })
}

function assertIdle(route: string, { active_workers, queue_depth }: LaneJson): void {
  assert.deepEqual({ active_workers, queue_depth }, { active_workers: 0, queue_depth: 0 }, route)
}
