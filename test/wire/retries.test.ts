/**
 * Spillway's own retries on real sockets: which requests are tried again and how often, and which answer the caller gets.
 * A request holds no slot while it waits for its next try.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { fakeTool } from '../support/fake-tool.ts'
import type { Answer } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'
import { exchange } from '../support/raw.ts'

/** Fails the first `times` calls with `status`, then echoes the body. */
function failing(times: number, status = 503): Answer {
  let calls = 0
  return async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const isFailure = ++calls <= times
    response.writeHead(isFailure ? status : 200, { 'Content-Type': 'text/plain', 'X-Try': String(calls) })
    response.end(isFailure ? `failed ${calls}` : `ok ${Buffer.concat(chunks).toString()}`)
  }
}

const lane = (url: string, more = 'retries: { max: 2 }'): string =>
  `tools: { t: { upstream: "${url}", ${more} } }`

const results = async (spillway: { metrics(): Promise<string> }): Promise<Record<string, number>> => {
  const rows = (await spillway.metrics()).matchAll(/^spillway_retries_total\{.*result="(\w+)".*\} (\d+)$/gm)
  const counts = [...rows].map(([, result = '', count]): [string, number] => [result, Number(count)])
  return Object.fromEntries(counts.filter(([, count]) => count !== 0))
}

test('a failed GET is tried again, and its caller sees only the good answer', async () => {
  await using tool = await fakeTool(failing(2))
  await using spillway = await startSpillway(lane(tool.url))
  const response = await fetch(`${spillway.proxy}/t/x`)
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('x-try'), '3')
  assert.equal(await response.text(), 'ok ')
  assert.equal(tool.seen.calls, 3)
  assert.deepEqual(await results(spillway), { failed: 1, succeeded: 1 })
  const { totals } = await spillway.lane('t')
  assert.equal(totals.completed, 3, 'each try had a lease of its own')
})

test('when all tries fail, the caller gets the whole last answer of the tool', async () => {
  await using tool = await fakeTool(failing(9, 502))
  await using spillway = await startSpillway(lane(tool.url, 'retries: { max: 1 }'))
  const response = await fetch(`${spillway.proxy}/t/x`)
  assert.equal(response.status, 502)
  assert.equal(response.headers.get('x-spillway-reason'), null)
  assert.equal(response.headers.get('x-spillway-tool'), 't')
  assert.equal(await response.text(), 'failed 2')
  assert.deepEqual(await results(spillway), { failed: 1 })
})

test('a lane without retries tries nothing again, and a lane with retries only the statuses it names', async () => {
  await using tool = await fakeTool(failing(9))
  await using spillway = await startSpillway(
    `tools: { off: { upstream: "${tool.url}" }, named: { upstream: "${tool.url}", retries: { max: 2, on: [502] } } }`,
  )
  assert.equal((await fetch(`${spillway.proxy}/off/x`)).status, 503)
  assert.equal((await fetch(`${spillway.proxy}/named/x`)).status, 503)
  assert.equal(tool.seen.calls, 2)
})

test('a POST is tried again only with an Idempotency-Key, and then with the same body', async () => {
  const bytes = 'x'.repeat(40_000)
  for (const [headers, calls, status] of [
    [{}, 1, 503],
    [{ 'Idempotency-Key': 'k1' }, 2, 200],
  ] as const) {
    await using tool = await fakeTool(failing(1))
    await using spillway = await startSpillway(lane(tool.url))
    const response = await fetch(`${spillway.proxy}/t/x`, { method: 'POST', body: bytes, headers })
    assert.equal(response.status, status)
    const text = await response.text()
    if (status === 200) assert.equal(text, `ok ${bytes}`)
    assert.equal(tool.seen.calls, calls)
  }
})

test('a request body that is too large to keep is sent only once', async () => {
  await using tool = await fakeTool(failing(1))
  await using spillway = await startSpillway(lane(tool.url))
  const response = await fetch(`${spillway.proxy}/t/x`, { method: 'PUT', body: 'x'.repeat(200_000) })
  assert.equal(response.status, 503)
  assert.equal(tool.seen.calls, 1)
})

test('an error answer that is too long to hold back passes through as it arrives', async () => {
  const long = 'e'.repeat(300_000)
  await using tool = await fakeTool((_request, response) => response.writeHead(503).end(long))
  await using spillway = await startSpillway(lane(tool.url))
  const response = await fetch(`${spillway.proxy}/t/x`)
  assert.equal(response.status, 503)
  assert.equal(await response.text(), long)
  assert.equal(tool.seen.calls, 1)
})

test('a tool that cannot be reached is tried again, and then answered UPSTREAM_UNREACHABLE', async () => {
  const gone = await fakeTool(failing(0))
  await gone[Symbol.asyncDispose]()
  await using spillway = await startSpillway(lane(gone.url))
  const response = await fetch(`${spillway.proxy}/t/x`)
  assert.equal(response.status, 502)
  assert.equal(response.headers.get('x-spillway-reason'), 'UPSTREAM_UNREACHABLE')
  assert.deepEqual(await results(spillway), { failed: 2 })
})

test('the retry budget bounds the retries at a tool that fails every call', async () => {
  await using tool = await fakeTool(failing(1000))
  await using spillway = await startSpillway(lane(tool.url, 'retries: { max: 1, budgetRatio: 0 }'))
  for (let i = 0; i < 10; i++) assert.equal((await fetch(`${spillway.proxy}/t/x`)).status, 503)
  assert.ok(
    tool.seen.calls <= 16,
    `${tool.seen.calls} calls: 3 retries are allowed in 10 s, and one such period may end meanwhile`,
  )
  assert.ok(((await results(spillway))['no_budget'] ?? 0) >= 4)
})

test('an answer that asks callers to wait is not retried and passes unchanged', async () => {
  await using tool = await fakeTool((_request, response) =>
    response.writeHead(503, { 'Retry-After': '5' }).end('wait'),
  )
  await using spillway = await startSpillway(lane(tool.url))
  const response = await fetch(`${spillway.proxy}/t/x`)
  assert.equal(response.status, 503)
  assert.equal(response.headers.get('retry-after'), '5')
  assert.equal(await response.text(), 'wait')
  assert.equal(tool.seen.calls, 1)
  assert.deepEqual(await results(spillway), { overloaded: 1 })
})

test("a request holds no slot while it waits for its next try, and a refused retry gives the tool's first answer", async () => {
  let first = true
  let others: Promise<Response> | undefined
  await using tool = await fakeTool(async (_request, response) => {
    if (!first) return void setTimeout(() => response.end('slow'), 1500)
    first = false
    others = fetch(`${spillway.proxy}/t/y`)
    await eventually(async () => assert.equal((await spillway.lane('t')).queue_depth, 1))
    return void response.writeHead(503).end('first')
  })
  await using spillway = await startSpillway(
    lane(
      tool.url,
      'maxConcurrent: 1, maxQueueDepth: 10, controller: { algorithm: fixed }, retries: { max: 1 }',
    ),
  )
  const answer = await fetch(`${spillway.proxy}/t/x`, { headers: { 'X-Spillway-Ttl-Ms': '700' } })
  assert.equal(answer.status, 503)
  assert.equal(await answer.text(), 'first', "the tool's answer, without a claim that it was never called")
  assert.equal(await (await others)?.text(), 'slow')
  assert.deepEqual(await results(spillway), { refused: 1 })
})

test('a request whose caller leaves between two tries is not tried again', async () => {
  await using tool = await fakeTool(failing(9))
  await using spillway = await startSpillway(lane(tool.url))
  const leaving = new AbortController()
  const call = fetch(`${spillway.proxy}/t/x`, { signal: leaving.signal }).catch(() => undefined)
  await eventually(() => assert.equal(tool.seen.calls, 1))
  leaving.abort()
  await call
  await eventually(async () => assert.deepEqual(await results(spillway), { cancelled: 1 }))
  assert.equal((await spillway.lane('t')).active_workers, 0)
  assert.equal(tool.seen.calls, 1)
})

test('a caller that leaves while its next try waits in the queue counts as cancelled', async () => {
  let others: Promise<Response> | undefined
  let finish = (): void => undefined
  await using tool = await fakeTool(async (_request, response) => {
    tool.answer = (_next, slow) => (finish = () => void slow.end('slow'))
    others = fetch(`${spillway.proxy}/t/y`)
    await eventually(async () => assert.equal((await spillway.lane('t')).queue_depth, 1))
    response.writeHead(503).end('first')
  })
  await using spillway = await startSpillway(
    lane(tool.url, 'maxConcurrent: 1, controller: { algorithm: fixed }, retries: { max: 1 }'),
  )
  const leaving = new AbortController()
  const call = fetch(`${spillway.proxy}/t/x`, { signal: leaving.signal }).catch(() => undefined)
  await eventually(() => assert.equal(tool.seen.calls, 2))
  await eventually(async () => assert.equal((await spillway.lane('t')).queue_depth, 1))
  leaving.abort()
  await call
  await eventually(async () => assert.deepEqual(await results(spillway), { cancelled: 1 }))
  finish()
  assert.equal(await (await others)?.text(), 'slow')
})

test("when the tool is gone at the second try, the caller gets the tool's first answer", async () => {
  const tool = createServer((_request, response) => {
    response.writeHead(503, { Connection: 'close' }).end('first')
    tool.close()
  })
  await new Promise<void>((resolve) => tool.listen(0, '127.0.0.1', resolve))
  const { port } = tool.address() as AddressInfo
  await using spillway = await startSpillway(lane(`http://127.0.0.1:${port}`))
  const response = await fetch(`${spillway.proxy}/t/x`)
  assert.equal(response.headers.get('x-spillway-reason'), null)
  assert.deepEqual([response.status, await response.text()], [503, 'first'])
  assert.deepEqual(await results(spillway), { failed: 2 })
})

test('an Idempotency-Key without a value does not make a POST retryable', async () => {
  await using tool = await fakeTool(failing(9))
  await using spillway = await startSpillway(lane(tool.url))
  const head = 'POST /t/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n'
  const answer = await exchange(spillway.proxyPort, `${head}Idempotency-Key: \r\n\r\nhi`)
  assert.match(answer, /^HTTP\/1\.1 503/)
  assert.equal(tool.seen.calls, 1)
})

test('a caller that expects 100 Continue gets it once, however often its body is sent', async () => {
  await using tool = await fakeTool(failing(2))
  await using spillway = await startSpillway(lane(tool.url))
  const head = 'PUT /t/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n'
  const answer = await exchange(spillway.proxyPort, `${head}Expect: 100-continue\r\n\r\nhi`)
  assert.equal(tool.seen.calls, 3)
  assert.equal(answer.split('100 Continue').length, 2, answer)
  assert.match(answer, /ok hi\r\n/)
})

test('an answer that was held back and then not retried keeps its trailers', async () => {
  await using tool = await fakeTool((_request, response) => {
    response.writeHead(503, { 'Retry-After': '5', Trailer: 'X-End' })
    response.write('wait')
    response.addTrailers({ 'X-End': 'yes' })
    response.end()
  })
  await using spillway = await startSpillway(lane(tool.url))
  const answer = await exchange(
    spillway.proxyPort,
    'GET /t/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  )
  assert.match(answer, /wait\r\n0\r\nX-End: yes\r\n/)
  assert.deepEqual(await results(spillway), { overloaded: 1 })
})
