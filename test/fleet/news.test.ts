/**
 * The messages of a store are numbers in a fixed order. An answer in another form is an error, and news in another form is
 * ignored.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allotmentFrom, parseNews } from '../../src/fleet/news.ts'

test('an answer has ten numbers in the order of the scripts', () => {
  assert.deepEqual(allotmentFrom([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), {
    version: 1,
    epoch: 2,
    given: 3,
    waiting: 4,
    claimants: 5,
    cap: 6,
    sidecars: 7,
    rank: 8,
    pausedMs: 9,
    nextEndMs: 10,
  })
})

for (const [index, reply] of [null, [], [1, 2, 3], 'OK', [1, 2, 3, 4, 5, 6, 7, 8, 9, 'x']].entries())
  test(`an answer in another form is STORE_REFUSED (${index})`, () => {
    assert.throws(() => allotmentFrom(reply), { code: 'STORE_REFUSED' })
  })

test('news has the name of the tool and six numbers', () => {
  const news = { tool: 'github', version: 1, epoch: 2, given: 3, waiting: 4, claimants: 5, cap: 6 }
  assert.deepEqual(parseNews('github 1 2 3 4 5 6'), news)
})

for (const text of ['', 'github', 'github 1 2 3 4 5', 'github 1 2 3 4 5 x', 'echo1'])
  test(`a message in another form is ignored: "${text}"`, () => {
    assert.equal(parseNews(text), undefined)
  })
