/**
 * The event stream of operators on a virtual clock: which events are sent, how often, to how many watchers, and how a
 * watcher that does not read is cut off. The responses are fakes.
 */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import type { ToolEvent } from '../../src/observe/events.ts'
import { MAX_WATCHERS, Watchers } from '../../src/observe/watch.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** Records the writes; without a reader they stay in its buffer. */
class Response extends EventEmitter {
  writableLength = 0
  status = 0
  text = ''
  isDestroyed = false
  isEnded = false
  readonly isRead: boolean

  constructor(isRead = true) {
    super()
    this.isRead = isRead
  }

  writeHead(status: number): this {
    this.status = status
    return this
  }

  write(text: string): void {
    this.text += text
    if (!this.isRead) this.writableLength += text.length
  }

  end(): void {
    this.isEnded = true
    this.emit('close')
  }

  destroy(): void {
    this.isDestroyed = true
    this.emit('close')
  }

  /** Names and data of the events since the last call. */
  take(): [name: string, data: unknown][] {
    const events = [...this.text.matchAll(/event: (.*)\ndata: (.*)\n\n/g)]
    this.text = ''
    return events.map(([, name = '', data = '']) => [name, JSON.parse(data)])
  }
}

const asResponse = (response: Response): ServerResponse => response as unknown as ServerResponse

/** Watchers of two lanes, with one watcher that reads. */
function open() {
  const clock = new VirtualClock()
  const errors: unknown[] = []
  const shown = { lanes: (): object[] => [{ tool: 'github' }, { tool: 'browser' }] }
  const watchers = new Watchers({ clock, onError: (error) => errors.push(error), lanes: () => shown.lanes() })
  const response = new Response()
  watchers.add(asResponse(response))
  return { clock, errors, shown, watchers, response, tell: watchers.tell }
}

const LANES = ['lanes', [{ tool: 'github' }, { tool: 'browser' }]]
const DEPTHS = { queueDepth: 0, active: 0, limit: 6 }

test('a watcher sees every lane at once, and then once a second', () => {
  const { clock, watchers, response } = open()
  assert.equal(response.status, 200)
  assert.deepEqual(response.take(), [LANES])
  clock.advance(999)
  assert.deepEqual(response.take(), [])
  clock.advance(1)
  assert.deepEqual(response.take(), [LANES])
  clock.advance(3000)
  assert.deepEqual(response.take(), [LANES, LANES, LANES])
  watchers.close()
})

const TOLD: readonly (readonly [event: ToolEvent, name: string, data: object])[] = [
  [
    {
      kind: 'decided',
      algorithm: 'aimd',
      decision: {
        limit: 6,
        action: 'decrease_concurrency',
        reason: 'latency_high',
        figures: { calls: 9, p95Ms: 4800.1234, errorRate: 0 },
      },
      from: 8,
      depths: DEPTHS,
    },
    'decided',
    {
      tool: 'github',
      action: 'decrease_concurrency',
      reason: 'latency_high',
      limit: 6,
      calls: 9,
      p95_ms: 4800.123,
      error_rate: 0,
      from: 8,
    },
  ],
  [
    { kind: 'operated', paused: true, pinned: false },
    'operated',
    { tool: 'github', paused: true, pinned: false },
  ],
  [{ kind: 'shedding', isOn: true }, 'shedding', { tool: 'github', shed_low_priority: true }],
  [
    { kind: 'throttled', isOn: true, forMs: 1999.6 },
    'throttled',
    { tool: 'github', throttled: true, for_ms: 2000 },
  ],
  [{ kind: 'reconnected' }, 'reconnected', { tool: 'github' }],
  [
    { kind: 'tool_failed', fault: { phase: 'head', cause: 'reset', code: undefined }, atMs: 0 },
    'tool_failed',
    { tool: 'github', phase: 'head', cause: 'reset', code: null },
  ],
  [
    { kind: 'internal_error', requestId: 'id-1', error: 'TypeError', message: 'no', stack: '' },
    'internal_error',
    { tool: 'github', error: 'TypeError', request_id: 'id-1' },
  ],
  [
    { kind: 'ended', cause: 'reclaimed', verdict: 'dropped', heldMs: 120_000.4 },
    'reclaimed',
    { tool: 'github', held_ms: 120_000 },
  ],
]

for (const [event, name, data] of TOLD) {
  test(`the event ${event.kind} is sent as ${name}`, () => {
    const { watchers, response, tell } = open()
    response.take()
    tell('github', event)
    assert.deepEqual(response.take(), [[name, data]])
    watchers.close()
  })
}

const UNTOLD: readonly ToolEvent[] = [
  { kind: 'admitted', queued: true },
  { kind: 'started', waitedMs: 1, priority: 'normal' },
  { kind: 'ended', cause: 'completed', verdict: 'ok', heldMs: 1 },
  { kind: 'left', waitedMs: 1 },
  { kind: 'ended_twice' },
  { kind: 'replied', reason: 'DRAINING', priority: 'normal', retryAfterMs: 1, depths: undefined },
  { kind: 'answered', status: 200, firstByteMs: 1 },
  { kind: 'finished', outcome: 'completed', durationMs: 1 },
  { kind: 'retried', result: 'succeeded' },
  { kind: 'mcp', method: 'tools/call' },
  { kind: 'fleet_reported', isOk: true, tookMs: 1 },
  { kind: 'fleet_overshoot', calls: 1 },
  {
    kind: 'fleet_mode',
    mode: 'up',
    onStoreLoss: 'open',
    cause: undefined,
    opensInMs: undefined,
    isFirst: true,
  },
]

test('events of single requests are not sent', () => {
  const { watchers, response, tell } = open()
  response.take()
  for (const event of UNTOLD) tell('github', event)
  assert.deepEqual(response.take(), [])
  watchers.close()
})

test('failures of one tool by one cause are sent once a second, and those by another cause or tool at once', () => {
  const { watchers, response, tell } = open()
  response.take()
  const fail = (tool: string, cause: 'reset' | 'refused', atMs: number): void =>
    tell(tool, { kind: 'tool_failed', fault: { phase: 'head', cause, code: undefined }, atMs })
  for (let atMs = 0; atMs < 2000; atMs += 100) fail('github', 'reset', atMs)
  assert.equal(response.take().length, 2)
  fail('github', 'refused', 1950)
  fail('browser', 'reset', 1950)
  assert.equal(response.take().length, 2)
  watchers.close()
})

test('without a watcher no lane is read and no timer is set', () => {
  const { clock, shown, watchers, response, tell } = open()
  response.destroy()
  assert.equal(clock.timers, 0)
  shown.lanes = () => assert.fail('the lanes were read without a watcher')
  tell('github', { kind: 'reconnected' })
  clock.advance(5000)
  watchers.close()
})

test('an error in showing the lanes is reported and ends the streams, and a later watcher gets a stream', () => {
  const { clock, errors, shown, watchers, response } = open()
  const { lanes } = shown
  shown.lanes = () => {
    throw new Error('broken')
  }
  clock.advance(1000)
  assert.equal(errors.length, 1)
  assert.ok(response.isEnded)
  assert.equal(clock.timers, 0)
  shown.lanes = lanes
  const late = new Response()
  watchers.add(asResponse(late))
  clock.advance(1000)
  assert.deepEqual(late.take(), [LANES, LANES])
  watchers.close()
})

test('closing ends every stream and leaves no timer', () => {
  const { clock, watchers, response } = open()
  watchers.close()
  watchers.close()
  assert.ok(response.isEnded)
  assert.equal(clock.timers, 0)
})

test('a watcher that does not read is cut off within a bound, and the others go on', () => {
  const { clock, shown, watchers, response: reader } = open()
  shown.lanes = () => [{ tool: 'x'.repeat(100_000) }]
  const sleeper = new Response(false)
  watchers.add(asResponse(sleeper))
  clock.advance(60_000)
  assert.deepEqual([reader.isDestroyed, sleeper.isDestroyed], [false, true])
  assert.ok(
    sleeper.writableLength < 1_300_000,
    `${sleeper.writableLength} bytes were kept for a watcher that does not read`,
  )
  watchers.close()
})

test('a watcher above the bound gets 503, and one that leaves makes room', () => {
  const { watchers, response: first } = open()
  const others = Array.from({ length: MAX_WATCHERS }, () => new Response())
  for (const each of others) watchers.add(asResponse(each))
  assert.equal(others.at(-1)?.status, 503)
  assert.ok(others.at(-1)?.isEnded)
  assert.equal(others.at(-2)?.status, 200)
  first.destroy()
  const late = new Response()
  watchers.add(asResponse(late))
  assert.equal(late.status, 200)
  watchers.close()
})
