/**
 * Mistakes in YAML itself, each with its place and what to write.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problemsIn, settingsIn } from './reading.ts'

const QUOTE = 'correct the YAML here; text that holds : # [ ] { } or begins with * & ! @ % needs quotes'

test('all mistakes of YAML syntax are reported at once, by position', () => {
  assert.deepEqual(problemsIn('a:\n  b: 1\n c: 2\nd: e: f\n'), [
    `tools.yaml:3:1: all mapping items must start at the same column; ${QUOTE}`,
    `tools.yaml:4:4: nested mappings are not allowed in compact mappings; ${QUOTE}`,
  ])
})

test('a tab in front of a line is named as such', () => {
  assert.deepEqual(problemsIn('tools:\n\ta: 1\n').slice(0, 1), [
    'tools.yaml:2:1: a tab indents this line; write spaces',
  ])
})

test('an IPv6 address without quotes is told to need quotes', () => {
  assert.deepEqual(problemsIn('listen: [::1]:80\ntools: {}\n'), [
    `tools.yaml:1:14: unexpected scalar at node end; ${QUOTE}`,
  ])
})

test('a second document is refused', () => {
  assert.deepEqual(problemsIn('tools: {}\n---\ntools: {}\n'), [
    'tools.yaml:2:1: a second document begins here; write one document, without a --- in the middle',
  ])
})

test('a tag is refused', () => {
  assert.deepEqual(problemsIn('listen: !secret x\ntools: !!set {}\n'), [
    'tools.yaml:1:9: tags are not read; write the plain value, without the word that begins with !',
    'tools.yaml:2:8: tags are not read; write the plain value, without the word that begins with !',
  ])
})

test('a key that is written twice is refused at its second place, and the message names the first', () => {
  const text = `tools:
  a: { upstream: http://x }
  a: { upstream: http://y }
  b: { upstream: http://x, match: [{ path: /c, path: /d }] }
`
  assert.deepEqual(problemsIn(text), [
    'tools.yaml:3:3 tools.a: is written twice, first on line 2; keep one of the two',
    'tools.yaml:4:48 tools.b.match[0].path: is written twice, first on line 4; keep one of the two',
  ])
})

test('a key that is no plain word is refused', () => {
  assert.deepEqual(problemsIn('tools:\n  ? [a, b]\n  : 1\n'), [
    'tools.yaml:2:5 tools: a key is no plain word; write a word before the colon; text with { } or [ ] needs quotes',
  ])
})

test('a tool that is an alias has the value of the anchor and a match of its own', () => {
  const { tools } = settingsIn('tools: { a: &s { upstream: "http://x", ttlSeconds: 0.5 }, b: *s }\n')
  assert.deepEqual(
    tools.map(({ tool, match, lane }) => [tool, match, lane.ttlMs]),
    [
      ['a', [{ path: '/a' }], 500],
      ['b', [{ path: '/b' }], 500],
    ],
  )
})

test('all aliases without an anchor are refused at once', () => {
  assert.deepEqual(problemsIn('tools: { a: *x, b: *y }\n'), [
    'tools.yaml:1:13 tools.a: no anchor "x" stands before this alias; write the value itself, or put quotes around a text that begins with *',
    'tools.yaml:1:20 tools.b: no anchor "y" stands before this alias; write the value itself, or put quotes around a text that begins with *',
  ])
})

test('a value that contains itself is refused like any other wrong value', () => {
  assert.ok(problemsIn('tools: &t { a: *t }\n').length > 0)
})

test('an alias bomb is refused before it is expanded', () => {
  const levels = Array.from({ length: 20 }, (_, level) => {
    const items = Array.from({ length: 10 }, () => (level === 0 ? 'x' : `*l${level - 1}`))
    return `l${level}: &l${level} [${items.join(', ')}]\n`
  })
  assert.deepEqual(problemsIn(levels.join('')), [
    'tools.yaml:2:10: aliases stand for more than a configuration can need; write what tools share in defaults',
  ])
})

test('deep nesting is refused', () => {
  const [problem] = problemsIn('['.repeat(2000) + ']'.repeat(2000))
  assert.match(
    problem ?? '',
    /^tools\.yaml:1:\d+: is nested too deeply; write settings at most five levels deep$/,
  )
})
