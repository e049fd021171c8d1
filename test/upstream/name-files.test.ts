/**
 * How resolv.conf and the hosts file are read, in the forms that Kubernetes, systemd and people write, and in which order
 * the names of the search list are tried.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { candidates, findInHosts, parseResolvConf } from '../../src/upstream/name-files.ts'

test('resolv.conf as Kubernetes, systemd and people write it', () => {
  assert.deepEqual(
    parseResolvConf('search a.svc.cluster.local svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n'),
    { servers: ['10.96.0.10'], search: ['a.svc.cluster.local', 'svc.cluster.local'], ndots: 5 },
  )
  const odd = `# a comment
nameserver 127.0.0.53 ; another
nameserver fe80::1%eth0
nameserver [::1]:5353
nameserver ::1
nameserver not-an-address
nameserver 9.9.9.9
domain first.test
search  .last.test.   more.test
options edns0 trust-ad ndots:99 ndots:x
`
  assert.deepEqual(parseResolvConf(odd), {
    servers: ['127.0.0.53', '[::1]:5353', '::1'],
    search: ['last.test', 'more.test'],
    ndots: 15,
  })
  assert.deepEqual(parseResolvConf(''), { servers: [], search: [], ndots: 1 })
})

test('the search list is applied as ndots says', () => {
  const kubernetes = { servers: [], search: ['ns.svc.test', 'svc.test'], ndots: 5 }
  assert.deepEqual(candidates('tool', kubernetes), ['tool.ns.svc.test', 'tool.svc.test', 'tool'])
  assert.deepEqual(candidates('tool.other', kubernetes), [
    'tool.other.ns.svc.test',
    'tool.other.svc.test',
    'tool.other',
  ])
  assert.deepEqual(candidates('a.b.c.d.e.test', kubernetes)[0], 'a.b.c.d.e.test')
  assert.deepEqual(candidates('api.test.', kubernetes), ['api.test'])
  assert.deepEqual(candidates('api.test', { servers: [], search: ['x'], ndots: 1 }), [
    'api.test',
    'api.test.x',
  ])
})

test('the hosts file: every line of a name, in any case; localhost is this host anyhow', () => {
  const hosts = '127.0.0.1 localhost # this\n10.0.0.7\tTool.Test tool\n::7 tool.test\nnonsense tool.test\n'
  assert.deepEqual(findInHosts(hosts, 'tool.TEST'), [
    { address: '10.0.0.7', family: 4 },
    { address: '::7', family: 6 },
  ])
  assert.deepEqual(findInHosts(hosts, 'localhost'), [{ address: '127.0.0.1', family: 4 }])
  assert.deepEqual(
    findInHosts('', 'a.localhost').map(({ address }) => address),
    ['127.0.0.1', '::1'],
  )
  assert.deepEqual(findInHosts(hosts, 'this'), [])
  assert.deepEqual(findInHosts(hosts, 'test'), [])
})
