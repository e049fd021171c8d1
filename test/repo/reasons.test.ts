/**
 * docs/reasons.md agrees with the reasons, statuses and not_executed values in the code.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { REASONS } from '../../src/lane/reason.ts'
import { REASON_ROWS } from '../../src/reply/reasons.ts'
import { read, tableAfter } from './tree.ts'

const ROWS = tableAfter(read('docs/reasons.md'), '# Reasons')

test('docs/reasons.md has one row for each reason, in the order of the code', () => {
  assert.deepEqual(
    ROWS.map(([reason]) => reason),
    [...REASONS],
  )
})

test('docs/reasons.md gives each reason the status and not_executed of its reply', () => {
  assert.deepEqual(
    Object.fromEntries(ROWS.map(([reason, status, notExecuted]) => [reason, [status, notExecuted]])),
    Object.fromEntries(
      REASONS.map((reason) => [
        reason,
        [String(REASON_ROWS[reason].status), String(REASON_ROWS[reason].notExecuted)],
      ]),
    ),
  )
})

test('docs/reasons.md has advice for caller and operator for each reason', () => {
  for (const row of ROWS) {
    assert.equal(row.length, 6, row[0])
    assert.ok(
      row.every((cell) => cell !== ''),
      row[0],
    )
  }
})
