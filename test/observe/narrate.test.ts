/**
 * Narrator on a virtual clock: the log lines that each event of a lane causes, and the sampling of refusals to one
 * line a second.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lane } from '../../src/lane/lane.ts'
import type { Reason } from '../../src/lane/reason.ts'
import { textLog } from '../../src/observe/log.ts'
import { Narrator, statusFields } from '../../src/observe/narrate.ts'
import { laneSettings } from '../support/lane-settings.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const STATUS = {
  tool: 'github',
  queue_depth: '119/120',
  active_workers: '8/8',
  p95_ms: 4820,
  error_rate: '0.03',
}
const SEED_STATUS = 'tool=github queue_depth=119/120 active_workers=8/8 p95_ms=4820 error_rate=0.03'

function open() {
  const clock = new VirtualClock()
  const lines: string[] = []
  const log = textLog({ write: (line: string) => lines.push(line.replace(/^time=\S+ |\n$/g, '')) }, Date.now)
  const narrator = new Narrator({
    log,
    clock,
    status: (tool) => (tool === 'gone' ? undefined : { ...STATUS, tool }),
  })
  const reject = (reason: Reason = 'QUEUE_SATURATED', tool = 'github', retryAfterMs = 15_000): void =>
    narrator.tell(tool, { kind: 'replied', reason, priority: 'normal', retryAfterMs, depths: undefined })
  return { clock, lines, narrator, reject, take: () => lines.splice(0) }
}

test('a refusal is logged in the two lines of the seed document', () => {
  const { reject, take, narrator } = open()
  reject()
  assert.deepEqual(take(), [
    SEED_STATUS,
    'level=warn tool=github admission=reject reason=QUEUE_SATURATED retry_after_ms=15000',
  ])
  narrator.close()
})

test('the status line of a real lane is the line of the seed document', () => {
  const lane = new Lane(laneSettings({ maxQueueDepth: 120 }), 0, () => undefined)
  for (let i = 0; i < 100; i++) {
    const admission = lane.admit({ spread: 0 }, 0)
    const end = i < 3 ? ({ cause: 'failed', verdict: 'dropped' } as const) : undefined
    if (admission.kind === 'granted') {
      lane.settle(admission.lease, end ?? { cause: 'completed', verdict: 'ok', latencyMs: 4820.4 }, 0)
    }
  }
  for (let i = 0; i < 127; i++) lane.admit({ spread: 0 }, 0)
  const lines: string[] = []
  textLog({ write: (line: string) => lines.push(line) }, Date.now)('info', statusFields(lane, 0))
  assert.match(lines[0] ?? '', new RegExp(`^time=\\S+ ${SEED_STATUS}\\n$`))
})

test('a move of the limit is logged after the state that caused it', () => {
  const { narrator, take } = open()
  const figures = { calls: 20, errorRate: 0.034, p95Ms: 4820.4 }
  const decision = { limit: 6, action: 'decrease_concurrency', reason: 'latency_high', figures } as const
  narrator.tell('github', {
    kind: 'decided',
    algorithm: 'aimd',
    decision,
    from: 8,
    depths: { queueDepth: 119, active: 8, limit: 6 },
  })
  const [status, move = '', ...rest] = take()
  assert.equal(status, SEED_STATUS)
  assert.ok(move.startsWith('tool=github controller_action=decrease_concurrency new_limit=6 '), move)
  assert.match(move, / old_limit=8 reason=latency_high calls=20 p95_ms=4820\.4 error_rate=0\.03$/)
  assert.deepEqual(rest, [])
})

test('a decision to hold is not logged', () => {
  const { narrator, take } = open()
  const decision = {
    limit: 8,
    action: 'hold',
    reason: 'in_band',
    figures: { calls: 20, errorRate: 0 },
  } as const
  narrator.tell('github', {
    kind: 'decided',
    algorithm: 'aimd',
    decision,
    from: 8,
    depths: { queueDepth: 0, active: 0, limit: 8 },
  })
  assert.deepEqual(take(), [])
})

test('refusals of one tool and reason are logged once a second, with the number left out', () => {
  const { clock, reject, take, narrator } = open()
  reject()
  take()
  for (let i = 1; i <= 40; i++) reject('QUEUE_SATURATED', 'github', 15_000 + i)
  assert.deepEqual(take(), [])
  clock.advance(999)
  assert.deepEqual(take(), [])
  clock.advance(1)
  assert.deepEqual(take(), [
    SEED_STATUS,
    'level=warn tool=github admission=reject reason=QUEUE_SATURATED retry_after_ms=15040 left_out=40',
  ])
  reject()
  clock.advance(1000)
  assert.match(take()[1] ?? '', / left_out=1$/)
  narrator.close()
})

test('the first refusal after a quiet second is logged at once, and without refusals no timer is set', () => {
  const { clock, reject, take } = open()
  reject()
  clock.advance(1000)
  assert.equal(clock.timers, 0)
  take()
  reject()
  assert.equal(take().length, 2)
  clock.advance(1000)
  assert.equal(clock.timers, 0)
})

test('refusals are sampled separately for each tool and reason', () => {
  const { reject, take, narrator } = open()
  reject()
  reject('LANE_PAUSED')
  reject('QUEUE_SATURATED', 'browser')
  const told = take().filter((line) => line.includes('admission=reject'))
  assert.deepEqual(
    told.map((line) => / tool=(\S+) .* reason=(\S+)/.exec(line)?.slice(1).join(' ')),
    ['github QUEUE_SATURATED', 'github LANE_PAUSED', 'browser QUEUE_SATURATED'],
  )
  narrator.close()
})

test('closing the narrator logs the refusals left out and clears the timer', () => {
  const { clock, reject, take, narrator } = open()
  for (let i = 0; i < 5; i++) reject()
  take()
  narrator.close()
  assert.deepEqual(take(), [
    'level=warn tool=github admission=reject reason=QUEUE_SATURATED retry_after_ms=15000 left_out=4',
  ])
  assert.equal(clock.timers, 0)
  clock.advance(5000)
  narrator.close()
  assert.deepEqual(take(), [])
})

test('a closed narrator sets no timer for later events', () => {
  const { clock, reject, narrator } = open()
  narrator.close()
  reject()
  assert.equal(clock.timers, 0)
})

test('a refusal of a tool that is no longer configured is logged without a status line', () => {
  const { reject, take, narrator } = open()
  reject('DRAINING', 'gone')
  assert.deepEqual(take(), ['level=warn tool=gone admission=reject reason=DRAINING retry_after_ms=15000'])
  narrator.close()
})

test("an operator's order, a reclaimed lease and a lease that ended twice are always logged", () => {
  const { narrator, take } = open()
  for (let i = 0; i < 2; i++) {
    narrator.tell('github', { kind: 'operated', paused: true, pinned: false })
    narrator.tell('github', { kind: 'ended', cause: 'reclaimed', verdict: 'dropped', heldMs: 120_000.4 })
    narrator.tell('github', { kind: 'ended_twice' })
    const [operated, reclaimed, twice, ...rest] = take()
    assert.equal(operated, 'tool=github operator=valve paused=true pinned=false')
    assert.equal(reclaimed, 'level=warn tool=github lease=reclaimed cause=silent held_ms=120000')
    assert.match(twice ?? '', /^level=error tool=github lease=ended_twice /)
    assert.deepEqual(rest, [])
  }
})

test('the beginning and the end of shedding are logged in the line of the seed document', () => {
  const { narrator, take } = open()
  narrator.tell('github', { kind: 'shedding', isOn: true })
  narrator.tell('github', { kind: 'shedding', isOn: false })
  assert.deepEqual(take(), ['tool=github shed_low_priority=true', 'tool=github shed_low_priority=false'])
})

test('calls that are admitted, answered and ended are not logged', () => {
  const { narrator, take } = open()
  narrator.tell('github', { kind: 'admitted', queued: true })
  narrator.tell('github', { kind: 'started', waitedMs: 5, priority: 'normal' })
  narrator.tell('github', { kind: 'answered', status: 500, firstByteMs: 1 })
  narrator.tell('github', { kind: 'ended', cause: 'completed', verdict: 'ok', heldMs: 1 })
  narrator.tell('github', { kind: 'finished', outcome: 'completed', durationMs: 1 })
  narrator.tell('github', { kind: 'left', waitedMs: 5 })
  assert.deepEqual(take(), [])
})
