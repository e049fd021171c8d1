/**
 * Turnstile and its two walks over bytes in random pieces: node's parser gets each pipelined request whole, and the next
 * one only after the answer to the one before.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { ChunkWalk } from '../../src/listen/chunk-walk.ts'
import { HeadWalk } from '../../src/listen/head-walk.ts'
import { Turnstile } from '../../src/listen/turnstile.ts'

const BREAKS = fc.constantFrom('', '\r\n', '\r\n\r\n', '\n')
/** Text that a walk could mistake for an end. */
const ODD_TEXT = fc
  .array(fc.constantFrom('\r\n\r\n', '\r\n0\r\n\r\n', '\r', '\n', '0', 'a', 'GET / HTTP/1.1\r\n\r\n'), {
    maxLength: 8,
  })
  .map((pieces) => pieces.join(''))
const FIELDS = fc
  .array(fc.constantFrom('X: y', 'X:', 'Accept: */*', 'X: 0'), { maxLength: 3 })
  .map((lines) => lines.map((line) => `${line}\r\n`).join(''))

const CHUNK = fc
  .tuple(ODD_TEXT, fc.constantFrom('', ';a', ';a=b'), fc.boolean(), fc.constantFrom('', '0', '00'))
  .filter(([text]) => text !== '')
  .map(([text, extension, isUpper, zeros]) => {
    const size = text.length.toString(16)
    return `${zeros}${isUpper ? size.toUpperCase() : size}${extension}\r\n${text}\r\n`
  })
const CHUNKS = fc
  .tuple(fc.array(CHUNK, { maxLength: 4 }), fc.constantFrom('0', '000', '0;a'), FIELDS)
  .map(([chunks, last, trailers]) => `${chunks.join('')}${last}\r\n${trailers}\r\n`)

const BODY = fc.oneof(
  fc.constant('\r\n'),
  ODD_TEXT.map((text) => `Content-Length: ${text.length}\r\n\r\n${text}`),
  CHUNKS.map((chunks) => `Transfer-Encoding: chunked\r\n\r\n${chunks}`),
)
const METHOD = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE')
const REQUEST = fc.tuple(BREAKS, METHOD, FIELDS, BODY).map((parts) => parts)

/** The places of the cuts, as fractions of the length. */
const CUTS = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 })

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = places.map((place) => Math.floor(place * bytes.length)).toSorted((a, b) => a - b)
  return [0, ...sorted].map((start, i) => bytes.subarray(start, sorted[i] ?? bytes.length))
}

/** Gives a server the pieces one by one; the socket itself carries no bytes. */
async function answersTo(server: Server, pieces: readonly Buffer[], requests: number): Promise<string[]> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.resume()
  const seen: string[] = []
  const turnstile = await new Promise<Turnstile>((resolve) =>
    server.once('connection', (theirs) => resolve(new Turnstile(theirs))),
  )
  const done = Promise.withResolvers<undefined>()
  server.removeAllListeners('clientError').on('clientError', (error: NodeJS.ErrnoException) => {
    // Connections of earlier runs may still be closing, so only errors of the parser count.
    if (error.code?.startsWith('HPE_')) done.reject(error)
  })
  let open = 0
  server.removeAllListeners('request').on('request', (request, response) => {
    if (!turnstile.begin(request, response) || open > 0) return done.reject(new Error('out of turn'))
    open++
    seen.push(request.url ?? '')
    request.resume()
    setImmediate(() => {
      response.end()
      open--
      if (seen.length === requests) done.resolve(undefined)
    })
  })
  for (const piece of pieces) turnstile.take(piece)
  try {
    await done.promise
  } finally {
    server.removeAllListeners('clientError')
    socket.destroy()
  }
  return seen
}

test('the parser gets every request, one at a time, however the bytes are cut', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => server.close())
  const requests = fc.array(REQUEST, { minLength: 1, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(requests, CUTS, async (parts, places) => {
      const texts = parts.map(
        ([breaks, method, fields, body], i) =>
          `${breaks}${method} /${i} HTTP/1.1\r\nHost: a\r\n${fields}${body}`,
      )
      const seen = await answersTo(server, cut(Buffer.from(texts.join('')), places), texts.length)
      assert.deepEqual(
        seen,
        texts.map((_text, i) => `/${i}`),
      )
    }),
    { numRuns: 150 },
  )
})

test('a walk ends at the end of the head or body, however the bytes are cut', () => {
  const heads = fc.tuple(BREAKS, FIELDS).map(([breaks, fields]) => `${breaks}GET / HTTP/1.1\r\n${fields}\r\n`)
  const walks = [
    [heads, () => new HeadWalk()],
    [CHUNKS, () => new ChunkWalk()],
  ] as const
  for (const [texts, walkOf] of walks) {
    fc.assert(
      fc.property(texts, ODD_TEXT, CUTS, (text, more, places) => {
        const walk = walkOf()
        let before = 0
        for (const piece of cut(Buffer.from(text + more), places)) {
          const end = walk.endIn(piece)
          if (end !== -1) {
            assert.equal(before + end, text.length)
            return
          }
          before += piece.length
        }
        assert.fail('no end')
      }),
      { numRuns: 2000 },
    )
  }
})

test('after the end of a head the walk begins with the next one', () => {
  const walk = new HeadWalk()
  const bytes = Buffer.from('GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n')
  const end = walk.endIn(bytes)
  assert.equal(end, bytes.length / 2)
  assert.equal(walk.endIn(bytes.subarray(end, end + 17)), -1)
  assert.equal(walk.endIn(bytes.subarray(end + 17)), 1)
})

test('a chunk walk reads past a huge size and takes a malformed size for that of the last chunk', () => {
  const walk = new ChunkWalk()
  assert.equal(walk.endIn(Buffer.alloc(1_048_576, 'f')), -1)
  assert.equal(walk.endIn(Buffer.from('\r\nabc')), -1)
  assert.equal(new ChunkWalk().endIn(Buffer.from('no size\r\n\r\nmore')), 11)
})
