/**
 * Patterns for the names of tools.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isPattern, literalCharacters, matchesGlob } from '../../src/mcp/glob.ts'

test('a glob matches the same names as the regular expression that it stands for', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.', '/'), maxLength: 12 })
  const globs = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '?'), maxLength: 8 })
  fc.assert(
    fc.property(globs, letters, (glob, name) => {
      const source = glob.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.')
      assert.equal(matchesGlob(glob, name), new RegExp(`^${source}$`, 's').test(name))
    }),
  )
})

test('a glob of many stars takes time proportional to its length times that of the name', () => {
  assert.equal(matchesGlob('*a'.repeat(60), 'a'.repeat(1000) + 'b'), false)
  assert.equal(matchesGlob('*a'.repeat(60), 'a'.repeat(1000)), true)
})

test('a glob is a pattern by a star or a question mark, and as specific as its other characters are many', () => {
  for (const [glob, literals] of [
    ['read', 4],
    ['read.[a]', 8],
  ] as const)
    assert.deepEqual([isPattern(glob), literalCharacters(glob)], [false, literals])
  for (const [glob, literals] of [
    ['*', 0],
    ['r?ad_*', 4],
  ] as const)
    assert.deepEqual([isPattern(glob), literalCharacters(glob)], [true, literals])
})
