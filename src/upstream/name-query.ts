/**
 * One lookup of a name's addresses: in the hosts file, then by c-ares at the name servers of resolv.conf, along its search
 * list. c-ares waits on sockets of its own and so takes none of libuv's four threads. Names that no server knows (mDNS,
 * LDAP) go to getaddrinfo last, one at a time for the whole process. Caches nothing.
 */
import { Resolver, lookup as systemLookup } from 'node:dns'
import type { RecordWithTtl } from 'node:dns'
import { readFileSync } from 'node:fs'
import type { Clock, Timer } from '../time/clock.ts'
import { NameUnresolved } from './fault.ts'
import { candidates, findInHosts, parseResolvConf } from './name-files.ts'
import type { Address, ResolvConf } from './name-files.ts'

/** Milliseconds to wait for the second address family once the first has answered (RFC 8305, 3: the resolution delay). */
const OTHER_FAMILY_MS = 50
/** Tries for each server, so that one lost packet does not fail the lookup. */
const TRIES = 2
/** Milliseconds: the least that c-ares accepts for one try. */
const SHORTEST_TRY_MS = 250
/** Seconds: the TTL of addresses that come without one, from the hosts file or from getaddrinfo. */
const DEFAULT_TTL_S = 5

export interface Found {
  readonly addresses: readonly Address[]
  readonly ttlSeconds: number
}

export interface NamePaths {
  readonly resolvConf: string
  readonly hosts: string
}

/** `SPILLWAY_RESOLV_CONF` names another file in place of /etc/resolv.conf. */
export function systemPaths(): NamePaths {
  const isWindows = process.platform === 'win32'
  const hosts = isWindows ? 'C:\\Windows\\System32\\drivers\\etc\\hosts' : '/etc/hosts'
  return { resolvConf: process.env['SPILLWAY_RESOLV_CONF'] ?? '/etc/resolv.conf', hosts }
}

type DnsAnswer =
  | ({ readonly kind: 'found' } & Found)
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly code: string }

/** Codes for a name that does not exist or has no addresses. */
const NONE = new Set(['ENOTFOUND', 'ENODATA'])
/** Codes for no answer from any name server: the further names of the search list would get none either. */
const UNANSWERED = new Set(['ETIMEOUT', 'ECONNREFUSED', 'ECANCELLED'])
/** A call of getaddrinfo is running; only one may, because each takes one of libuv's threads. */
let isGetaddrinfoRunning = false

/** Looks a name up in the system's own sources. Errors: NameUnresolved. */
export type AskSystem = (name: string) => Promise<Found>

export interface QueryParts {
  readonly paths: NamePaths
  readonly clock: Clock
  readonly limitMs: number
  readonly askSystem?: AskSystem | undefined
}

/** Errors: NameUnresolved, at the latest after `limitMs`. */
export async function findAddresses(
  name: string,
  { paths, clock, limitMs, askSystem = askGetaddrinfo }: QueryParts,
): Promise<Found> {
  const fromHosts = findInHosts(readOrNothing(paths.hosts), name)
  if (fromHosts.length > 0) return { addresses: ipv4First(fromHosts), ttlSeconds: DEFAULT_TTL_S }
  const conf = parseResolvConf(readOrNothing(paths.resolvConf))
  const tryMs = Math.floor(limitMs / (TRIES * Math.max(1, conf.servers.length)))
  const resolver = new Resolver({ timeout: Math.max(SHORTEST_TRY_MS, tryMs), tries: TRIES })
  if (conf.servers.length > 0) resolver.setServers(conf.servers)
  let timer: Timer | undefined
  const ranOut = new Promise<never>((_resolve, reject) => {
    timer = clock.after(limitMs, () => {
      resolver.cancel()
      reject(new NameUnresolved('ETIMEOUT'))
    })
  })
  try {
    return await Promise.race([alongSearchList(name, conf, { resolver, clock, askSystem }), ranOut])
  } finally {
    timer?.clear()
  }
}

/** The means of one lookup. */
interface Lookup {
  readonly askSystem: AskSystem
  readonly resolver: Resolver
  readonly clock: Clock
}

async function alongSearchList(name: string, conf: ResolvConf, lookup: Lookup): Promise<Found> {
  let failure: string | undefined
  for (const candidate of candidates(name, conf)) {
    const answer = await askBoth(candidate, lookup)
    if (answer.kind === 'found') return answer
    if (answer.kind === 'none') continue
    failure ??= answer.code
    if (UNANSWERED.has(answer.code)) break
  }
  // If no name server listens, the system may have other sources.
  if (failure !== undefined && failure !== 'ECONNREFUSED') throw new NameUnresolved(failure)
  return lookup.askSystem(name).catch((error: unknown) => {
    throw failure === undefined ? error : new NameUnresolved(failure)
  })
}

/** Queries both address families at once. Some name servers never answer for one of them, so the first waits briefly for it. */
async function askBoth(name: string, { resolver, clock }: Lookup): Promise<DnsAnswer> {
  const answers: DnsAnswer[] = []
  const both = ([4, 6] as const).map((family) =>
    ask(resolver, name, family).then((answer) => void answers.push(answer)),
  )
  await Promise.race(both)
  const all = Promise.all(both)
  if (answers[0]?.kind === 'found') {
    let timer: Timer | undefined
    await Promise.race([all, new Promise<void>((resolve) => (timer = clock.after(OTHER_FAMILY_MS, resolve)))])
    timer?.clear()
  } else await all
  return joined(answers)
}

function joined(answers: readonly DnsAnswer[]): DnsAnswer {
  const found = answers.flatMap((answer) => (answer.kind === 'found' ? [answer] : []))
  if (found.length === 0) return answers.find(({ kind }) => kind === 'failed') ?? { kind: 'none' }
  const addresses = ipv4First(found.flatMap((answer) => answer.addresses))
  return { kind: 'found', addresses, ttlSeconds: Math.min(...found.map(({ ttlSeconds }) => ttlSeconds)) }
}

function ask(resolver: Resolver, name: string, family: 4 | 6): Promise<DnsAnswer> {
  return new Promise((resolve) => {
    const done = (error: NodeJS.ErrnoException | null, records: readonly RecordWithTtl[]): void => {
      if (error !== null) {
        const code = error.code ?? 'ENOTFOUND'
        return resolve(NONE.has(code) ? { kind: 'none' } : { kind: 'failed', code })
      }
      const addresses = records.map(({ address }) => ({ address, family }))
      if (addresses.length === 0) return resolve({ kind: 'none' })
      resolve({ kind: 'found', addresses, ttlSeconds: Math.min(...records.map(({ ttl }) => ttl)) })
    }
    if (family === 4) resolver.resolve4(name, { ttl: true }, done)
    else resolver.resolve6(name, { ttl: true }, done)
  })
}

/** getaddrinfo has no time limit and takes one of libuv's threads, on which files depend, too. */
function askGetaddrinfo(name: string): Promise<Found> {
  if (isGetaddrinfoRunning) return Promise.reject(new NameUnresolved('ENOTFOUND'))
  isGetaddrinfoRunning = true
  return new Promise((resolve, reject) => {
    systemLookup(name, { all: true }, (error, found) => {
      isGetaddrinfoRunning = false
      if (error !== null) return reject(new NameUnresolved(error.code ?? 'ENOTFOUND'))
      const addresses = found.map(
        ({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }) as const,
      )
      resolve({ addresses: ipv4First(addresses), ttlSeconds: DEFAULT_TTL_S })
    })
  })
}

/** IPv4 first, so that a host without an IPv6 route connects at once. node tries the other family after 250 ms. */
function ipv4First(addresses: readonly Address[]): readonly Address[] {
  return addresses.toSorted((a, b) => a.family - b.family)
}

/** The file is read for each lookup: it is small, and its changes take effect at once. */
function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
