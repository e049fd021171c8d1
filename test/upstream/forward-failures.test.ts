/**
 * One attempt whose exchange with the tool fails, or whose lease is reclaimed: what the owner and the caller get, and how
 * the lease is settled.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AttemptRig } from './attempt-rig.ts'
import type { RigFacts } from './attempt-rig.ts'

interface Break {
  readonly name: string
  readonly facts?: RigFacts
  readonly act: (rig: AttemptRig) => void
  readonly end: string
  readonly result: string
  readonly isCut?: boolean
  readonly mayHaveRun?: boolean
}

/** Every way in which the exchange ends early, and what the lane, the owner and the caller see of it. */
const BREAKS: readonly Break[] = [
  {
    name: 'a refused connection says that the tool cannot be reached',
    act: ({ tool }) => tool.fail('ECONNREFUSED'),
    end: 'failed dropped',
    result: 'failed UPSTREAM_UNREACHABLE connect refused',
    mayHaveRun: false,
  },
  {
    name: 'a lack of files on this host is not blamed on the tool',
    act: ({ tool }) => tool.fail('EMFILE'),
    end: 'failed ignored',
    result: 'failed PROXY_OVERLOADED connect local',
    mayHaveRun: false,
  },
  {
    name: 'a request that undici cannot send is the fault of the caller',
    act: ({ tool }) => tool.fail('UND_ERR_INVALID_ARG'),
    end: 'failed ignored',
    result: 'failed BAD_REQUEST',
    mayHaveRun: false,
  },
  {
    name: 'a connection that breaks before the head fails the call',
    act: ({ tool }) => tool.start().fail('ECONNRESET'),
    end: 'failed dropped',
    result: 'failed UPSTREAM_FAILED head reset',
    mayHaveRun: true,
  },
  {
    name: 'a connection that breaks in the body cuts the caller',
    act: ({ tool }) => tool.head(200).data('a').fail('ECONNRESET'),
    end: 'failed dropped',
    result: 'passed broken body reset',
    isCut: true,
  },
  {
    name: 'a connection that breaks in the body of a held answer fails the call without a cut',
    facts: { heldStatuses: [503] },
    act: ({ tool }) => tool.head(503).data('a').fail('ECONNRESET'),
    end: 'failed dropped',
    result: 'failed UPSTREAM_FAILED body reset',
    mayHaveRun: true,
  },
  {
    name: 'an answer in a transfer coding that was not asked for fails the call',
    act: ({ tool }) => void tool.head(200, ['Transfer-Encoding', 'gzip, chunked']),
    end: 'failed dropped',
    result: 'failed UPSTREAM_FAILED head malformed',
    mayHaveRun: true,
  },
  {
    name: 'a lease that is reclaimed before the connection expires the call',
    act: ({ lease }) => lease.reclaim(),
    end: 'failed ignored',
    result: 'failed LEASE_EXPIRED',
    mayHaveRun: false,
  },
  {
    name: 'a lease that is reclaimed before the head expires the call',
    act: ({ tool, lease }) => {
      tool.start()
      lease.reclaim()
      assert.equal(tool.isAborted, true)
    },
    end: 'failed ignored',
    result: 'failed LEASE_EXPIRED',
    mayHaveRun: true,
  },
  {
    name: 'a lease that is reclaimed in the body cuts the caller',
    act: ({ tool, lease }) => {
      tool.head(200).data('a')
      lease.reclaim()
      assert.equal(tool.isAborted, true)
    },
    end: 'failed ignored',
    result: 'passed broken',
    isCut: true,
  },
]

for (const { name, facts, act, end, result, isCut = false, mayHaveRun } of BREAKS) {
  test(`${name}; its lease is settled once as ${end}`, () => {
    const rig = new AttemptRig(facts)
    act(rig)
    assert.deepEqual([rig.ends, rig.results, rig.caller.isCut], [[end], [result], isCut])
    const [told] = rig.owner.results
    if (told?.kind === 'failed')
      assert.deepEqual([told.mayHaveRun, told.queuedMs, rig.caller.heads], [mayHaveRun, 12.5, []])
    // Later reports change nothing.
    rig.lease.reclaim()
    rig.attempt.callerLeft('cancel')
    rig.attempt.giveBack()
    rig.tool.fail('ECONNRESET')
    assert.deepEqual([rig.lease.ends.length, rig.owner.results.length], [1, 1])
  })
}

test('a connection that comes about after the lease was reclaimed is aborted at once', () => {
  const rig = new AttemptRig()
  rig.lease.reclaim()
  rig.tool.start()
  assert.deepEqual([rig.tool.isAborted, rig.ends], [true, ['failed ignored']])
})
