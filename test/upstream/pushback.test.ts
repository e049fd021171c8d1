import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pushbackOf } from '../../src/upstream/pushback.ts'

const SENT = 'Tue, 24 Nov 2026 09:00:00 GMT'
const CASES: readonly [string, number, string[], ReturnType<typeof pushbackOf>][] = [
  ['a 429 without advice asks to wait, without saying how long', 429, [], { retryAfterMs: undefined }],
  ['seconds are taken as they are', 429, ['Retry-After', '7'], { retryAfterMs: 7000 }],
  ['fractions of seconds too', 429, ['retry-after', '0.5'], { retryAfterMs: 500 }],
  ['a 503 with advice asks to wait', 503, ['RETRY-AFTER', '30'], { retryAfterMs: 30_000 }],
  ['a 503 without advice is a failure like any other', 503, [], undefined],
  ['no other status asks to wait', 500, ['Retry-After', '7'], undefined],
  [
    'a date counts from the answer itself',
    429,
    ['Date', SENT, 'Retry-After', 'Tue, 24 Nov 2026 09:01:30 GMT'],
    { retryAfterMs: 90_000 },
  ],
  [
    'a date in the past is no wait',
    429,
    ['Date', SENT, 'Retry-After', 'Tue, 24 Nov 2026 08:00:00 GMT'],
    { retryAfterMs: 0 },
  ],
  ['a date without a Date says nothing', 429, ['Retry-After', SENT], { retryAfterMs: undefined }],
  ['nonsense says nothing', 429, ['Retry-After', 'soon'], { retryAfterMs: undefined }],
]

for (const [name, status, headers, expected] of CASES) {
  test(`pushback: ${name}`, () => assert.deepEqual(pushbackOf(status, headers), expected))
}
