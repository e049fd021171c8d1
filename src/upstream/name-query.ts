/**
 * One look for the addresses of a name: the hosts file, then the name servers of resolv.conf along its search list, by c-ares,
 * which waits on sockets of its own and on none of libuv's four threads. Names that only the system knows (mDNS, LDAP
 * and the like) are asked for last, one at a time for the whole process. Keeps nothing.
 */
import { Resolver, lookup as systemLookup } from 'node:dns'
import type { RecordWithTtl } from 'node:dns'
import { readFileSync } from 'node:fs'
import type { Clock, Timer } from '../time/clock.ts'
import { NameUnresolved } from './fault.ts'
import { candidates, findInHosts, parseResolvConf } from './name-files.ts'
import type { Address, ResolvConf } from './name-files.ts'

/** Milliseconds that the other family gets once one has addresses (RFC 8305, 3: the resolution delay). */
const OTHER_FAMILY_MS = 50
/** Tries for each server: one lost packet must not be the end. */
const TRIES = 2
/** Milliseconds for one try; c-ares takes no less. */
const SHORTEST_TRY_MS = 250
/** Seconds for what has no TTL: a file, or the system's own sources. */
const UNTIMED_S = 5

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

type Answer =
  | ({ readonly kind: 'found' } & Found)
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly code: string }

/** There is no such name, or it has no addresses. */
const NONE = new Set(['ENOTFOUND', 'ENODATA'])
/** No name server answers: further names of the search list would wait as long. */
const UNANSWERED = new Set(['ETIMEOUT', 'ECONNREFUSED', 'ECANCELLED'])
/** A look by the system is under way, on the one thread that such looks may take. */
let isSystemBusy = false

/** What the system knows beside files and name servers. Errors: NameUnresolved. */
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
  const written = findInHosts(readOrNothing(paths.hosts), name)
  if (written.length > 0) return { addresses: ipv4First(written), ttlSeconds: UNTIMED_S }
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

interface Asking {
  readonly askSystem: AskSystem
  readonly resolver: Resolver
  readonly clock: Clock
}

async function alongSearchList(name: string, conf: ResolvConf, asking: Asking): Promise<Found> {
  let failure: string | undefined
  for (const candidate of candidates(name, conf)) {
    const answer = await askBoth(candidate, asking)
    if (answer.kind === 'found') return answer
    if (answer.kind === 'none') continue
    failure ??= answer.code
    if (UNANSWERED.has(answer.code)) break
  }
  // Where there is no name server at all, the system may have other ways.
  if (failure !== undefined && failure !== 'ECONNREFUSED') throw new NameUnresolved(failure)
  return asking.askSystem(name).catch((error: unknown) => {
    throw failure === undefined ? error : new NameUnresolved(failure)
  })
}

/** Both families at once; addresses of one do not wait long for the other, which some name servers never answer for. */
async function askBoth(name: string, { resolver, clock }: Asking): Promise<Answer> {
  const answers: Answer[] = []
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

function joined(answers: readonly Answer[]): Answer {
  const found = answers.flatMap((answer) => (answer.kind === 'found' ? [answer] : []))
  if (found.length === 0) return answers.find(({ kind }) => kind === 'failed') ?? { kind: 'none' }
  const addresses = ipv4First(found.flatMap((answer) => answer.addresses))
  return { kind: 'found', addresses, ttlSeconds: Math.min(...found.map(({ ttlSeconds }) => ttlSeconds)) }
}

function ask(resolver: Resolver, name: string, family: 4 | 6): Promise<Answer> {
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

/** getaddrinfo has no time limit, and takes one of libuv's threads, which files need, too. */
function askGetaddrinfo(name: string): Promise<Found> {
  if (isSystemBusy) return Promise.reject(new NameUnresolved('ENOTFOUND'))
  isSystemBusy = true
  return new Promise((resolve, reject) => {
    systemLookup(name, { all: true }, (error, found) => {
      isSystemBusy = false
      if (error !== null) return reject(new NameUnresolved(error.code ?? 'ENOTFOUND'))
      const addresses = found.map(
        ({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }) as const,
      )
      resolve({ addresses: ipv4First(addresses), ttlSeconds: UNTIMED_S })
    })
  })
}

/** A host without a route over IPv6 must not wait for it; node tries the other family within 250 ms. */
function ipv4First(addresses: readonly Address[]): readonly Address[] {
  return addresses.toSorted((a, b) => a.family - b.family)
}

/** Read each time: the file is small, and a change of it counts at once. */
function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
