/**
 * Which lane takes a tool by its name.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { matchesGlob, ToolNames } from '../../src/mcp/glob.ts'

test('a pattern matches as the regular expression that it stands for', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.', '/'), maxLength: 12 })
  const globs = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '?'), maxLength: 8 })
  fc.assert(
    fc.property(globs, letters, (glob, name) => {
      const source = glob.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.')
      assert.equal(matchesGlob(glob, name), new RegExp(`^${source}$`, 's').test(name))
    }),
  )
})

test('a pattern of many stars costs no more than its length times that of the name', () => {
  assert.equal(matchesGlob('*a'.repeat(60), 'a'.repeat(1000) + 'b'), false)
  assert.equal(matchesGlob('*a'.repeat(60), 'a'.repeat(1000)), true)
})

test('a name comes before patterns, more letters before fewer, the first written before others', () => {
  const names = new ToolNames([
    { to: 'all', globs: ['*'] },
    { to: 'read', globs: ['read_*'] },
    { to: 'twin', globs: ['*_read'] },
    { to: 'one', globs: ['read_one'] },
  ])
  assert.deepEqual(
    ['read_one', 'read_two', 'x', 'read_read', '__proto__'].map((name) => names.find(name)),
    ['one', 'read', 'all', 'read', 'all'],
  )
  assert.equal(new ToolNames([{ to: 1, globs: ['a'] }]).find('A'), undefined)
})
