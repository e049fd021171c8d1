/**
 * The lookup in a table of routes, with a table of its own: which row answers a method and a path, and what is listed.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findRoute, listOf } from '../../src/listen/routes.ts'
import type { AdminRoute } from '../../src/listen/routes.ts'
import { isUp } from '../../src/reply/admin.ts'

function row(method: AdminRoute['method'], path: string): AdminRoute {
  return { method, path, about: `about ${path}`, answer: isUp }
}

const ROUTES = [row('GET', '/'), row('GET', '/lanes'), row('GET', '/lanes/TOOL'), row('PATCH', '/lanes/TOOL')]

/** The name of the row that answers, the methods that the path takes, or undefined. */
function found(method: string, path: string): unknown {
  const result = findRoute(ROUTES, method, path)
  if (result.kind === 'route') return [ROUTES.indexOf(result.route), result.name]
  return result.kind === 'wrong_method' ? result.methods : undefined
}

const FOUND: readonly (readonly [method: string, path: string, expected: unknown])[] = [
  ['GET', '/', [0, '']],
  ['GET', '/lanes', [1, '']],
  ['HEAD', '/lanes', [1, '']],
  ['GET', '/lanes/github', [2, 'github']],
  ['PATCH', '/lanes/a%2Fb', [3, 'a/b']],
  ['PATCH', '/lanes/%zz', [3, '%zz']],
  ['POST', '/lanes', ['GET']],
  ['DELETE', '/lanes/t', ['GET', 'PATCH']],
  ['get', '/lanes', ['GET']],
  ['GET', '/lanes/', undefined],
  ['GET', '/lanes/t/u', undefined],
  ['GET', '//', undefined],
  ['GET', '', undefined],
  ['GET', '*', undefined],
  ['GET', '/LANES', undefined],
]

for (const [method, path, expected] of FOUND) {
  test(`${method} ${path || '(no path)'} finds ${expected === undefined ? 'no path' : JSON.stringify(expected)}`, () =>
    assert.deepEqual(found(method, path), expected))
}

test('the list has a line for each row', () => {
  assert.equal(
    listOf(ROUTES).body,
    [
      'spillway admin',
      'GET    /            about /',
      'GET    /lanes       about /lanes',
      'GET    /lanes/TOOL  about /lanes/TOOL',
      'PATCH  /lanes/TOOL  about /lanes/TOOL',
      '',
    ].join('\n'),
  )
})
