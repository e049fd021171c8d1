/**
 * The tool that takes a request, by its host and path.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Router } from '../../src/route/match.ts'
import type { Routable } from '../../src/route/match.ts'
import type { Target } from '../../src/route/target.ts'

type Match = Routable['match']

function tool(name: string, match: Match, stripPath = true): Routable {
  return { tool: name, match, stripPath }
}

function at(path: string, host = 'localhost', isAbsolute = false): Target {
  return { host, hostHeader: host, path, query: '', isAbsolute }
}

function found(tools: readonly Routable[], target: Target): string | undefined {
  const route = new Router(tools).find(target)
  if (route.kind === 'ambiguous') return 'BAD_REQUEST'
  if (route.kind === 'none') return undefined
  return `${route.to.tool} ${route.to.stripPath ? route.rest : target.path}`
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
  [at('//github'), 'github /'],
  [at('/%67ithub'), 'github /'],
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

const GUARDED = [
  tool('wide', [{ path: '/api' }]),
  tool('heavy', [{ path: '/api/heavy' }]),
  tool('loud', [{ path: '/Loud', ignoreCase: true }]),
  tool('projects', [{ path: '/projects' }]),
  tool('one', [{ path: '/lab/group%2Fname' }]),
  tool('six', [{ host: '[0:0::0001]' }]),
]

const SPELLINGS: readonly [path: string, expected: string | undefined][] = [
  ['/api/%68eavy/x', 'heavy /x'],
  ['/api/%68%65%61%76%79', 'heavy /'],
  ['/%61pi/x%2Dy', 'wide /x%2Dy'],
  ['/api//heavy', 'heavy /'],
  ['//api///heavy//x', 'heavy //x'],
  ['/api/heavy/', 'heavy /'],
  ['/api/heavy;v=1', 'heavy /;v=1'],
  ['/api;v=1/heavy;w/x;y', 'heavy /x;y'],
  ['/api/;x/heavy', 'heavy /'],
  ['/;/api/heavy', 'heavy /'],
  ['/api/heavy%2fx', 'BAD_REQUEST'],
  ['/api/heavy%5Cx', 'BAD_REQUEST'],
  ['/api%2Fheavy', 'BAD_REQUEST'],
  ['/api%2Fx', 'BAD_REQUEST'],
  ['/api/x;%2fheavy', 'wide /x;%2fheavy'],
  ['/api;%2fheavy', 'BAD_REQUEST'],
  ['/api/heavy%3bv=1', 'BAD_REQUEST'],
  ['/api/heavy%3Fv=1', 'BAD_REQUEST'],
  ['/api/heavy%20', 'BAD_REQUEST'],
  ['/api/heavy.', 'BAD_REQUEST'],
  ['/api/heavy.x', 'wide /heavy.x'],
  ['/api/heavy%zz', 'BAD_REQUEST'],
  ['/api/%heavy', 'BAD_REQUEST'],
  ['/api/heavy%', 'BAD_REQUEST'],
  ['/api/heavy%09', 'BAD_REQUEST'],
  ['/api/x/100%', 'wide /x/100%'],
  ['/projects/100%', 'projects /100%'],
  ['/api/%2568eavy', 'wide /%2568eavy'],
  ['/api/heavy%252fx', 'wide /heavy%252fx'],
  ['/api/My%20Document%3F.txt', 'wide /My%20Document%3F.txt'],
  ['/api/caf%c3%a9/%E9', 'wide /caf%c3%a9/%E9'],
  ['/api/HEAVY', 'wide /HEAVY'],
  ['/API/heavy', undefined],
  ['/LOUD/x', 'loud /x'],
  ['/l%4fud/X', 'loud /X'],
  ['/projects/group%2Fname/issues', 'projects /group%2Fname/issues'],
  ['/projects/a%2Fb%2Fc%5Cd%3Be', 'projects /a%2Fb%2Fc%5Cd%3Be'],
  ['/lab/group%2fname/x', 'one /x'],
  ['/lab/group/name/x', 'one /x'],
]

for (const [path, expected] of SPELLINGS) {
  test(`the spelling ${path} goes to ${expected ?? 'no tool'}`, () => {
    assert.equal(found(GUARDED, at(path)), expected)
  })
}

test('a path of 16 KiB of separators and marks is read in a few milliseconds', () => {
  const router = new Router([...GUARDED, tool('deep', [{ path: '/a/b/c/d/e/f' }])])
  for (const part of ['/;', '%2f%5c', ';%2f', '%20', '%zz', '/a']) {
    const path = `/${part.repeat(16_384 / part.length)}%2f%5c%3b%20`
    const startedMs = performance.now()
    for (let i = 0; i < 20; i++) router.find(at(path))
    // Measured: at most 1.7 ms each; splitting into lists took 11 ms.
    assert.ok(performance.now() - startedMs < 20 * 50, part)
  }
})

test('a tool with the path / takes the requests that no other rule matches, and keeps their path', () => {
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

test('the paths for an error message are those on any host, as many as asked for', () => {
  const router = new Router(TOOLS)
  assert.deepEqual(router.paths(10), ['/github', '/github/search', '/browser', '/kept'])
  assert.deepEqual(router.paths(2), ['/github', '/github/search'])
})

/** The same by a linear search: host and path, then the host alone, then the longest path of whole segments. */
function naive(tools: readonly Routable[], { host, path, isAbsolute }: Target): string | undefined {
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
      const route = new Router(tools).find(wanted)
      assert.equal(route.kind === 'found' ? route.to.tool : undefined, naive(tools, wanted))
    }),
    { numRuns: 2000 },
  )
})
