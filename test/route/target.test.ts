/**
 * The target of a request: which are accepted, and which are a problem.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseTarget } from '../../src/route/target.ts'

interface Good {
  readonly url: string
  readonly hosts?: readonly string[]
  readonly host: string
  readonly hostHeader?: string
  readonly path: string
  readonly query?: string
  readonly isAbsolute?: boolean
}

const GOOD: readonly Good[] = [
  { url: '/', host: 'tools.internal', path: '/' },
  { url: '/github/repos?per_page=5', host: 'tools.internal', path: '/github/repos', query: '?per_page=5' },
  { url: '/a?b?c', host: 'tools.internal', path: '/a', query: '?b?c' },
  { url: '/a?', host: 'tools.internal', path: '/a', query: '?' },
  { url: '/a//b/', host: 'tools.internal', path: '/a//b/' },
  { url: '//other.host/x', host: 'tools.internal', path: '//other.host/x' },
  { url: '/a%20b%2Fc', host: 'tools.internal', path: '/a%20b%2Fc' },
  { url: '/a.b/..c/...', host: 'tools.internal', path: '/a.b/..c/...' },
  { url: '/a?x=../..', host: 'tools.internal', path: '/a', query: '?x=../..' },
  {
    url: '/a',
    hosts: ['Tools.Internal:8080'],
    host: 'tools.internal',
    hostHeader: 'Tools.Internal:8080',
    path: '/a',
  },
  {
    url: '/a',
    hosts: ['tools.internal.'],
    host: 'tools.internal',
    hostHeader: 'tools.internal.',
    path: '/a',
  },
  { url: '/a', hosts: ['[::1]:80'], host: '[::1]', hostHeader: '[::1]:80', path: '/a' },
  { url: '/a', hosts: ['a..:80'], host: 'a', hostHeader: 'a..:80', path: '/a' },
  { url: '/a', hosts: ['[0:0::0001]:80'], host: '[::1]', hostHeader: '[0:0::0001]:80', path: '/a' },
  {
    url: '/a',
    hosts: ['[::FFFF:127.0.0.1]'],
    host: '[::ffff:7f00:1]',
    hostHeader: '[::FFFF:127.0.0.1]',
    path: '/a',
  },
  { url: '/a', hosts: ['127.1'], host: '127.0.0.1', hostHeader: '127.1', path: '/a' },
  { url: '/a', hosts: ['0x7F.0.0.1.'], host: '127.0.0.1', hostHeader: '0x7F.0.0.1.', path: '/a' },
  { url: '/a', hosts: ['127.0.0.1:8080'], host: '127.0.0.1', hostHeader: '127.0.0.1:8080', path: '/a' },
  { url: '/a', hosts: ['1.2.3.4.5'], host: '1.2.3.4.5', hostHeader: '1.2.3.4.5', path: '/a' },
  { url: '/a', hosts: ['[::1]'], host: '[::1]', hostHeader: '[::1]', path: '/a' },
  { url: '/a', hosts: [''], host: '', hostHeader: '', path: '/a' },
  {
    url: 'http://API.github.com/x?y',
    host: 'api.github.com',
    hostHeader: 'API.github.com',
    path: '/x',
    query: '?y',
    isAbsolute: true,
  },
  {
    url: 'HTTPS://api.github.com:443',
    host: 'api.github.com',
    hostHeader: 'api.github.com:443',
    path: '/',
    isAbsolute: true,
  },
  {
    url: 'http://api.github.com?y',
    host: 'api.github.com',
    hostHeader: 'api.github.com',
    path: '/',
    query: '?y',
    isAbsolute: true,
  },
]

for (const { url, hosts = ['tools.internal'], ...expected } of GOOD) {
  test(`a request for ${url} at ${JSON.stringify(hosts)} is for ${expected.host} ${expected.path}`, () => {
    const target = { hostHeader: 'tools.internal', query: '', isAbsolute: false, ...expected }
    assert.deepEqual(parseTarget(url, hosts, 1), { kind: 'target', target })
  })
}

const BAD: readonly [url: string, hosts: readonly string[], what: RegExp][] = [
  ['', ['a'], /neither a path nor a URL/],
  ['*', ['a'], /neither a path nor a URL/],
  ['github/x', ['a'], /neither a path nor a URL/],
  ['api.github.com:443', ['a'], /neither a path nor a URL/],
  ['ftp://a/x', ['a'], /neither a path nor a URL/],
  ['http:///x', ['a'], /names no host/],
  ['http://user@host/x', ['a'], /not a host name/],
  ['http://a b/x', ['a'], /not a host name/],
  ['/x', ['a', 'b'], /more than one Host/],
  ['/x', ['a', 'a'], /more than one Host/],
  ['http://a/x', ['a', 'b'], /more than one Host/],
  ['/x', [], /no Host/],
  ['/x', ['a/b'], /not a host name/],
  ['/x', ['a@b'], /not a host name/],
  ['/x', ['a,b'], /not a host name/],
  ['/x', ['a:b'], /not a host name/],
  ['/x', ['::1'], /not a host name/],
  ['/x', ['.'], /not a host name/],
  ['/x', ['[1:2]'], /not a host name/],
  ['/x%00', ['a'], /no character/],
  ['/x/%c0%ae%c0%ae/y', ['a'], /no character/],
  ['/x/%u002e', ['a'], /no character/],
  ['/a/..%3bx/b', ['a'], /segment/],
  ['/a/..%20/b', ['a'], /segment/],
  ['/a/%2E%2e%3Fx', ['a'], /segment/],
  ['/a/..%01/b', ['a'], /segment/],
  ['/x#y', ['a'], /percent-encoded/],
  ['/x\\..\\y', ['a'], /percent-encoded/],
  ['/x y', ['a'], /percent-encoded/],
  ['/x\u0000', ['a'], /percent-encoded/],
  ['/x?a\tb', ['a'], /percent-encoded/],
  ['/..', ['a'], /segment/],
  ['/.', ['a'], /segment/],
  ['/a/../b', ['a'], /segment/],
  ['/a/./b', ['a'], /segment/],
  ['/a/%2e%2E/b', ['a'], /segment/],
  ['/a/.%2e', ['a'], /segment/],
  ['/a/..%2fb', ['a'], /segment/],
  ['/a%5C..%5cb', ['a'], /segment/],
  ['http://a/b/..', ['a'], /segment/],
]

for (const [url, hosts, what] of BAD) {
  test(`a request for ${JSON.stringify(url)} at ${JSON.stringify(hosts)} is a problem`, () => {
    const parsed = parseTarget(url, hosts, 1)
    assert.ok(parsed.kind === 'problem')
    assert.match(parsed.what, what)
  })
}

test('an HTTP/1.0 request may have no Host', () => {
  const parsed = parseTarget('/x', [], 0)
  assert.ok(parsed.kind === 'target')
  assert.deepEqual([parsed.target.host, parsed.target.hostHeader], ['', ''])
})

/** The path for a tool that decodes once and resolves dot segments. */
function normalized(path: string): string {
  const decoded = path.replace(/%2e/gi, '.').replace(/%2f|%5c/gi, '/')
  return new URL(decoded.replace(/^\/+/, '/'), 'http://tool').pathname
}

test('no accepted path leaves the base path, even after the tool has decoded it', () => {
  const parts = fc.constantFrom('/', '.', '..', 'a', '%2e', '%2E', '%2f', '%5C', '\\', '%', '2e')
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 8 }), (pieces) => {
      const parsed = parseTarget(`/${pieces.join('')}`, ['a'], 1)
      if (parsed.kind === 'problem') return
      assert.ok(normalized(`/base/${parsed.target.path}`).startsWith('/base/'))
    }),
    { numRuns: 2000 },
  )
})

test('an accepted path and query are byte for byte what the caller wrote', () => {
  fc.assert(
    fc.property(fc.webPath(), fc.webQueryParameters(), (path, query) => {
      const url = `/${path.replace(/^\/+/, '')}?${query}`
      const parsed = parseTarget(url, ['a'], 1)
      if (parsed.kind === 'target') assert.equal(parsed.target.path + parsed.target.query, url)
    }),
  )
})
