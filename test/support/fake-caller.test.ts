/**
 * The fake caller records what it is told, and behaves as a caller on a connection does.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { FakeCaller } from './fake-caller.ts'

const OK = { status: 200, headers: ['X-Own', 'a'] }

/** The caller, and what its listener was told. */
function listened(caller = new FakeCaller()): { caller: FakeCaller; told: unknown[] } {
  const told: unknown[] = []
  caller.listen({ closed: (isAnswered) => told.push(isAnswered), failed: (error) => told.push(error) })
  return { caller, told }
}

test('an answer is recorded, and its end is told after the call that ended it has returned', async () => {
  const { caller, told } = listened()
  assert.equal(caller.answered, 'none')
  caller.head(OK)
  assert.equal(caller.answered, 'part')
  assert.equal(caller.write(Buffer.from('a'), { onRead: () => undefined }), true)
  caller.end('b', [['X-Sum', '1']])
  assert.deepEqual([caller.status, caller.header('x-own'), caller.text, told], [200, 'a', 'ab', []])
  assert.deepEqual(caller.trailers, [['X-Sum', '1']])
  await turn()
  assert.deepEqual([told, caller.answered, caller.isGone], [[true], 'whole', true])
})

test('a second head, a body without a head and an answer that goes on after its end throw', () => {
  const caller = new FakeCaller()
  assert.throws(() => caller.end())
  caller.head(OK)
  assert.throws(() => caller.head(OK))
  caller.end()
  assert.throws(() => caller.end())
  assert.throws(() => caller.write(Buffer.from('a'), { onRead: () => undefined }))
})

test('an answer ends only when the request has come whole', async () => {
  const { caller, told } = listened(new FakeCaller({ method: 'POST', body: { toCome: true } }))
  caller.head(OK)
  caller.end()
  await turn()
  assert.deepEqual(told, [])
  caller.request.send('late')
  caller.request.finish()
  await turn()
  assert.deepEqual(told, [true])
})

test('a slow caller lets one piece through, says when it has read, and ends when it has read everything', async () => {
  const { caller, told } = listened()
  let reads = 0
  caller.head(OK)
  caller.isSlow = true
  assert.equal(caller.write(Buffer.from('a'), { onRead: () => reads++ }), false)
  caller.end()
  await turn()
  assert.deepEqual([reads, told], [0, []])
  caller.readUp()
  await turn()
  assert.deepEqual([reads, told], [1, [true]])
})

test('a caller that leaves breaks its request off and is told of once, as is one that is cut off', async () => {
  for (const go of [(caller: FakeCaller) => caller.leave(), (caller: FakeCaller) => caller.cut()]) {
    const { caller, told } = listened(new FakeCaller({ method: 'POST', body: { toCome: true } }))
    go(caller)
    assert.deepEqual([caller.isGone, caller.answered, caller.request.destroyed], [true, 'part', true])
    await turn()
    caller.leave()
    assert.deepEqual([told, caller.request.complete], [[false], false])
  }
})

test('a body is asked for once, and only where the caller waits for that', () => {
  const waiting = new FakeCaller({ method: 'POST', body: { toCome: true }, awaitsContinue: true })
  waiting.proceed()
  waiting.proceed()
  const other = new FakeCaller()
  other.proceed()
  assert.deepEqual([waiting.proceeds, waiting.awaitsContinue, other.proceeds], [1, false, 0])
})

test('a verb that is to fail throws once', () => {
  const caller = new FakeCaller()
  caller.failing = 'head'
  assert.throws(() => caller.head(OK), /made up/)
  caller.head(OK)
  assert.equal(caller.status, 200)
})
