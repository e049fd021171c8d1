/**
 * `spillway check`: what it prints and its exit codes.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { check } from '../../src/cli/check.ts'

function run(config: string, flags: { readonly listen?: string } = {}) {
  const out: string[] = []
  const err: string[] = []
  const code = check({ config, flags }, { out: (line) => out.push(line), err: (line) => err.push(line) })
  return { code, out, err }
}

test('check accepts the tools.yaml of the repository and says how to start', () => {
  const file = new URL('../../tools.yaml', import.meta.url).pathname
  assert.deepEqual(run(file), {
    code: 0,
    out: [`${file}: ok, 3 tools: github, browser, embeddings`, `start it: spillway run -c ${file}`],
    err: [],
  })
})

test('check prints each problem on its own line, counts them and exits with 3', () => {
  const { code, out, err } = run('/nowhere/tools.yaml', { listen: 'x' })
  assert.deepEqual([code, out], [3, []])
  assert.deepEqual(err, [
    '/nowhere/tools.yaml: there is no such file; write it, name another with -c FILE, or use --upstream URL without a file',
    '--listen: must be an address with a port, not "x"; write HOST:PORT, for example 127.0.0.1:8080',
    '/nowhere/tools.yaml: 2 problems; Spillway would not start',
  ])
})
