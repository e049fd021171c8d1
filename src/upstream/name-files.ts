/**
 * What resolv.conf and the hosts file say, as resolv.conf(5) and hosts(5) have it. Pure: text in. c-ares' own queries apply
 * neither the search list nor the hosts file, so both are read here.
 */
import { isIP } from 'node:net'

export interface Address {
  readonly address: string
  readonly family: 4 | 6
}

export interface ResolvConf {
  /** In the form of dns.setServers; empty: the library's own default. */
  readonly servers: readonly string[]
  readonly search: readonly string[]
  /** A name with so many dots is asked for as it is first. */
  readonly ndots: number
}

/** glibc's bounds: more is not looked at. */
const MAX_SERVERS = 3
const MAX_NDOTS = 15
/** glibc had 6 once, and has no bound today; each costs a query for every name that is not found. */
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
    // The last of them counts.
    else if (key === 'search' || key === 'domain') search = key === 'domain' ? [first] : values
    else if (key === 'options') ndots = ndotsOf(values) ?? ndots
  }
  const suffixes = search.map((each) => each.replace(/^\.+|\.+$/g, '')).filter((each) => each !== '')
  return { servers: servers.slice(0, MAX_SERVERS), search: suffixes.slice(0, MAX_SEARCH), ndots }
}

/** Also `[address]:port`, as OpenBSD has it. A scope (`fe80::1%eth0`) is what dns.setServers does not take. */
function isServer(text: string): boolean {
  const [, inner, port] = /^\[(.+)\](?::(\d{1,5}))?$/.exec(text) ?? []
  return isIP(inner ?? text) !== 0 && !text.includes('%') && Number(port ?? 53) < 65_536
}

function ndotsOf(options: readonly string[]): number | undefined {
  const said = options.findLast((each) => /^ndots:\d+$/.test(each))
  return said === undefined ? undefined : Math.min(MAX_NDOTS, Number(said.slice('ndots:'.length)))
}

/** The names to ask for, one after the other. */
export function candidates(name: string, { search, ndots }: ResolvConf): readonly string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)]
  const dots = name.split('.').length - 1
  const searched = search.map((suffix) => `${name}.${suffix}`)
  return dots >= ndots ? [name, ...searched] : [...searched, name]
}

/** What the hosts file has for a name; `localhost` and what ends so is this host in any case (RFC 6761, 6.3). */
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
