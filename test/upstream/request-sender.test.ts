/**
 * A request that meets a connection which the tool had closed for being idle: when it is sent once more over a fresh
 * connection, and when it is not.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UpstreamRequest } from '../../src/upstream/attempt.ts'
import { RequestSender } from '../../src/upstream/request-sender.ts'
import type { ConnectionUser, ToolConnection } from '../../src/upstream/tool-connection.ts'
import { AttemptRig, FakeOwner, FakePool, turns } from './attempt-rig.ts'
import type { RigFacts } from './attempt-rig.ts'

/** A connection that records what it is told; `isIdleBreak`: the tool had closed it for being idle. */
function connection(isIdleBreak: boolean) {
  const told: string[] = []
  const of = (name: string) => (argument?: string) =>
    void told.push(argument === undefined ? name : `${name} ${argument}`)
  const as = {
    isIdleBreak,
    starts: of('starts'),
    progressed: of('progressed'),
    end: of('end'),
    learnFromBreak: of('learnFromBreak'),
  } as unknown as ToolConnection
  return { told, as }
}

interface Row {
  readonly name: string
  readonly facts?: RigFacts
  readonly isIdleBreak?: boolean
  /** What happens before the connection breaks. */
  readonly before?: (rig: AttemptRig) => void | Promise<void>
  readonly isResent: boolean
  readonly body?: string
}

const ROWS: readonly Row[] = [
  { name: 'an idempotent request over an idle connection that the tool had closed', isResent: true },
  {
    name: 'an idempotent request with a body that was read before',
    facts: { content: Buffer.from('abc') },
    isResent: true,
    body: 'abc',
  },
  {
    name: 'an idempotent request whose streamed body came whole and was kept',
    facts: { method: 'PUT', body: 'abc' },
    before: async ({ tool }) => {
      await tool.takeBody()
    },
    isResent: true,
    body: 'abc',
  },
  { name: 'a request over a connection that broke otherwise', isIdleBreak: false, isResent: false },
  { name: 'a request that is not idempotent', facts: { isIdempotent: false }, isResent: false },
  {
    name: 'a request whose body is still to come',
    facts: { method: 'PUT', body: { toCome: true } },
    isResent: false,
  },
  {
    name: 'a request whose body was too large to be kept',
    facts: { method: 'PUT', body: 'abc', keepBytes: 2 },
    before: async ({ tool }) => {
      await tool.takeBody()
    },
    isResent: false,
  },
  {
    name: 'a request whose answer had begun',
    before: ({ tool }) => void tool.head(200),
    isResent: false,
  },
  {
    name: 'a request whose caller has left',
    before: ({ attempt }) => attempt.callerLeft('finish'),
    isResent: false,
  },
]

for (const { name, facts, isIdleBreak = true, before, isResent, body } of ROWS) {
  test(`${name} is ${isResent ? '' : 'not '}sent once more`, async () => {
    const rig = new AttemptRig(facts)
    const first = rig.tool.start(connection(isIdleBreak).as)
    await before?.(rig)
    first.fail('UND_ERR_SOCKET')
    const { exchanges } = rig.pool
    assert.deepEqual([exchanges.length, rig.owner.reconnects], isResent ? [2, 1] : [1, 0])
    if (!isResent) return assert.equal(rig.ends.length, 1)
    assert.deepEqual([rig.tool.isFresh, rig.ends, rig.results], [true, [], []])
    assert.equal(await rig.tool.takeBody(), body ?? '')
    rig.tool.respond(200, 'again')
    assert.deepEqual([rig.caller.text, rig.ends], ['again', ['completed ok 0']])
  })
}

test('a request is sent once more only once', () => {
  const rig = new AttemptRig()
  rig.tool.start(connection(true).as).fail('UND_ERR_SOCKET')
  rig.tool.start(connection(true).as).fail('UND_ERR_SOCKET')
  assert.equal(rig.pool.exchanges.length, 2)
  assert.deepEqual([rig.ends, rig.results], [['failed dropped'], ['failed UPSTREAM_FAILED head closed']])
})

test('a request that was sent once may have run, even if its second connection never came about', () => {
  const rig = new AttemptRig()
  assert.equal(rig.attempt.mayHaveRun, false)
  rig.tool.start(connection(true).as)
  assert.equal(rig.attempt.mayHaveRun, true)
  rig.tool.fail('UND_ERR_SOCKET')
  rig.tool.fail('ECONNREFUSED')
  assert.deepEqual(rig.results, ['failed UPSTREAM_FAILED head refused'])
})

function sender(request: Partial<UpstreamRequest> = {}) {
  const pool = new FakePool()
  const facts = { method: 'GET', path: '/x', headers: ['a', 'b'], isIdempotent: true, ...request }
  const owner = new FakeOwner()
  const parts = { request: facts as UpstreamRequest, owner }
  return { pool, owner, of: new RequestSender(pool.asPool, parts), user: {} as ConnectionUser }
}

test('a request goes out as it was given, and asks for the protocol that the caller wants', () => {
  const { of, pool, user } = sender({ protocol: 'websocket' })
  of.send(user)
  assert.deepEqual(pool.exchanges[0]?.options, {
    path: '/x',
    method: 'GET',
    headers: ['a', 'b'],
    body: null,
    upgrade: 'websocket',
  })
})

test('the connection is told of the start, each progress, and the Keep-Alive of the answer at its end', () => {
  const { of } = sender()
  const { as, told } = connection(false)
  of.assigned(as)
  of.starts()
  of.answered(['timeout=5', 'max=9'])
  of.progressed()
  of.end()
  assert.deepEqual(told, ['starts', 'progressed', 'progressed', 'end timeout=5,max=9'])
})

test('a connection learns from an idle break even if its request cannot be sent again', () => {
  const { of, pool, user } = sender({ isIdempotent: false })
  const { as, told } = connection(true)
  of.assigned(as)
  assert.equal(of.resend(user), false)
  assert.deepEqual([told, pool.exchanges, of.isResent], [['learnFromBreak'], [], false])
})

test('a request that has no connection yet is not sent again', () => {
  const { of, pool, user } = sender()
  assert.equal(of.resend(user), false)
  assert.deepEqual(pool.exchanges, [])
})

test('a caller that leaves while the second connection comes about keeps its lease until then', async () => {
  const rig = new AttemptRig()
  rig.tool.start(connection(true).as).fail('UND_ERR_SOCKET')
  rig.attempt.callerLeft('cancel')
  assert.deepEqual(rig.ends, [], 'connecting cannot be aborted')
  rig.tool.start()
  await turns()
  assert.deepEqual([rig.tool.isAborted, rig.ends], [true, ['cancelled dropped 0']])
})
