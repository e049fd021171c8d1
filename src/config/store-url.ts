/**
 * Checks the URL of the fleet's store without asking the store, and the name of the fleet. Pure. A message never
 * repeats the URL, because it holds a password.
 */
import { invalid } from './problems.ts'
import type { Parsed } from './problems.ts'

export const STORE_EXAMPLE = 'redis://127.0.0.1:6379'

const LONGEST = 2048
const SCHEMES = new Set(['redis:', 'rediss:', 'postgres:', 'postgresql:'])
const UNSAFE_CHARACTER = /[\\\s\p{Cc}]/u
const REDIS_DATABASE = /^\/?\d{0,4}$/
/** The modes of the driver but `prefer`, which goes on without TLS and does not say so. */
const SSL_MODES = ['disable', 'require', 'verify-full']
const EXAMPLE = `write for example ${STORE_EXAMPLE} or postgres://user:password@host:5432/database?sslmode=verify-full`

const FLEET_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/

/** The name is part of keys and channels in the store. */
export function parseFleetName(text: string): Parsed<string> {
  if (FLEET_NAME.test(text)) return { ok: true, value: text }
  return invalid(
    'must be 1 to 63 letters, digits, _ . or -, the first a letter or digit',
    'write for example production',
  )
}

export function parseStoreUrl(text: string): Parsed<string> {
  if (text === '') return invalid('is empty', EXAMPLE)
  // For trying a fleet of one sidecar without a server.
  if (text === 'memory:') return { ok: true, value: text }
  if (text.length > LONGEST) return invalid(`is longer than ${LONGEST} characters`, EXAMPLE)
  if (UNSAFE_CHARACTER.test(text)) {
    return invalid('holds a space, a backslash or a control character', 'percent-encode it in the password')
  }
  if (!URL.canParse(text))
    return invalid('is not a URL', `${EXAMPLE}; percent-encode / : @ ? # in the password`)
  const url = new URL(text)
  if (!SCHEMES.has(url.protocol)) {
    return invalid('names no store that Spillway knows', 'write redis://, rediss:// (TLS) or postgres://')
  }
  if (url.hostname === '') return invalid('names no host', EXAMPLE)
  if (url.hash !== '') return invalid('holds a fragment', 'write %23 for a # in the password')
  return url.protocol.startsWith('redis') ? redisProblem(url, text) : postgresProblem(url, text)
}

function redisProblem(url: URL, text: string): Parsed<string> {
  if (!REDIS_DATABASE.test(url.pathname))
    return invalid('has a path that is no database', 'write /0 or nothing')
  if (url.search !== '') return invalid('holds a query', 'write rediss:// for TLS, and the rest without ?')
  return { ok: true, value: text }
}

function postgresProblem(url: URL, text: string): Parsed<string> {
  const mode = url.searchParams.get('sslmode')
  if (mode !== null && !SSL_MODES.includes(mode))
    return invalid('has an sslmode that Spillway does not take', `write one of ${SSL_MODES.join(', ')}`)
  return { ok: true, value: text }
}
