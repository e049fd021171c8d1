/**
 * Reads resolv.conf and the hosts file, by the rules of resolv.conf(5) and hosts(5). c-ares applies neither the search list
 * nor the hosts file in its own queries. Pure: takes the text of the files.
 */
import { isIP } from 'node:net'

export interface Address {
  readonly address: string
  readonly family: 4 | 6
}

export interface ResolvConf {
  /** In the form that dns.setServers takes; empty for c-ares' own default. */
  readonly servers: readonly string[]
  readonly search: readonly string[]
  /** A name with at least this many dots is tried as it is, before the search list. */
  readonly ndots: number
}

/** glibc's bounds; further servers are ignored. */
const MAX_SERVERS = 3
const MAX_NDOTS = 15
/** glibc allowed 6 and has no bound today. Each entry costs a query for every name that is not found. */
const MAX_SEARCH = 16

export function parseResolvConf(text: string): ResolvConf {
  const servers: string[] = []
  let search: readonly string[] = []
  let ndots = 1
  for (const line of text.split('\n')) {
    const [key = '', ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/)
    const [first] = values
    if (first === undefined) continue
    if (key === 'nameserver' && isServer(first)) servers.push(first)
    // The last of these lines counts.
    else if (key === 'search' || key === 'domain') search = key === 'domain' ? [first] : values
    else if (key === 'options') ndots = ndotsOf(values) ?? ndots
  }
  const suffixes = search.map((each) => each.replace(/^\.+|\.+$/g, '')).filter((each) => each !== '')
  return { servers: servers.slice(0, MAX_SERVERS), search: suffixes.slice(0, MAX_SEARCH), ndots }
}

/** Accepts OpenBSD's form `[address]:port` as well. A scope (`fe80::1%eth0`) is ignored, because dns.setServers refuses it. */
function isServer(text: string): boolean {
  const [, inner, port] = /^\[(.+)\](?::(\d{1,5}))?$/.exec(text) ?? []
  return isIP(inner ?? text) !== 0 && !text.includes('%') && Number(port ?? 53) < 65_536
}

function ndotsOf(options: readonly string[]): number | undefined {
  const option = options.findLast((each) => /^ndots:\d+$/.test(each))
  return option === undefined ? undefined : Math.min(MAX_NDOTS, Number(option.slice('ndots:'.length)))
}

/** The names to query, one after the other. */
export function candidates(name: string, { search, ndots }: ResolvConf): readonly string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)]
  const dots = name.split('.').length - 1
  const searched = search.map((suffix) => `${name}.${suffix}`)
  return dots >= ndots ? [name, ...searched] : [...searched, name]
}

/** The addresses of a name in the hosts file. `localhost` and names below it always mean this host (RFC 6761, 6.3). */
export function findInHosts(text: string, name: string): readonly Address[] {
  const wanted = name.toLowerCase().replace(/\.$/, '')
  const found: Address[] = []
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*$/, '').trim().split(/\s+/)
    if (!names.some((each) => each.toLowerCase() === wanted)) continue
    const family = isIP(address)
    if (family === 4 || family === 6) found.push({ address, family })
  }
  if (found.length > 0 || !/(?:^|\.)localhost$/.test(wanted)) return found
  return [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ]
}
