/**
 * docs/map.md and the other pages name only rooms, files, tests and links that exist. All decision records have one form.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { codeIn, filesBelow, foldersBelow, read, resolveFrom, ROOT, tableAfter } from './tree.ts'

const MAP = read('docs/map.md')
const PAGES = filesBelow('').filter((file) => file.endsWith('.md'))
const DECISIONS = filesBelow('docs/decisions')
const HEADINGS = ['Context', 'Choice', 'Alternatives and why not', 'How we would notice that it was wrong']
/** One printed page. */
const MOST_LINES = 60

test('the rooms in docs/map.md are exactly the folders of src', () => {
  const rooms = tableAfter(MAP, '## Rooms').map(([room = '']) => (codeIn(room)[0] ?? '').replace(/\/$/, ''))
  assert.deepEqual(rooms.toSorted(), foldersBelow('src').toSorted())
})

test('every path that a page names exists', () => {
  for (const page of PAGES) {
    for (const code of codeIn(read(page))) {
      for (const [path] of code.matchAll(/(?<![\w./:-])(?:src|test|docs|bench)\/[\w./-]*/g)) {
        assert.ok(existsSync(ROOT + path), `${page} names ${path}`)
      }
    }
  }
})

test('every name that docs/map.md gives in brackets after a file stands in that file', () => {
  for (const [, file = '', names = ''] of MAP.matchAll(/`(src\/[\w./-]+\.ts)` \(((?:`\w+`(?:, )?)+)\)/g)) {
    for (const name of codeIn(names))
      assert.match(read(file), new RegExp(`\\b${name}\\b`), `${file} has no ${name}`)
  }
})

test('the target of every link between pages exists', () => {
  for (const page of PAGES) {
    for (const [, target = ''] of read(page).matchAll(/\]\((?!https?:)([^)#]+)/g)) {
      assert.ok(existsSync(ROOT + resolveFrom(page, target)), `${page} links to ${target}`)
    }
  }
})

test('every command of docs/map.md runs npm test on given files', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const commands = tableAfter(MAP, '## To change X open Y, run Z').map(
    ([, , run = '']) => codeIn(run)[0] ?? '',
  )
  for (const command of commands) {
    assert.match(command, /^npm test -- test\//)
    assert.ok('test' in scripts)
  }
})

test('decisions are numbered without a gap, one page each, with the same headings', () => {
  for (const [index, file] of DECISIONS.toSorted().entries()) {
    const number = String(index + 1).padStart(4, '0')
    assert.match(file, new RegExp(`^docs/decisions/${number}-[a-z0-9-]+\\.md$`))
    const text = read(file)
    assert.ok(text.startsWith(`# ${number} `), `${file} has its number in its title`)
    assert.deepEqual(
      [...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading),
      HEADINGS,
      file,
    )
    assert.ok(text.split('\n').length <= MOST_LINES, `${file} is longer than a page`)
  }
})
