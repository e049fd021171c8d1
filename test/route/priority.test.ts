/**
 * The priority class that a caller claims.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { priorityIn } from '../../src/lane/priority.ts'
import type { Priority } from '../../src/lane/priority.ts'
import { claimedPriority } from '../../src/route/priority.ts'

const URGENCIES: readonly (readonly [field: string, priority: Priority | undefined])[] = [
  ['u=0', 'critical'],
  ['u=1', 'high'],
  ['u=2', 'high'],
  ['u=3', 'normal'],
  ['u=4', 'normal'],
  ['u=5', 'low'],
  ['u=6', 'low'],
  ['u=7', 'low'],
  ['u=5, i', 'low'],
  ['i, u=1', 'high'],
  ['  u=1;x=2 ,i=?0', 'high'],
  ['a="b c", u=6', 'low'],
  ['u=1, u=7', 'low'],
  ['i', undefined],
  ['', undefined],
  ['u', undefined],
  ['u=8', undefined],
  ['u=-1', undefined],
  ['u=1.5', undefined],
  ['u="1"', undefined],
  ['u = 1', undefined],
  ['U=1', undefined],
  ['u=1,', undefined],
  ['high', undefined],
  [`u=1, a="${'x'.repeat(300)}"`, undefined],
]

for (const [field, priority] of URGENCIES) {
  test(`the header "Priority: ${field.slice(0, 20)}" claims ${priority ?? 'nothing'}`, () => {
    assert.equal(claimedPriority(undefined, [field]), priority)
  })
}

test('the word names the class, in any letter case, and goes before the urgency', () => {
  assert.equal(claimedPriority('low', ['u=0']), 'low')
  assert.equal(claimedPriority(' High ', ['u=7']), 'high')
  assert.equal(claimedPriority('critical', []), 'critical')
})

test('an unknown word is ignored, and the urgency counts', () => {
  for (const word of ['', 'urgent', 'toString', 'low,high']) {
    assert.equal(claimedPriority(word, ['u=0']), 'critical')
    assert.equal(claimedPriority(word, []), undefined)
  }
})

test('an urgency spread over several fields is one dictionary', () => {
  assert.equal(claimedPriority(undefined, ['i', 'u=5']), 'low')
  assert.equal(claimedPriority(undefined, ['u=5', 'u=0']), 'critical')
})

test('a long header is ignored without being parsed', () => {
  const startedAt = performance.now()
  for (let i = 0; i < 1000; i++) claimedPriority(undefined, [`a${';a'.repeat(100)}!`, 'u=1'])
  assert.ok(performance.now() - startedAt < 2000)
})

test('a lane caps the claimed class, and gives its default to a call without a claim', () => {
  const settings = { max: 'high', default: 'normal' } as const
  const given = (claimed: Priority | undefined): Priority => priorityIn(settings, claimed)
  assert.deepEqual(
    [given('critical'), given('high'), given('normal'), given('low'), given(undefined)],
    ['high', 'high', 'normal', 'low', 'normal'],
  )
  assert.equal(priorityIn({ max: 'low', default: 'normal' }, undefined), 'low')
})
