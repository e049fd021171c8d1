/**
 * The two log formats, text and JSON: the order of the fields, the quoting of values, and what is left out.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonLog, textLog } from '../../src/observe/log.ts'
import type { Fields, Level } from '../../src/observe/log.ts'

function written(open: typeof textLog, level: Level, fields: Fields): string {
  const lines: string[] = []
  open({ write: (line: string) => lines.push(line) }, Date.now)(level, fields)
  assert.equal(lines.length, 1)
  return lines[0] ?? ''
}

/** The text line without its time, which must come first. */
function text(level: Level, fields: Fields): string {
  const line = written(textLog, level, fields)
  const parts = /^time=(\S+) (.*)\n$/s.exec(line)
  assert.ok(parts, line)
  assert.ok(Math.abs(Date.parse(parts[1] ?? '') - Date.now()) < 60_000, 'the time is not the present one')
  return parts[2] ?? ''
}

test('a text line has the time and then the fields in their order', () => {
  assert.equal(
    text('info', { tool: 'github', queue_depth: '119/120', p95_ms: 4820 }),
    'tool=github queue_depth=119/120 p95_ms=4820',
  )
})

test('a text line names its level only when it is not info', () => {
  assert.equal(text('warn', { a: 1 }), 'level=warn a=1')
  assert.equal(text('error', { a: 1 }), 'level=error a=1')
})

test('a text line leaves out undefined and keeps null, false and 0', () => {
  assert.equal(text('info', { a: undefined, b: null, c: false, d: 0 }), 'b=null c=false d=0')
})

const QUOTED: readonly [value: string, shown: string][] = [
  ['plain', 'plain'],
  ['119/120', '119/120'],
  ['https://api.github.com', 'https://api.github.com'],
  ['', '""'],
  ['two words', '"two words"'],
  ['a=b', '"a=b"'],
  ['say "no"', '"say \\"no\\""'],
  ['two\nlines', '"two\\nlines"'],
]

for (const [value, shown] of QUOTED) {
  test(`the value ${JSON.stringify(value)} is written in a text line as ${shown}`, () => {
    assert.equal(text('info', { msg: value }), `msg=${shown}`)
  })
}

test('a control character in a value does not reach the terminal', () => {
  assert.doesNotMatch(text('info', { msg: 'a\u001b[2Jb\u0007' }), /\p{Cc}/u)
})

test('a JSON line has level, time and the fields, without the pid and the host name', () => {
  const line = written(jsonLog, 'warn', { tool: 'github', retry_after_ms: 15_000, left_out: undefined })
  const { time, ...rest } = JSON.parse(line) as Record<string, unknown>
  assert.deepEqual(rest, { level: 'warn', tool: 'github', retry_after_ms: 15_000 })
  assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  assert.ok(line.endsWith('}\n'))
})
