/**
 * docs/promises.md has at most 25 promises, and every test that it names exists.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { codeIn, read, ROOT, tableAfter } from './tree.ts'

const MOST = 25
const ROWS = tableAfter(read('docs/promises.md'), '# Promises')

test(`there are at most ${MOST} promises, numbered from 1`, () => {
  assert.ok(ROWS.length > 0 && ROWS.length <= MOST)
  assert.deepEqual(
    ROWS.map(([number]) => number),
    ROWS.map((_, index) => String(index + 1)),
  )
})

test('each promise names at least one test, and every named test exists', () => {
  for (const [number = '', , tried = ''] of ROWS) {
    assert.ok(codeIn(tried).length > 0, `promise ${number} has no test`)
    for (const part of tried.split(';')) {
      const [path = ''] = codeIn(part)
      assert.ok(existsSync(ROOT + path), `promise ${number} names ${path}`)
      if (!path.endsWith('.ts')) continue
      const names = [...part.matchAll(/"([^"]+)"/g)].map(([, name = '']) => name)
      assert.ok(names.length > 0, `promise ${number} names no test of ${path}`)
      const source = read(path)
      for (const name of names)
        assert.ok(source.includes(name), `promise ${number}: ${path} has no "${name}"`)
    }
  }
})
