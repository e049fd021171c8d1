/**
 * docs/configuration.md says what the rows of the configuration keys say.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { page, PROCESS_LINES, TOOL_LINES } from './configuration-page.ts'
import { codeIn, read, tableAfter } from './tree.ts'

test('docs/configuration.md is what `npm run docs` writes', () => {
  assert.ok(read('docs/configuration.md') === page(), 'docs/configuration.md is stale; run: npm run docs')
})

test('docs/configuration.md has one line for every key', () => {
  const text = read('docs/configuration.md')
  for (const [heading, lines] of [
    ['## The process', PROCESS_LINES] as const,
    ['## A tool', TOOL_LINES] as const,
  ]) {
    const keys = tableAfter(text, heading).map(([key = '']) => codeIn(key)[0])
    assert.deepEqual(
      keys,
      lines.map(({ key }) => key),
    )
    assert.equal(new Set(keys).size, keys.length)
  }
})

test('every key has a meaning of one or more whole sentences', () => {
  for (const { key, row } of [...PROCESS_LINES, ...TOOL_LINES]) assert.match(row.says, /^[A-Z`].*\.$/, key)
})
