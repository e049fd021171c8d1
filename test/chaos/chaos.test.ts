/**
 * A short chaos run with a new seed each time. `npm run chaos -- --seed SEED` repeats the run of a failure.
 */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { runChaos } from './run.ts'

const SECONDS = 8

test('callers, tools and operators that misbehave at random break no promise', async (t) => {
  const seed = randomInt(1_000_000)
  t.diagnostic(`seed ${seed}`)
  const { violations, counts, log } = await runChaos({ seed, seconds: SECONDS, withStore: false })
  const report = [`seed ${seed}`, ...violations, 'the log ends with', ...log].join('\n')
  assert.deepEqual(violations, [], report)
  // A run without traffic would pass without testing anything.
  assert.ok((counts.get('steady') ?? 0) > 20 && (counts.get('answer 200') ?? 0) > 20, report)
})
