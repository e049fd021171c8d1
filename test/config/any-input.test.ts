/**
 * Properties: the configuration reader throws for no value and no text.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { parseSettings } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problems.ts'

const KEY = fc.constantFrom(
  'tools',
  'defaults',
  'listen',
  'a',
  'upstream',
  'match',
  'path',
  'host',
  'controller',
  '__proto__',
)
const LEAF = fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constantFrom('http://x', '/a', 8, 0, '127.0.0.1:80'))
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    LEAF,
    fc.dictionary(KEY, tie('tree'), { maxKeys: 5 }),
    fc.array(tie('tree'), { maxLength: 3 }),
  ),
}))

function assertCertain(text: string): void {
  const result = parseSettings({ text, file: 'tools.yaml', env: {}, flags: {} })
  if (result.ok) assert.ok(result.settings.tools.length > 0)
  else assert.ok(result.problems.length > 0)
  if (!result.ok)
    for (const problem of result.problems)
      assert.match(formatProblem(problem), /^tools\.yaml:\d+:\d+[: ][^\n]+; [^\n]+$/)
}

test('any value gives settings or at least one problem of one line, and no error', () => {
  fc.assert(
    fc.property(fc.oneof(tree, fc.record({ tools: tree }), fc.jsonValue()), (value) => {
      assertCertain(JSON.stringify(value))
      assertCertain(stringify(value))
    }),
  )
})

test('any text gives settings or at least one problem of one line, and no error', () => {
  const piece = fc.constantFrom(
    'tools:',
    'a:',
    '\n',
    '  ',
    ' ',
    '- ',
    '&x',
    '*x',
    '!!set',
    '{',
    '}',
    '[',
    ']',
    '"',
    '#',
    '\t',
    '? ',
    ': ',
    '---\n',
    '%YAML 1.1',
    '|',
    '\u0000',
    'b',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece).map((pieces) => pieces.join('')),
      ),
      assertCertain,
    ),
    { numRuns: 500 },
  )
})
