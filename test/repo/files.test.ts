/**
 * Rules for every file of the repository: header, length, reachability from main.ts, and no traces of the author's machine.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { filesBelow, importsOf, read, resolveFrom, SOURCES } from './tree.ts'

const MOST_LINES = 300

const EVERY_TS = [...SOURCES, ...filesBelow('test'), ...filesBelow('bench')].filter((file) =>
  file.endsWith('.ts'),
)

test('every file of src, test and bench begins with a comment of 1 to 12 lines; only a #! line may precede it', () => {
  for (const file of EVERY_TS) {
    const comment = /^(?:#!.*\n)?\/\*\*\n((?: \*.*\n)+?) \*\/\n/.exec(read(file))?.[1]
    assert.ok(comment !== undefined, `${file} has no header`)
    assert.ok(comment.split('\n').length - 1 <= 12, `${file} has a header that is too long`)
  }
})

test(`no source file is longer than ${MOST_LINES} lines`, () => {
  const long = EVERY_TS.filter((file) => read(file).trimEnd().split('\n').length > MOST_LINES)
  assert.deepEqual(long, [])
})

test('every file of src is imported, directly or not, by main.ts', () => {
  const reached = new Set<string>()
  const waiting = ['src/main.ts']
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (reached.has(file)) continue
    reached.add(file)
    for (const name of importsOf(read(file))) if (name.startsWith('.')) waiting.push(resolveFrom(file, name))
  }
  assert.deepEqual(
    SOURCES.filter((file) => !reached.has(file)),
    [],
  )
})

/** This test reads its own file, too, so no pattern may match its own source. */
const TRACES = [
  {
    what: 'a home or working directory',
    pattern: new RegExp(String.raw`(?<![\w.])/(?:root|home|work|Users)/\w`),
  },
  {
    what: 'a package registry',
    pattern: new RegExp(String.raw`\b(?:registry|artifactory|verdaccio|nexus)\.[\w-]+\.\w`, 'i'),
  },
  { what: 'where a package was fetched from', pattern: /"resolved"\s*:\s*"https?:/ },
]

test("no file names a package registry or a path of its author's machine", () => {
  const found = filesBelow('').flatMap((file) => {
    const text = read(file)
    return TRACES.flatMap(({ what, pattern }) => (pattern.test(text) ? [`${file}: ${what}`] : []))
  })
  assert.deepEqual(found, [])
})

test('each pattern finds a sample of its trace', () => {
  const samples = [
    'at /home' + '/somebody/x',
    'https://registry' + '.example.org/pino',
    '"resolved"' + ': "https://a/b.tgz"',
  ]
  for (const [index, sample] of samples.entries()) assert.match(sample, TRACES[index]?.pattern ?? /$^/)
})
