/**
 * docs/glossary.md has one entry for each exported class of the rooms that it covers, and no entry is left over.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { read, SOURCES } from './tree.ts'

/** The rooms whose classes need an entry, each with a heading of its own. */
const ROOMS = ['lane', 'gate', 'call', 'fleet'] as const

const PAGE = read('docs/glossary.md')
const ENTRY = /^- \*\*(?<name>\w+)\*\* \((?<path>src\/[\w./-]+\.ts)\): (?<sentence>.+)$/

interface Entry {
  readonly name: string
  readonly path: string
  readonly sentence: string
}

/** The entries below a heading. */
function entriesOf(heading: string): readonly Entry[] {
  const [, after] = `\n${PAGE}`.split(`\n## ${heading}\n`)
  assert.ok(after, `docs/glossary.md has no heading ${heading}`)
  const lines = after.split('\n## ')[0]?.split('\n') ?? []
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      const { name = '', path = '', sentence = '' } = ENTRY.exec(line)?.groups ?? {}
      assert.notEqual(name, '', `not of the form "- **Name** (src/path.ts): sentence.": ${line}`)
      return { name, path, sentence }
    })
}

function classesOf(room: string): string[] {
  return SOURCES.filter((file) => file.startsWith(`src/${room}/`)).flatMap((file) =>
    [...read(file).matchAll(/^export (?:abstract )?class (\w+)/gm)].map(
      ([, name = '']) => `${name} (${file})`,
    ),
  )
}

for (const room of ROOMS) {
  test(`the glossary has one entry for each exported class of ${room}, and no other`, () => {
    const entries = entriesOf(room)
    const named = entries.map(({ name, path }) => `${name} (${path})`)
    assert.deepEqual(named.toSorted(), classesOf(room).toSorted())
  })

  test(`the entries of ${room} are sorted by name, each one sentence`, () => {
    const entries = entriesOf(room)
    const names = entries.map(({ name }) => name)
    assert.deepEqual(names, names.toSorted())
    for (const { name, sentence } of entries) {
      assert.match(sentence, /\.$/, `${name}: ends with a full stop`)
      assert.doesNotMatch(sentence, /\. /, `${name}: one sentence`)
    }
  })
}

test('the glossary has no heading but those of rooms', () => {
  const headings = [...PAGE.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading)
  assert.deepEqual(
    headings.filter((heading) => !(ROOMS as readonly (string | undefined)[]).includes(heading)),
    [],
  )
})
