/**
 * The URL of a tool and the entries of `match`: how each is read, and what each wrong one is told.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problemsIn, toolIn } from './reading.ts'

const UPSTREAMS: readonly (readonly [string, string, string, string])[] = [
  ['https://api.github.com', 'https://api.github.com', 'api.github.com', ''],
  ['https://api.github.com/', 'https://api.github.com', 'api.github.com', ''],
  ['HTTP://Tool.Example:80/v1/', 'http://tool.example', 'tool.example', '/v1'],
  ['http://127.0.0.1:3000/a/b', 'http://127.0.0.1:3000', '127.0.0.1:3000', '/a/b'],
  ['http://[::1]:3000', 'http://[::1]:3000', '[::1]:3000', ''],
]

for (const [written, origin, host, basePath] of UPSTREAMS) {
  test(`the upstream ${written} is cut into origin, host and base path`, () => {
    const { upstream } = toolIn(`tools: { a: { upstream: "${written}" } }`, 'a')
    assert.deepEqual(upstream, { origin, host, basePath })
  })
}

const EXAMPLE = 'write for example https://api.github.com'
const BAD_UPSTREAMS: readonly (readonly [string, string])[] = [
  ['api.github.com', 'must be a URL with http:// or https://; write https://api.github.com'],
  ['localhost:3000/v1', 'must be a URL with http:// or https://; write http://localhost:3000/v1'],
  ['me:secret@tool', `must be a URL with http:// or https://; ${EXAMPLE}`],
  ['', `is empty; ${EXAMPLE}`],
  ['http://', `is not a URL; ${EXAMPLE}`],
  ['http://a b', `holds a space, a backslash or a control character; ${EXAMPLE}`],
  ['redis://tool', 'has the scheme redis, which Spillway does not speak; write http:// or https://'],
  ['http://tool:0', 'has the port 0, which nothing answers on; write the port of the tool'],
  ['http://tool?key=secret', 'holds a query; write the URL up to the ?'],
  ['http://tool#part', 'holds a fragment; write the URL up to the #'],
  [
    'https://me:secret@tool',
    'holds a user name or password; write the URL without it; the caller sends its own Authorization',
  ],
  [
    'https://@tool',
    'holds a user name or password; write the URL without it; the caller sends its own Authorization',
  ],
]

for (const [written, problem] of BAD_UPSTREAMS) {
  test(`the upstream "${written}" is refused without repeating a secret`, () => {
    const problems = problemsIn(`tools: { a: { upstream: "${written}" } }`)
    assert.deepEqual(problems, [`tools.yaml:1:25 tools.a.upstream: ${problem}`])
    assert.doesNotMatch(problems.join(), /secret/)
  })
}

test('a tool without match takes the path of its name', () => {
  assert.deepEqual(toolIn('tools: { a.b: { upstream: "http://x" } }', 'a.b').match, [{ path: '/a.b' }])
})

test('match has one canonical form: host in lower case, path without a slash at its end', () => {
  const text = `tools:
  a:
    upstream: http://x
    match:
      - { host: Browser.Tools.Internal. }
      - { path: /a/b%20c/ }
      - { path: / }
      - { host: "[0:0::0001]", path: /x }
      - { path: /%61b%2fc/~%7e%c3%a9, ignoreCase: true }
      - { host: "a..", path: /y, ignoreCase: false }
`
  assert.deepEqual(toolIn(text, 'a').match, [
    { host: 'browser.tools.internal' },
    { path: '/a/b%20c' },
    { path: '/' },
    { host: '[::1]', path: '/x' },
    { path: '/ab%2Fc/~~%C3%A9', ignoreCase: true },
    { host: 'a', path: '/y' },
  ])
})

const BAD_RULES: readonly (readonly [string, string])[] = [
  ['{}', '4:13 tools.a.match[0]: matches nothing; write host, path or both, for example { path: /browser }'],
  [
    '/a',
    '4:13 tools.a.match[0]: must be a map with host, path or both, not "/a"; write for example { path: /browser }',
  ],
  ['{ path: a }', '4:21 tools.a.match[0].path: must start with /, not "a"; write for example /github'],
  [
    '{ path: "/a?b" }',
    '4:21 tools.a.match[0].path: holds a ? or a #; write the path alone; a query takes no part in matching',
  ],
  [
    '{ path: "/a#b" }',
    '4:21 tools.a.match[0].path: holds a ? or a #; write the path alone; a query takes no part in matching',
  ],
  [
    '{ path: "/a b" }',
    '4:21 tools.a.match[0].path: holds a character that no path has; write it percent-encoded',
  ],
  [
    '{ path: /a/../b }',
    '4:21 tools.a.match[0].path: holds a . or .. segment; write the path that it stands for',
  ],
  [
    '{ path: /a/%2E./b }',
    '4:21 tools.a.match[0].path: holds a . or .. segment; write the path that it stands for',
  ],
  [
    '{ path: /a%2f..%5cb }',
    '4:21 tools.a.match[0].path: holds a . or .. segment; write the path that it stands for',
  ],
  [
    '{ path: /a;v=1 }',
    '4:21 tools.a.match[0].path: holds a semicolon; write the path up to it; parameters take no part in matching',
  ],
  [
    '{ path: /a%3Bv }',
    '4:21 tools.a.match[0].path: holds a semicolon; write the path up to it; parameters take no part in matching',
  ],
  ['{ path: /a%zz }', '4:21 tools.a.match[0].path: holds a % that starts no escape; write %25 for a %'],
  ['{ path: /a%00 }', '4:21 tools.a.match[0].path: holds a control character; write the path without it'],
  [
    '{ path: /a. }',
    '4:21 tools.a.match[0].path: holds a %3F or %23, or a space or dot at the end of a segment, which some servers leave out; write the path of a tool without them',
  ],
  [
    '{ host: a, ignoreCase: true }',
    '4:13 tools.a.match[0]: has ignoreCase and no path; remove it; hosts have no letter case',
  ],
  ['{ path: /. }', '4:21 tools.a.match[0].path: holds a . or .. segment; write the path that it stands for'],
  ['{ path: /a//b }', '4:21 tools.a.match[0].path: holds an empty segment; write one / between two segments'],
  ['{ path: // }', '4:21 tools.a.match[0].path: holds an empty segment; write one / between two segments'],
  [
    '{ host: "a.b:80" }',
    '4:21 tools.a.match[0].host: must be a host name without a port; write it without the port',
  ],
  [
    '{ host: "http://a" }',
    '4:21 tools.a.match[0].host: must be a host name, not a URL; write for example browser.tools.internal',
  ],
  [
    '{ host: "*.a" }',
    '4:21 tools.a.match[0].host: must be a host name, not "*.a"; write for example browser.tools.internal',
  ],
  [
    '{ host: 5 }',
    '4:21 tools.a.match[0].host: must be a host name, not 5; write for example browser.tools.internal',
  ],
]

for (const [rule, problem] of BAD_RULES) {
  test(`the match entry ${rule} is refused`, () => {
    assert.deepEqual(problemsIn(`tools:\n  a:\n    upstream: http://x\n    match: [${rule}]\n`), [
      `tools.yaml:${problem}`,
    ])
  })
}
