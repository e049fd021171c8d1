/**
 * The body of a caller on its way to the tool: its bounds, the copy that is kept, its pauses, and what its lease and a
 * caller that breaks off or is too slow see of it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WINDOW_MS } from '../../src/upstream/body-pace.ts'
import { BodyTooLarge, BodyTooSlow, framingOf, Upload } from '../../src/upstream/upload.ts'
import type { UploadBounds } from '../../src/upstream/upload.ts'
import { FakeCaller } from '../support/fake-caller.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { FakeLease, turns } from './attempt-rig.ts'

function open(bounds: Partial<UploadBounds> = {}) {
  const clock = new VirtualClock()
  const { request } = new FakeCaller({ method: 'POST', body: { toCome: true } })
  const errors: unknown[] = []
  const parts = { clock, fail: (error: unknown) => void errors.push(error) }
  const upload = new Upload(request, { maxBytes: 100, bufferBytes: 16, keepBytes: 10, ...bounds }, parts)
  let end: unknown
  upload.body.on('error', (error) => (end = error)).on('end', () => (end = 'end'))
  const read = (): string => (upload.body.read() as Buffer | null)?.toString() ?? ''
  return { clock, request, errors, upload, read, end: () => end }
}

const FRAMINGS: readonly [raw: string[], hasBody: boolean, declaredBytes: number | undefined][] = [
  [[], false, undefined],
  [['Content-Length', '0'], false, 0],
  [['content-length', '12'], true, 12],
  [['Transfer-Encoding', 'chunked'], true, undefined],
]

for (const [raw, hasBody, declaredBytes] of FRAMINGS) {
  test(`a request with the headers [${raw.join(' ')}] ${hasBody ? 'has a' : 'has no'} body`, () => {
    assert.deepEqual(framingOf(raw), { hasBody, declaredBytes })
  })
}

test('a body is passed on piece by piece and ends with the request', async () => {
  const { request, upload, read, end } = open()
  request.send('ab')
  await turns()
  assert.deepEqual([read(), upload.isComplete, upload.isBroken], ['ab', false, false])
  request.send('cd')
  request.finish()
  await turns()
  assert.equal(read(), 'cd')
  await turns()
  assert.deepEqual([end(), upload.isComplete, upload.isBroken], ['end', true, false])
})

for (const [bytes, isRefused] of [
  [100, false],
  [101, true],
] as const) {
  test(`a body of ${bytes} bytes is ${isRefused ? 'refused' : 'passed on'} where 100 are allowed`, async () => {
    const { request, upload, end } = open()
    upload.body.resume()
    request.send(Buffer.alloc(60))
    request.send(Buffer.alloc(bytes - 60))
    request.finish()
    await turns()
    assert.equal(end() instanceof BodyTooLarge, isRefused)
    assert.equal(end() === 'end', !isRefused)
    assert.equal(request.destroyed, false)
  })
}

const KEEPINGS: readonly [
  name: string,
  keepBytes: number,
  pieces: readonly string[],
  whole: string | undefined,
][] = [
  ['as long as the bound is kept', 5, ['abc', 'de'], 'abcde'],
  ['longer than the bound is not kept', 5, ['abc', 'def'], undefined],
  ['is not kept where nothing may be kept', 0, ['a'], undefined],
]

for (const [name, keepBytes, pieces, whole] of KEEPINGS) {
  test(`a body ${name}`, async () => {
    const { request, upload } = open({ keepBytes })
    upload.body.resume()
    for (const piece of pieces) request.send(piece)
    request.finish()
    await turns()
    assert.equal(upload.whole()?.toString(), whole)
  })
}

test('a kept body is given only when it is whole', async () => {
  const { request, upload } = open()
  upload.body.resume()
  request.send('abc')
  await turns()
  assert.equal(upload.whole(), undefined)
  request.finish()
  await turns()
  assert.equal(upload.whole()?.toString(), 'abc')
})

test('a caller whose bytes the tool does not take is stopped by the bound of the buffer', async () => {
  const { request, upload } = open({ maxBytes: 1e9, bufferBytes: 16 })
  for (let i = 0; i < 100; i++) request.send(Buffer.alloc(8192))
  await turns()
  assert.equal(upload.isBackedUp(), true)
  assert.ok(upload.body.readableLength < 200_000)
  assert.ok(request.readableLength > 500_000)
})

test('a body that is paused takes nothing until it goes on', async () => {
  const { request, upload, read } = open()
  upload.pause()
  request.send('ab')
  await turns()
  assert.equal(read(), '')
  upload.goOn()
  await turns()
  assert.equal(read(), 'ab')
})

test('a lease lets a paused body go on, and each piece renews it', async () => {
  const { request, upload, read } = open()
  const lease = new FakeLease()
  upload.pause()
  request.send('ab')
  upload.renews(lease)
  assert.deepEqual([lease.waits, lease.renewals], [['caller'], 0])
  await turns()
  assert.deepEqual([read(), lease.renewals], ['ab', 1])
  request.send('cd')
  await turns()
  assert.deepEqual([lease.waits, lease.renewals], [['caller'], 2])
})

test('a lease waits for the tool while the tool does not take the body', async () => {
  const { request, upload } = open({ maxBytes: 1e9 })
  const lease = new FakeLease()
  upload.renews(lease)
  request.send(Buffer.alloc(upload.body.readableHighWaterMark))
  await turns()
  assert.deepEqual(lease.waits, ['caller', 'tool'])
})

test('a caller that breaks off breaks its body with its own error', async () => {
  const { request, upload, end } = open()
  request.send('ab')
  request.destroy(new Error('aborted'))
  await turns()
  assert.deepEqual([upload.isBroken, String(end())], [true, 'Error: aborted'])
})

test('a body below the least pace is broken off', async () => {
  const { clock, upload, end } = open()
  clock.advance(WINDOW_MS)
  await turns()
  assert.ok(end() instanceof BodyTooSlow)
  assert.equal(upload.isBroken, false, 'the caller still gets its refusal')
})

test('a body with a handler for slowness is left to it', async () => {
  const { clock, upload, end } = open()
  let slow = 0
  upload.onSlow = () => {
    slow++
  }
  clock.advance(WINDOW_MS)
  await turns()
  assert.deepEqual([slow, end()], [1, undefined])
})

test('an error in the handler for slowness ends the call', () => {
  const { clock, upload, errors } = open()
  upload.onSlow = () => {
    throw new Error('made up: onSlow fails')
  }
  clock.advance(WINDOW_MS)
  assert.match(String(errors), /onSlow fails/)
})

test('an error in renewing the lease ends the call', async () => {
  const { request, upload, errors } = open()
  const lease = new FakeLease()
  upload.renews(lease)
  lease.renew = () => {
    throw new Error('made up: renew fails')
  }
  request.send('ab')
  await turns()
  assert.match(String(errors), /renew fails/)
})

test('a body with a lease must come faster than one without', async () => {
  const outcomes = [false, true].map((hasLease) => {
    const { clock, upload, request, end } = open({ maxBytes: 1e9 })
    upload.body.resume()
    if (hasLease) upload.renews(new FakeLease())
    request.send(Buffer.alloc(50_000))
    return async () => {
      await turns()
      clock.advance(WINDOW_MS)
      await turns()
      return end() instanceof BodyTooSlow
    }
  })
  assert.deepEqual(await Promise.all(outcomes.map((each) => each())), [false, true])
})

test('a body that is abandoned takes nothing more and is never too slow', async () => {
  const { clock, request, upload, read, end } = open()
  upload.abandon()
  assert.equal(clock.timers, 0)
  request.send('ab')
  clock.advance(10 * WINDOW_MS)
  await turns()
  assert.deepEqual([read(), end()], ['', undefined])
})
