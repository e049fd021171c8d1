/**
 * Which answers of a tool ask callers to wait, and for how long: Retry-After as seconds or date, and the x-ratelimit headers
 * of a used-up quota.
 */
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
  [
    'a quota that is used up counts until its reset, also on an answer that is still good',
    200,
    ['Date', SENT, 'X-RateLimit-Remaining', '0', 'X-RateLimit-Reset', String(Date.parse(SENT) / 1000 + 90)],
    { retryAfterMs: 90_000 },
  ],
  [
    "GitHub's 403 with an empty quota asks to wait",
    403,
    ['Date', SENT, 'x-ratelimit-remaining', '0', 'x-ratelimit-reset', String(Date.parse(SENT) / 1000 + 5)],
    { retryAfterMs: 5000 },
  ],
  ["GitHub's 403 with Retry-After does, too", 403, ['Retry-After', '60'], { retryAfterMs: 60_000 }],
  [
    'a reset in seconds from now is understood',
    429,
    ['x-ratelimit-remaining', '0', 'x-ratelimit-reset', '12'],
    { retryAfterMs: 12_000 },
  ],
  [
    'a reset in another century counts as a month',
    429,
    ['Date', SENT, 'x-ratelimit-remaining', '0', 'x-ratelimit-reset', '9999999999'],
    { retryAfterMs: 2_592_000_000 },
  ],
  [
    'Retry-After goes before a quota',
    429,
    ['retry-after', '2', 'x-ratelimit-remaining', '0', 'x-ratelimit-reset', '12'],
    { retryAfterMs: 2000 },
  ],
  [
    'a quota with something left asks for nothing',
    403,
    ['x-ratelimit-remaining', '1', 'x-ratelimit-reset', '12'],
    undefined,
  ],
  [
    'an empty quota without a reset says nothing on a good answer',
    200,
    ['x-ratelimit-remaining', '0'],
    undefined,
  ],
  ['a 403 that speaks of no limit is a 403', 403, [], undefined],
  ['nonsense says nothing', 429, ['Retry-After', 'soon'], { retryAfterMs: undefined }],
]

for (const [name, status, headers, expected] of CASES) {
  test(`pushback: ${name}`, () => assert.deepEqual(pushbackOf(status, headers), expected))
}
