/**
 * Addresses to listen on: `HOST:PORT`, `[::1]:PORT`, `:PORT` for all interfaces, a bare `PORT` for this machine only.
 * Also decides whether two addresses are the same. Pure. Must not know which listener an address is for.
 */
import type { Address } from './settings.ts'
import { invalid } from './problems.ts'
import type { Parsed } from './problems.ts'
import { show } from './show.ts'

const HIGHEST_PORT = 65_535
const PORT_ONLY = /^\d+$/
const HOST_AND_PORT = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]*)):(\d+)$/
const HOST_NAME = /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/
const IPV4_PARTS = /^[\d.]+$/
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/
const REMEDY = 'write HOST:PORT, for example 127.0.0.1:8080'

export function parseAddress(written: string | number): Parsed<Address> {
  const text = String(written)
  if (PORT_ONLY.test(text)) return withPort('127.0.0.1', text)
  if (/^[a-z]+:\/\//i.test(text)) return invalid('must be an address, not a URL', REMEDY)
  const parts = HOST_AND_PORT.exec(text)
  if (parts === null) return invalid(`must be an address with a port, not ${show(written)}`, remedyFor(text))
  const [, ipv6, name = '', port = ''] = parts
  if (ipv6 !== undefined) {
    const url = `http://[${ipv6}]/`
    if (!URL.canParse(url))
      return invalid(`${show(ipv6)} is no IPv6 address`, 'write for example "[::1]:8080"')
    return withPort(new URL(url).hostname.slice(1, -1), port)
  }
  const host = name.toLowerCase()
  if (host === '') return withPort('0.0.0.0', port)
  if (!isHostName(host)) return invalid(`${show(name)} is no host name or IPv4 address`, REMEDY)
  return withPort(host, port)
}

export function formatAddress({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** A DNS name or an IPv4 address, in lower case. */
export function isHostName(host: string): boolean {
  if (host.length > 253 || host.includes('..')) return false
  return IPV4_PARTS.test(host) ? isIpv4(host) : HOST_NAME.test(host)
}

/** Whether two listeners cannot have these addresses at the same time. Port 0 is a different port each time. */
export function isSameAddress(a: Address, b: Address): boolean {
  if (a.port !== b.port || a.port === 0) return false
  return isSameHost(a.host, b.host) || isCoveredBy(a.host, b.host) || isCoveredBy(b.host, a.host)
}

/** Whether a connection to `target` would arrive at `listen`. */
export function arrivesAt(target: Address, listen: Address): boolean {
  if (target.port !== listen.port) return false
  if (isSameHost(target.host, listen.host)) return true
  // A connection to the wildcard address reaches this machine.
  const isHere = LOOPBACK.test(target.host) || isWildcard(target.host)
  return isHere && (isWildcard(listen.host) || (isWildcard(target.host) && LOOPBACK.test(listen.host)))
}

function withPort(host: string, text: string): Parsed<Address> {
  const port = Number(text)
  if (port > HIGHEST_PORT)
    return invalid(`${show(text)} is no port`, `write a port from 0 to ${HIGHEST_PORT}`)
  return { ok: true, value: { host, port } }
}

function remedyFor(text: string): string {
  return text.split(':').length > 2 ? 'write an IPv6 address in brackets, for example "[::1]:8080"' : REMEDY
}

function isIpv4(host: string): boolean {
  const parts = host.split('.')
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)
}

function isSameHost(a: string, b: string): boolean {
  if (a === b) return true
  return [a, b].includes('localhost') && [a, b].some((host) => host === '127.0.0.1' || host === '::1')
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

/** Whether the address `by` means all interfaces and `host` is one of them. `::` takes IPv4 as well. */
function isCoveredBy(host: string, by: string): boolean {
  return by === '::' || (by === '0.0.0.0' && !host.includes(':'))
}
