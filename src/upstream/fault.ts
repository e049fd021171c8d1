/**
 * Classifies an error of the exchange with a tool as one of a closed set of causes. Only the error's code is passed on,
 * because its message may contain addresses, host names or parts of an answer. Pure.
 */
import type { Fault, FaultCause } from '../lane/reason.ts'

/** The name of the tool's host could not be turned into an address. */
export class NameUnresolved extends Error {
  override readonly name = 'NameUnresolved'
  readonly code: string

  constructor(code: string) {
    super('the name could not be resolved')
    this.code = code
  }
}

/** The tool sent more interim answers (1xx) than one call may have, or more bytes of them. */
export class TooManyInterim extends Error {
  override readonly name = 'TooManyInterim'
  readonly code = 'TOO_MANY_INTERIM'
}

/** An interim answer that is not well-formed. */
export class MalformedInterim extends Error {
  override readonly name = 'MalformedInterim'
  readonly code = 'MALFORMED_INTERIM'
}

/** Spillway itself aborted the request. */
export class Stopped extends Error {
  override readonly name = 'Stopped'
  readonly code = 'STOPPED'
}

/** The tool's answer cannot be passed on. */
export class Unsendable extends Error {
  override readonly name = 'Unsendable'
  readonly code = 'UNSENDABLE'
}

/** Codes of Node, libuv, c-ares, OpenSSL and undici. */
const CAUSES: Readonly<Record<string, FaultCause>> = {
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  EAI_NODATA: 'dns',
  EAI_NONAME: 'dns',
  ECONNREFUSED: 'refused',
  ETIMEDOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENETDOWN: 'unreachable',
  EACCES: 'unreachable',
  EPERM: 'unreachable',
  EPROTO: 'tls',
  ECONNRESET: 'reset',
  ECONNABORTED: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'closed',
  UND_ERR_HEADERS_OVERFLOW: 'too_large',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'malformed',
  MALFORMED_INTERIM: 'malformed',
  UNSENDABLE: 'malformed',
  BARREN_BYTES: 'too_large',
  TOO_MANY_INTERIM: 'interim',
  EMFILE: 'local',
  ENFILE: 'local',
  ENOBUFS: 'local',
  ENOMEM: 'local',
  EADDRNOTAVAIL: 'local',
}

/** X.509 verification, as OpenSSL's and Node's codes name it. */
const CERTIFICATE =
  /^(?:CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_(?:CA|PURPOSE)|PATH_LENGTH_|HOSTNAME_MISMATCH|ERR_TLS_CERT_|ERROR_IN_CERT_)/
const TLS = /^(?:ERR_SSL_|ERR_TLS_|ERR_OSSL_)/
/** undici's parser gives its errors no code (8.12.4 looks its own up in the wrong direction). */
const PARSER_ERROR = 'HTTP_PARSER_ERROR'
/** The form of a code that may be shown. */
const PLAIN_CODE = /^[A-Z][A-Z0-9_]{0,63}$/

export function faultOf(phase: Fault['phase'], error: Error): Fault {
  const code = codeOf(error)
  const cause = error instanceof NameUnresolved ? 'dns' : causeOf(code, error)
  return { phase, cause, code }
}

function causeOf(code: string | undefined, error: Error): FaultCause {
  if (code === undefined) return 'other'
  if (code.startsWith('HPE_') || code === PARSER_ERROR) return 'malformed'
  if (CERTIFICATE.test(code)) return 'certificate'
  if (TLS.test(code)) return 'tls'
  // undici uses this code for two events: the tool closed the connection, or it sent an answer without a request.
  if (code === 'UND_ERR_SOCKET' && /^bad /.test(error.message)) return 'malformed'
  return CAUSES[code] ?? 'other'
}

/** If several addresses were tried, the last failure counts. */
function codeOf(error: Error): string | undefined {
  const { code } = error as { code?: unknown }
  if (error.name === 'HTTPParserError' && code === undefined) return PARSER_ERROR
  if (typeof code === 'string' && PLAIN_CODE.test(code)) return code
  if (!(error instanceof AggregateError)) return undefined
  const last: unknown = error.errors.at(-1)
  return last instanceof Error ? codeOf(last) : undefined
}
