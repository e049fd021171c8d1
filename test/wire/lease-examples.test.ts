/**
 * The example workers of examples/leases, in Python and shell, started as a reader would start them, against a real
 * process.
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
  ['worker.py', 'python3', (admin) => [`${FOLDER}worker.py`, 'box', '0.3', admin]],
  ['with-lease.sh', 'sh', () => [`${FOLDER}with-lease.sh`, 'box', 'sleep', '0.3']],
]

for (const [name, command, args] of WORKERS) {
  test(`the example ${name} holds a slot while it works, and is refused while there is none`, async () => {
    await using spillway = await startSpillway(LANE)
    const taken = await fetch(`${spillway.admin}/lanes/box/leases`, { method: 'POST' })
    const { lease_id: id } = (await taken.json()) as { lease_id: string }
    assert.equal(await start(command, args(spillway.admin), spillway.admin).exited, 3)
    await fetch(`${spillway.admin}/leases/${id}`, { method: 'DELETE' })
    assert.equal(await start(command, args(spillway.admin), spillway.admin).exited, 0)
    const { active_workers, totals } = await spillway.lane('box')
    assert.deepEqual([active_workers, totals.completed, totals.reclaimed], [0, 2, 0])
  })
}

test('the example worker.py, stopped for longer than its lease, reports that its slot is lost', async () => {
  await using spillway = await startSpillway(LANE)
  const worker = start('python3', [`${FOLDER}worker.py`, 'box', '60', spillway.admin], spillway.admin)
  await eventually(async () => assert.equal((await spillway.lane('box')).active_workers, 1))
  worker.child.kill('SIGSTOP')
  await eventually(async () => assert.equal((await spillway.lane('box')).totals.reclaimed, 1), 20_000)
  worker.child.kill('SIGCONT')
  assert.equal(await worker.exited, 4)
  assert.match(worker.output(), /lost/)
})
