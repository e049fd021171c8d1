/**
 * The plan of a reload: what is added, removed and changed. test/config/keys.test.ts tries each key.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planReload } from '../../src/config/reload.ts'
import { settingsIn } from './reading.ts'

const RUNNING = settingsIn(`tools:
  kept: { upstream: http://x }
  gone: { upstream: http://x }
  changed: { upstream: http://x, retryAfter: { minSeconds: 2 }, controller: { algorithm: aimd } }
  controlled: { upstream: http://x }
`)

test('a reload of the same file plans nothing', () => {
  assert.deepEqual(planReload(RUNNING, RUNNING), {
    added: [],
    removed: [],
    changed: [],
    unchanged: ['kept', 'gone', 'changed', 'controlled'],
    needsRestart: [],
    takesEffect: [],
    settings: RUNNING,
  })
})

test('a reload plan names the tools that are added, removed and changed, and the changed keys as an operator writes them', () => {
  const wanted = settingsIn(`listen: 1
admin: 127.0.0.1:9090
drainSeconds: 1
tools:
  new: { upstream: http://x }
  kept: { upstream: http://x/, ttlSeconds: 60 }
  changed: { upstream: http://x/v2, maxConcurrent: 3, controller: { decreaseBy: 1, windowSeconds: 3 }, priority: { max: high } }
  controlled: { upstream: http://x, keepHost: true, controller: { algorithm: fixed } }
`)
  const plan = planReload(RUNNING, wanted)
  assert.deepEqual(
    plan.added.map(({ tool }) => tool),
    ['new'],
  )
  assert.deepEqual(plan.removed, ['gone'])
  assert.deepEqual(plan.unchanged, ['kept'])
  assert.deepEqual(
    plan.changed.map(({ tool, keys }) => [tool, keys]),
    [
      [
        'changed',
        [
          'upstream',
          'maxConcurrent',
          'startConcurrent',
          'controller.decreaseBy',
          'controller.windowSeconds',
          'priority.max',
          'retryAfter.minSeconds',
        ],
      ],
      ['controlled', ['keepHost', 'controller.algorithm']],
    ],
  )
  assert.equal(plan.changed[0]?.next, wanted.tools[2])
  assert.deepEqual([plan.needsRestart, plan.takesEffect], [['listen'], ['drainSeconds']])
  assert.deepEqual(plan.settings, { ...wanted, listen: RUNNING.listen })
})
