import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Router } from '../../src/route/match.ts'
import type { Routed } from '../../src/route/match.ts'
import type { Target } from '../../src/route/target.ts'

type Match = Routed['match']

function tool(name: string, match: Match, stripPath = true): Routed {
  return { tool: name, match, stripPath }
}

function at(path: string, host = 'localhost', isAbsolute = false): Target {
  return { host, hostHeader: host, path, query: '', isAbsolute }
}

function found(tools: readonly Routed[], target: Target): string | undefined {
  const route = new Router(tools).find(target)
  return route && `${route.to.tool} ${route.path}`
}

const TOOLS = [
  tool('github', [{ path: '/github' }]),
  tool('search', [{ path: '/github/search' }]),
  tool('browser', [{ host: 'browser.internal' }, { path: '/browser' }]),
  tool('shots', [{ host: 'browser.internal', path: '/shots' }]),
  tool('kept', [{ path: '/kept' }], false),
]

const ROWS: readonly [target: Target, expected: string | undefined][] = [
  [at('/github'), 'github /'],
  [at('/github/'), 'github /'],
  [at('/github/repos/x'), 'github /repos/x'],
  [at('/github//x'), 'github //x'],
  [at('/githubx'), undefined],
  [at('/GitHub'), undefined],
  [at('/'), undefined],
  [at('//github'), undefined],
  [at('/%67ithub'), undefined],
  [at('/github/search'), 'search /'],
  [at('/github/search/code'), 'search /code'],
  [at('/github/searching'), 'github /searching'],
  [at('/browser/open'), 'browser /open'],
  [at('/open', 'browser.internal'), 'browser /open'],
  [at('/', 'browser.internal'), 'browser /'],
  [at('/shots/1', 'browser.internal'), 'shots /1'],
  [at('/shots/1'), undefined],
  [at('/github/x', 'browser.internal'), 'browser /github/x'],
  [at('/kept/x'), 'kept /kept/x'],
  [at('/github/x', 'api.github.com', true), undefined],
  [at('/x', 'browser.internal', true), 'browser /x'],
]

for (const [target, expected] of ROWS) {
  const form = target.isAbsolute ? 'as a proxy request for' : 'for'
  test(`a request ${form} ${target.host}${target.path} goes to ${expected ?? 'no tool'}`, () => {
    assert.equal(found(TOOLS, target), expected)
  })
}

test('a tool with the path / takes what nobody else wants, and keeps the path', () => {
  const tools = [...TOOLS, tool('rest', [{ path: '/' }])]
  assert.equal(found(tools, at('/x/y')), 'rest /x/y')
  assert.equal(found(tools, at('/github/y')), 'github /y')
})

test('a host whose only rule names another path falls back to the paths of any host', () => {
  const tools = [tool('shots', [{ host: 'a', path: '/shots' }]), tool('github', [{ path: '/github' }])]
  assert.equal(found(tools, at('/github/x', 'a')), 'github /x')
})

test('a router without tools finds nothing', () => {
  assert.equal(found([], at('/x')), undefined)
})

test('the paths for people who got lost are those of any host, as many as asked for', () => {
  const router = new Router(TOOLS)
  assert.deepEqual(router.paths(10), ['/github', '/github/search', '/browser', '/kept'])
  assert.deepEqual(router.paths(2), ['/github', '/github/search'])
})

/** The same rules by looking at every one: host and path, then host, then the longest path of whole segments. */
function naive(tools: readonly Routed[], { host, path, isAbsolute }: Target): string | undefined {
  const rules = tools.flatMap((to) => to.match.map((rule) => ({ tool: to.tool, ...rule })))
  const covers = (prefix: string) => prefix === '' || path === prefix || path.startsWith(`${prefix}/`)
  const rank = (rule: { host?: string; path?: string }) =>
    (rule.host === undefined ? 0 : 1000) + (rule.path?.length ?? 0)
  return rules
    .filter((rule) => (rule.host === undefined ? !isAbsolute : rule.host === host) && covers(rule.path ?? ''))
    .toSorted((a, b) => rank(b) - rank(a))[0]?.tool
}

test('a request takes the most specific match, whatever the order of the tools', () => {
  const segment = fc.constantFrom('a', 'b', 'ab')
  const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => `/${segments.join('/')}`)
  const host = fc.constantFrom('h1', 'h2')
  const rule = fc.oneof(fc.record({ host, path }), fc.record({ host }), fc.record({ path }))
  const rules = fc.uniqueArray(rule, {
    maxLength: 8,
    selector: (one) => JSON.stringify(Object.entries(one).sort()),
  })
  const target = fc.record({ path, host: fc.constantFrom('h1', 'h2', 'h3'), isAbsolute: fc.boolean() })
  fc.assert(
    fc.property(rules, target, (matches, { path: asked, host: name, isAbsolute }) => {
      const tools = matches.map((match, i) => tool(`t${i}`, [match]))
      const wanted = at(asked, name, isAbsolute)
      assert.equal(new Router(tools).find(wanted)?.to.tool, naive(tools, wanted))
    }),
    { numRuns: 2000 },
  )
})
