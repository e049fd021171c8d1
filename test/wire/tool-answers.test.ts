/**
 * Valid and invalid answers of a tool, written as raw bytes. Each kind of caller (GET, HEAD, HTTP/1.0), with and without
 * `retries`, must get the true answer, a 502, or a connection that is visibly cut off. The process must go on.
 */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after as afterAll, test } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { exchange } from '../support/raw.ts'
import { rawTool } from '../support/raw-tool.ts'
import { startSpillway } from '../support/process.ts'

const tool = await rawTool()
// Two lanes to one tool. The second one holds an answer with 503 back for a retry, and passes it on in the end.
const spillway = await startSpillway(`
tools:
  plain: { upstream: "${tool.url}", leaseSeconds: 5 }
  held: { upstream: "${tool.url}", leaseSeconds: 5, retries: { max: 1, budgetRatio: 0 } }
`)
afterAll(async () => {
  await spillway[Symbol.asyncDispose]()
  await tool[Symbol.asyncDispose]()
})

interface Got {
  readonly status: number
  readonly head: string
  readonly body: string
}

async function ask(lane: string, method: string, version: string): Promise<Got> {
  const connection = version === '1.1' ? 'Connection: close\r\n' : ''
  const text = await exchange(
    spillway.proxyPort,
    `${method} /${lane} HTTP/${version}\r\nHost: a\r\n${connection}\r\n`,
  )
  const [head = '', ...body] = text.split('\r\n\r\n')
  return { status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]), head, body: body.join('\r\n\r\n') }
}

/** Calls as each kind of caller in each lane. For the lane that holds answers back, the tool's 200 is made a 503. */
async function everyCaller(check: (got: Got, asked: string) => void): Promise<void> {
  const said = tool.says
  for (const lane of ['plain', 'held']) {
    if (lane === 'held') tool.says = said.replace(/^HTTP\/1\.1 200 /, 'HTTP/1.1 503 ')
    for (const [method, version] of [
      ['GET', '1.1'],
      ['HEAD', '1.1'],
      ['GET', '1.0'],
    ] as const) {
      const got = await ask(lane, method, version)
      check(got, `${lane} ${method} ${version}: ${JSON.stringify(got)}`)
      if (method === 'HEAD') assert.equal(got.body, '', 'an answer to HEAD has no body')
    }
  }
  assert.equal((await ask('plain', 'GET', '1.1')).status > 0, true, 'the process goes on')
}

const CHUNKED = 'Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n'

/** The name, the bytes of the tool, and whether the tool then closes the connection. */
const PASSES: readonly (readonly [string, string, closes?: true])[] = [
  ['a Trailer beside a Content-Length', 'HTTP/1.1 200 OK\r\nTrailer: X-T\r\nContent-Length: 2\r\n\r\nok'],
  ['a Trailer, and trailers', `HTTP/1.1 200 OK\r\nTrailer: X-T\r\n${CHUNKED}X-T: 1\r\n\r\n`],
  ['two Trailer headers', `HTTP/1.1 200 OK\r\nTrailer: A\r\ntrailer: B\r\n${CHUNKED}A: 1\r\n\r\n`],
  ['a Trailer but no trailers', `HTTP/1.1 200 OK\r\nTrailer: X-T\r\n${CHUNKED}\r\n`],
  ['trailers but no Trailer', `HTTP/1.1 200 OK\r\n${CHUNKED}X-T: caf\xe9\r\n\r\n`],
  ['a Trailer and a body that ends with the connection', 'HTTP/1.1 200 OK\r\nTrailer: X-T\r\n\r\nok', true],
  ['a reason phrase of odd bytes', 'HTTP/1.1 200 caf\xe9 \x01\r\nContent-Length: 2\r\n\r\nok'],
  ['no reason phrase', 'HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok'],
  ['2,000 headers', `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(2000)}Content-Length: 2\r\n\r\nok`],
  [
    'a Content-Length that Connection names',
    'HTTP/1.1 200 OK\r\nConnection: content-length\r\nContent-Length: 2\r\n\r\nok',
  ],
  ['more bytes than its Content-Length', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more'],
  ['the version HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\nok', true],
]

for (const [name, says, closes] of PASSES) {
  test(`an answer with ${name} reaches every caller`, async () => {
    tool.says = says
    tool.closes = closes === true
    await everyCaller(({ status, head, body }, asked) => {
      assert.ok(status === 200 || status === 503, asked)
      assert.ok(!/HEAD/.test(asked.slice(0, 12)) ? body.includes('ok') : true, asked)
      const isChunked = /\r\ntransfer-encoding: chunked/i.test(head)
      assert.ok(isChunked || !/\r\ntrailer:/i.test(head), asked)
      assert.ok(!isChunked || body === '' || body.includes('\r\n0\r\n'), asked)
    })
  })
}

test('header values keep their bytes, and repeated headers stay separate', async () => {
  tool.closes = false
  tool.says =
    'HTTP/1.1 200 OK\r\nX-A: caf\xe9\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok'
  await everyCaller(({ head }, asked) => {
    assert.match(head, /X-A: caf\xe9\r\n/, asked)
    assert.equal(head.match(/Set-Cookie: /g)?.length, 2, asked)
  })
})

test('statuses up to 999 pass; a 204 has no Content-Length, a 304 may have one', async () => {
  for (const status of [205, 299, 404, 599, 600, 999]) {
    tool.says = `HTTP/1.1 ${status} X\r\nContent-Length: 2\r\n\r\nok`
    await everyCaller((got, asked) => assert.equal(got.status, status, asked))
  }
  for (const status of [204, 304]) {
    for (const body of [
      '\r\n',
      'Content-Length: 2\r\n\r\n',
      'Content-Length: 2\r\n\r\nok',
      'Transfer-Encoding: chunked\r\nTrailer: a\r\n\r\n',
    ]) {
      tool.says = `HTTP/1.1 ${status} X\r\n${body}`
      await everyCaller((got, asked) => {
        assert.equal(got.status, status, asked)
        assert.equal(got.body, '', asked)
        if (status === 204) assert.doesNotMatch(got.head, /content-length/i, asked)
      })
    }
  }
})

test('trailers that concern framing, routing, cookies or the content type are dropped, and others pass', async () => {
  tool.says = `HTTP/1.1 200 OK\r\n${CHUNKED}Host: evil\r\nSet-Cookie: a=b\r\nTransfer-Encoding: chunked\r\nContent-Type: text/html\r\nX-T: 1\r\n\r\n`
  assert.equal((await ask('plain', 'GET', '1.1')).body, '2\r\nok\r\n0\r\nX-T: 1\r\n\r\n')
})

const HEAD_FLAWS = {
  'a status below 100': 'HTTP/1.1 099 X\r\nContent-Length: 2\r\n\r\nok',
  'a status of four digits': 'HTTP/1.1 1000 X\r\nContent-Length: 2\r\n\r\nok',
  'a control character': 'HTTP/1.1 200 OK\r\nX-A: a\x01b\r\nContent-Length: 2\r\n\r\nok',
  'a bare CR': 'HTTP/1.1 200 OK\r\nX-A: a\rb\r\nContent-Length: 2\r\n\r\nok',
  'a folded line': 'HTTP/1.1 200 OK\r\nX-A: a\r\n b\r\nContent-Length: 2\r\n\r\nok',
  'a name with a space': 'HTTP/1.1 200 OK\r\nX A: a\r\nContent-Length: 2\r\n\r\nok',
  'a name that is no token': 'HTTP/1.1 200 OK\r\nX\xe9(a): a\r\nContent-Length: 2\r\n\r\nok',
  'a header without a name': 'HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 2\r\n\r\nok',
  'two Content-Lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok',
  'a Content-Length and chunks': `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${CHUNKED}\r\n`,
  'a Content-Length below 0': 'HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok',
  'a Content-Length that is too large': 'HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok',
  'an unrequested transfer coding': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok',
  'another coding under the chunks':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  'an unrequested switch of protocols': 'HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
  'headers that are too large': `HTTP/1.1 200 OK\r\n${`X-A: ${'b'.repeat(1000)}\r\n`.repeat(40)}Content-Length: 2\r\n\r\nok`,
} as const

for (const [name, says] of Object.entries(HEAD_FLAWS)) {
  test(`an answer with ${name} is 502 UPSTREAM_FAILED`, async () => {
    tool.says = says
    tool.closes = false
    await everyCaller(({ status, head }, asked) => {
      assert.equal(status, 502, asked)
      assert.match(head, /UPSTREAM_FAILED/, asked)
    })
  })
}

test('callers of HTTP/1.0 and HTTP/1.1 see that a body which breaks off is incomplete', async () => {
  for (const says of [
    'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n',
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n`,
  ]) {
    tool.says = says
    tool.closes = true
    const { body } = await ask('plain', 'GET', '1.1')
    assert.doesNotMatch(body, /\r\n0\r\n\r\n$/)
    const end = await new Promise<string>((resolve) => {
      const socket = connect(spillway.proxyPort, '127.0.0.1', () =>
        socket.write('GET /plain HTTP/1.0\r\nHost: a\r\n\r\n'),
      )
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
      socket.on('data', () => undefined).on('end', () => resolve('a good end'))
    })
    assert.equal(end, 'ECONNRESET')
  }
})

test('an answer that is held back for a caller that has left ends its lease, and the process goes on', async () => {
  tool.says = 'HTTP/1.1 503 X\r\nTrailer: a\r\nContent-Length: 2\r\n\r\nok'
  tool.closes = false
  for (const laterMs of [0, 1, 2, 3, 5, 8, 13]) {
    const socket = connect(spillway.proxyPort, '127.0.0.1', () =>
      socket.write('GET /held HTTP/1.1\r\nHost: a\r\n\r\n'),
    )
    socket.on('error', () => undefined)
    setTimeout(() => socket.resetAndDestroy(), laterMs)
  }
  await eventually(async () => {
    const lane = await spillway.lane('held')
    assert.deepEqual([lane.active_workers, lane.queue_depth], [0, 0])
  })
  assert.equal((await ask('plain', 'GET', '1.1')).status, 503)
})
