/**
 * The `fleet` section: its settings, what is refused, and that no message repeats a password.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planReload } from '../../src/config/reload.ts'
import { problemsIn, settingsIn } from './reading.ts'

const TOOLS = 'tools: { a: { upstream: http://x } }\n'
const SECRET = 'hunter2'

test('a fleet needs a store and has defaults for its other keys; without a fleet there is no setting', () => {
  assert.deepEqual(settingsIn(`fleet: { store: "redis://127.0.0.1:6379" }\n${TOOLS}`).fleet, {
    store: 'redis://127.0.0.1:6379',
    name: 'default',
    leaseTtlMs: 10_000,
    onStoreLoss: 'local-share',
  })
  assert.equal(settingsIn(TOOLS).fleet, undefined)
})

for (const url of [
  'redis://:pass%40word@host:6379/3',
  'rediss://user:secret@valkey.internal:6380',
  'postgres://user:p%3Aw@db.internal:5432/spillway?sslmode=verify-full',
  'postgresql://db.internal/spillway',
  'memory:',
]) {
  test(`${url} is accepted as a store`, () => {
    assert.equal(settingsIn(`fleet: { store: "${url}" }\n${TOOLS}`).fleet?.store, url)
  })
}

for (const url of [
  '',
  'redis.internal:6379',
  `mysql://root:${SECRET}@host/db`,
  `redis://:${SECRET}@/0`,
  `redis://:${SECRET}#1@host`,
  `redis://:${SECRET} 1@host`,
  `redis://:${SECRET}@host/name`,
  `redis://:${SECRET}@host?ssl=true`,
  `postgres://u:${SECRET}@host/db?sslmode=prefer`,
  `postgres://u:${SECRET}/x@host/db`,
]) {
  test(`${url === '' ? 'an empty URL' : url} is refused as a store, and its password is not repeated`, () => {
    const problems = problemsIn(`fleet: { store: "${url}" }\n${TOOLS}`)
    assert.equal(problems.length, 1, problems.join('\n'))
    assert.match(problems[0] ?? '', /1:17 fleet\.store: .+; .+/)
    assert.ok(!problems.join('').includes(SECRET), problems.join(''))
  })
}

test('the name, the lease time and the policy of a fleet are checked', () => {
  const problems = problemsIn(
    `fleet: { store: "memory:", name: "a b", leaseTtlSeconds: 0.5, onStoreLoss: panic, ttl: 1 }\n${TOOLS}`,
  )
  assert.deepEqual(
    problems.map((problem) => /fleet\.\w+/.exec(problem)?.[0]),
    ['fleet.name', 'fleet.leaseTtlSeconds', 'fleet.onStoreLoss', 'fleet.ttl'],
  )
})

test('for an unknown key of a fleet, the nearest key or the known keys are named', () => {
  const known = (key: string): string[] =>
    problemsIn(`fleet: { store: "memory:", ${key}: 1 }\n${TOOLS}`).map((problem) => problem.slice(16))
  assert.deepEqual(known('leaseTTL'), ['fleet.leaseTTL: unknown key; did you mean leaseTtlSeconds?'])
  assert.deepEqual(known('cluster'), [
    'fleet.cluster: unknown key; remove it, or write one of store, name, leaseTtlSeconds, onStoreLoss',
  ])
})

test('another fleet needs a restart', () => {
  const running = settingsIn(TOOLS)
  const wanted = settingsIn(`fleet: { store: "memory:" }\n${TOOLS}`)
  assert.deepEqual(planReload(running, wanted).needsRestart, ['fleet'])
  assert.deepEqual(planReload(wanted, wanted).needsRestart, [])
})
