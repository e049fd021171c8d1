/**
 * The text of a failed store for logs and /readyz, made from the error of its driver: one line of bounded length without a
 * password.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureText } from '../../src/fleet/failure.ts'

test('the reason of a lost store contains no password, plain or encoded', () => {
  const url = 'redis://:p%3Aa%2Fs@host:6379'
  const said = failureText(new Error(`cannot connect to ${url} with p:a/s or p%3Aa%2Fs`), url)
  assert.equal(said, 'cannot connect to *** with *** or ***')
})

test('the reason of a lost store is one line of bounded length', () => {
  assert.equal(failureText(new Error('a\r\nb'), 'redis://h'), 'a b')
  assert.equal(failureText(new Error('x'.repeat(5000)), 'redis://h').length, 200)
})

test('a failure at every address of a name has the reason of the first address', () => {
  const each = new AggregateError([new Error('connect ECONNREFUSED ::1:6379')], '')
  assert.equal(failureText(each, 'redis://h'), 'connect ECONNREFUSED ::1:6379')
  assert.equal(failureText('what', 'redis://h'), 'unknown')
})
