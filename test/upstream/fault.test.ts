/**
 * Each error that an exchange with a tool can end with has one cause, and only codes of a plain form are passed on: a message
 * may contain addresses, host names or secrets.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errors } from 'undici'
import type { FaultCause } from '../../src/lane/reason.ts'
import { NameUnresolved, TooManyInterim, faultOf } from '../../src/upstream/fault.ts'

const coded = (code: unknown): Error => Object.assign(new Error('connect to 10.0.0.7:443'), { code })

const CAUSES: readonly [error: Error, cause: FaultCause, code: string | undefined][] = [
  [coded('ENOTFOUND'), 'dns', 'ENOTFOUND'],
  [coded('EAI_AGAIN'), 'dns', 'EAI_AGAIN'],
  // Whoever refused here was the name server.
  [new NameUnresolved('ECONNREFUSED'), 'dns', 'ECONNREFUSED'],
  [new NameUnresolved('ETIMEOUT'), 'dns', 'ETIMEOUT'],
  [coded('ECONNREFUSED'), 'refused', 'ECONNREFUSED'],
  [new errors.ConnectTimeoutError(), 'timeout', 'UND_ERR_CONNECT_TIMEOUT'],
  [coded('ETIMEDOUT'), 'timeout', 'ETIMEDOUT'],
  [coded('EHOSTUNREACH'), 'unreachable', 'EHOSTUNREACH'],
  [coded('ENETUNREACH'), 'unreachable', 'ENETUNREACH'],
  [coded('CERT_HAS_EXPIRED'), 'certificate', 'CERT_HAS_EXPIRED'],
  [coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'certificate', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  [coded('SELF_SIGNED_CERT_IN_CHAIN'), 'certificate', 'SELF_SIGNED_CERT_IN_CHAIN'],
  [coded('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'certificate', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  [coded('ERR_TLS_CERT_ALTNAME_INVALID'), 'certificate', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  [coded('ERR_SSL_WRONG_VERSION_NUMBER'), 'tls', 'ERR_SSL_WRONG_VERSION_NUMBER'],
  [coded('EPROTO'), 'tls', 'EPROTO'],
  [coded('ECONNRESET'), 'reset', 'ECONNRESET'],
  [coded('EPIPE'), 'reset', 'EPIPE'],
  [new errors.SocketError('other side closed'), 'closed', 'UND_ERR_SOCKET'],
  [new errors.SocketError('bad upgrade'), 'malformed', 'UND_ERR_SOCKET'],
  [coded('HPE_INVALID_CONSTANT'), 'malformed', 'HPE_INVALID_CONSTANT'],
  [new errors.HTTPParserError('Expected HTTP/'), 'malformed', 'HTTP_PARSER_ERROR'],
  [new errors.HeadersOverflowError(), 'too_large', 'UND_ERR_HEADERS_OVERFLOW'],
  [new TooManyInterim(), 'interim', 'TOO_MANY_INTERIM'],
  [coded('EMFILE'), 'local', 'EMFILE'],
  [coded('EADDRNOTAVAIL'), 'local', 'EADDRNOTAVAIL'],
  [new AggregateError([coded('ENETUNREACH'), coded('ECONNREFUSED')]), 'refused', 'ECONNREFUSED'],
  [coded('SOMETHING_NEW'), 'other', 'SOMETHING_NEW'],
  [new Error('no code'), 'other', undefined],
  // What is no plain code is not shown: it may be anything.
  [coded('Bearer sk-123'), 'other', undefined],
  [coded(7), 'other', undefined],
]

for (const [error, cause, code] of CAUSES) {
  test(`${error.name} ${String((error as { code?: unknown }).code)} (${error.message}) is ${cause}`, () => {
    assert.deepEqual(faultOf('connect', error), { phase: 'connect', cause, code })
  })
}
