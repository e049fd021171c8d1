/**
 * The rows of the configuration keys: each key changes its own setting and no other, a reload names it, its default is
 * valid, and the JSON Schema has what the row says.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { parse } from 'yaml'
import * as z from 'zod'
import { PROCESS_ROWS, PROCESS_SETTINGS, TOOL_ROWS, TOOL_SETTINGS } from '../../src/config/keys/list.ts'
import type { ListedKey } from '../../src/config/keys/list.ts'
import { valueAt } from '../../src/config/paths.ts'
import { planReload } from '../../src/config/reload.ts'
import { jsonSchema } from '../../src/config/schema.ts'
import { filesBelow, read } from '../repo/tree.ts'
import { baseFile, PART_FLIPS, PROCESS_FLIPS, TOOL, TOOL_FLIPS } from './flips.ts'
import { settingsIn } from './reading.ts'

/** The places at which two settings differ, down to single values: `lane.retryAfter.minMs`. */
function differences(a: unknown, b: unknown, at = ''): readonly string[] {
  if (!isMap(a) || !isMap(b)) return isDeepStrictEqual(a, b) ? [] : [at]
  const steps = new Set([...Object.keys(a), ...Object.keys(b)])
  return [...steps].flatMap((step) => differences(a[step], b[step], at === '' ? step : `${at}.${step}`))
}

/** The places of all single values. */
function placesIn(value: unknown, at = ''): readonly string[] {
  if (!isMap(value)) return [at]
  return Object.entries(value).flatMap(([step, inner]) => placesIn(inner, at === '' ? step : `${at}.${step}`))
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isAt(place: string, { key, name }: ListedKey): boolean {
  // Another law has other figures.
  const at = name === 'controller.algorithm' ? key.at.slice(0, -1) : key.at
  return place === at.join('.') || place.startsWith(`${at.join('.')}.`)
}

for (const { name, row, before, after } of PROCESS_FLIPS) {
  test(`another ${name} changes the setting of its row and no other, and a reload names it`, () => {
    const [old, next] = [settingsIn(before), settingsIn(after)]
    const places = differences(old, next)
    assert.ok(places.length > 0)
    for (const place of places) assert.ok(isAt(place, row), place)
    const plan = planReload(old, next)
    const named = name.startsWith('fleet.') ? 'fleet' : name
    const needsRestart = row.key.reload === 'restart'
    assert.deepEqual([plan.needsRestart, plan.takesEffect], needsRestart ? [[named], []] : [[], [named]])
    assert.deepEqual(plan.settings, needsRestart ? old : next)
    assert.deepEqual(plan.changed, [])
  })
}

for (const { name, row, tool, before, after } of [...TOOL_FLIPS, ...PART_FLIPS]) {
  test(`another ${name} of a tool changes the setting of its row and no other, and a reload names it`, () => {
    const [old, next] = [settingsIn(before), settingsIn(after)]
    const of = (settings: typeof old) => settings.tools.find((each) => each.tool === tool)
    const places = differences(of(old), of(next))
    assert.ok(places.length > 0)
    // A lane goes the way of its server.
    const isServer = name === 'mcp.server'
    for (const place of places)
      assert.ok(isAt(place, row) || (isServer && place.startsWith('upstream')), place)
    const plan = planReload(old, next)
    assert.deepEqual(
      plan.changed.map(({ tool, keys }) => [tool, keys]),
      [[tool, isServer ? ['upstream', row.name] : [row.name]]],
    )
    assert.deepEqual([plan.needsRestart, plan.takesEffect], [[], []])
  })
}

for (const { name, row, first, second } of TOOL_FLIPS) {
  if (['upstream', 'match', 'mcp'].includes(name)) continue
  test(`${name} in defaults counts for a tool that does not write it`, () => {
    const settingWith = (value: unknown) => {
      const defaults = row.path.reduceRight((inner, step) => ({ [step]: inner }), value)
      const file = { ...(value !== undefined && { defaults }), tools: { a: { upstream: 'http://x' } } }
      return valueAt(settingsIn(JSON.stringify(file)).tools[0], row.key.at)
    }
    const builtIn = settingWith(undefined)
    const settings = [first, second].filter((value) => value !== undefined).map(settingWith)
    assert.ok(settings.some((setting) => !isDeepStrictEqual(setting, builtIn)))
  })
}

test('every setting is the setting of one row', () => {
  const { tools, ...ofProcess } = settingsIn(baseFile())
  const flipped = tools.find(({ tool }) => tool === TOOL)
  const withoutRow = (settings: unknown, rows: readonly ListedKey[]) =>
    placesIn(settings).filter((place) => !rows.some((row) => isAt(place, row)))
  assert.deepEqual(withoutRow(ofProcess, PROCESS_ROWS), [])
  assert.deepEqual(withoutRow(flipped, TOOL_ROWS), ['tool', 'lane.tool'])
  for (const [rows, settings] of [
    [TOOL_ROWS, TOOL_SETTINGS] as const,
    [PROCESS_ROWS, PROCESS_SETTINGS] as const,
  ]) {
    const places = rows.map(({ key }) => key.at.join('.'))
    assert.equal(new Set(places).size, places.length, 'two rows make one setting')
    assert.ok(settings.size <= rows.length)
  }
})

test('a setting that no row makes is named by its place when a reload changes it', () => {
  const old = settingsIn(baseFile())
  const strange = {
    ...old,
    tools: old.tools.map((tool) => ({ ...tool, lane: { ...tool.lane, strange: 1 } })),
  }
  assert.deepEqual(planReload(old, strange).changed[0]?.keys, ['lane.strange'])
  const plan = planReload(old, { ...old, other: 1 } as typeof old)
  assert.deepEqual([plan.needsRestart, plan.takesEffect], [[], ['other']])
})

test('every default and every example is valid by the schema of its row', () => {
  for (const { name, key } of [...PROCESS_ROWS, ...TOOL_ROWS]) {
    const { schema, example } = key.field
    assert.ok(schema.safeParse(parse(example)).success, `${name}: ${example}`)
    for (const fallback of [key.default, key.withMcp]) {
      if (fallback?.kind === 'given') assert.ok(schema.safeParse(fallback.value).success, name)
      if (fallback?.kind === 'same as')
        assert.ok(
          TOOL_ROWS.some((row) => row.name === fallback.key),
          name,
        )
    }
    for (const [inner, part] of Object.entries(key.parts ?? {})) {
      assert.ok(part.field.schema.safeParse(parse(part.field.example)).success, `${name}.${inner}`)
    }
  }
})

/** Every named value in the JSON Schema, by its path: `tools.*.maxConcurrent`. */
function valuesIn(schema: unknown, at: readonly string[] = []): readonly (readonly [string, unknown])[] {
  if (!isMap(schema)) return []
  const { properties, additionalProperties, items, anyOf } = schema
  const named = isMap(properties) ? Object.entries(properties) : []
  return [
    ...named.flatMap(([key, inner]) => [
      [[...at, key].join('.'), inner] as const,
      ...valuesIn(inner, [...at, key]),
    ]),
    ...valuesIn(additionalProperties, [...at, '*']),
    ...valuesIn(items, at),
    ...(Array.isArray(anyOf) ? anyOf : []).flatMap((each) => valuesIn(each, at)),
  ]
}

test('the JSON Schema has for every key the description, unit and default of its row', () => {
  const values = new Map(valuesIn(jsonSchema()))
  for (const [path, value] of values) {
    assert.match(String(valueAt(value, ['description'])), /^[A-Z`].*\.$/s, path)
  }
  const rows = [
    ...PROCESS_ROWS.map((row) => [row.name, row.key] as const),
    ...TOOL_ROWS.map((row) => [`tools.*.${row.name}`, row.key] as const),
  ]
  for (const [path, { says, unit, default: fallback }] of rows) {
    const expected = {
      description: says,
      unit,
      default: fallback.kind === 'given' ? fallback.value : undefined,
    }
    const value = values.get(path)
    const actual = Object.fromEntries(Object.keys(expected).map((key) => [key, valueAt(value, [key])]))
    assert.deepEqual(actual, expected, path)
  }
})

test('the JSON Schema requires the keys whose rows say that they are needed', () => {
  const required = (schema: unknown, path: readonly (string | number)[]) =>
    valueAt(schema, [...path, 'required'])
  const schema = jsonSchema()
  const tool = ['properties', 'tools', 'additionalProperties', 'properties']
  assert.deepEqual(required(schema, []), ['tools'])
  for (const [path, rows] of [
    [['properties', 'fleet'], PROCESS_ROWS.filter(({ path }) => path[0] === 'fleet')] as const,
  ]) {
    const needed = rows.filter(({ key }) => key.default.kind === 'needed').map(({ path }) => path.at(-1))
    assert.deepEqual(required(schema, path), needed)
  }
  for (const { name, key } of TOOL_ROWS) {
    const needed = Object.entries(key.parts ?? {}).filter(([, part]) => part.default.kind === 'needed')
    if (needed.length === 0) continue
    const at = [...tool, name, 'anyOf', 1]
    assert.deepEqual(
      required(schema, at),
      needed.map(([part]) => part),
      name,
    )
  }
})

test('tools.yaml and the configurations of the examples fit the JSON Schema, and a misspelt key does not', () => {
  const judge = z.fromJSONSchema(jsonSchema())
  const files = ['tools.yaml', ...filesBelow('examples').filter((file) => file.endsWith('.yaml'))]
  assert.ok(files.length >= 2)
  for (const file of files) assert.ok(judge.safeParse(parse(read(file))).success, file)
  assert.ok(judge.safeParse(JSON.parse(baseFile())).success)
  const wrong = baseFile().replace('startConcurrent', 'startConcurent')
  assert.ok(!judge.safeParse(JSON.parse(wrong)).success)
})
