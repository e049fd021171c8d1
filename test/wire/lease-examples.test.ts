/**
 * The example workers, in other languages than ours, as a reader would start them.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { startSpillway } from '../support/process.ts'

const LANE =
  'tools: { box: { upstream: "http://127.0.0.1:9", maxConcurrent: 1, maxQueueDepth: 0, controller: { algorithm: fixed } } }'
const FOLDER = new URL('../../examples/leases/', import.meta.url).pathname

function start(command: string, args: readonly string[], admin: string) {
  const child = spawn(command, args, {
    env: { ...process.env, ADMIN: admin },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve))
  return { child, exited, output: () => output }
}

const WORKERS: readonly (readonly [
  name: string,
  command: string,
  args: (admin: string) => readonly string[],
])[] = [
  ['worker.py', 'python3', (admin) => [`${FOLDER}worker.py`, 'box', '1', admin]],
  ['with-lease.sh', 'sh', () => [`${FOLDER}with-lease.sh`, 'box', 'sleep', '1']],
]

for (const [name, command, args] of WORKERS) {
  test(`the example ${name} holds a slot while it works, and the next one is refused`, async () => {
    await using spillway = await startSpillway(LANE)
    const first = start(command, args(spillway.admin), spillway.admin)
    await eventually(async () => assert.equal((await spillway.lane('box')).active_workers, 1))
    const second = start(command, args(spillway.admin), spillway.admin)
    assert.equal(await second.exited, 3)
    assert.equal(await first.exited, 0)
    const { active_workers, totals } = await spillway.lane('box')
    assert.deepEqual([active_workers, totals.completed, totals.reclaimed], [0, 1, 0])
  })
}

test('the example worker.py that was stopped for too long learns that its slot is gone', async () => {
  await using spillway = await startSpillway(LANE)
  const worker = start('python3', [`${FOLDER}worker.py`, 'box', '60', spillway.admin], spillway.admin)
  await eventually(async () => assert.equal((await spillway.lane('box')).active_workers, 1))
  worker.child.kill('SIGSTOP')
  await eventually(async () => assert.equal((await spillway.lane('box')).totals.reclaimed, 1), 20_000)
  worker.child.kill('SIGCONT')
  assert.equal(await worker.exited, 4)
  assert.match(worker.output(), /lost/)
})
