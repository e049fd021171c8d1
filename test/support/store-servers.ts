/**
 * Real stores for tests: each start is a redis-server or a PostgreSQL on a free port, in a folder that is removed with it.
 * Without the programs on the machine the test fails with the name of the package to install; no test is skipped.
 */
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { chown, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificate } from './certificate.ts'

/** Milliseconds within which a server must accept connections. */
const START_MS = 20_000
export const PASSWORD = 'p:a/s s%w@rd'
const SECRET = encodeURIComponent(PASSWORD)

export interface StoreServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** The file of the certificate authority to trust; undefined without TLS. */
  readonly certificate: string | undefined
  /** Ends the server at once, as a crash does. */
  kill(): Promise<void>
  /** Starts the server again on the same port, with the data on its disk. */
  start(): Promise<void>
  /** Sends a signal to all processes of the server. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void
}

export interface ServerOptions {
  /** Accepts TLS connections only, with a certificate of its own for localhost. */
  readonly tls?: boolean
}

export async function startRedis({ tls = false }: ServerOptions = {}): Promise<StoreServer> {
  const binary = which('redis-server', [])
  if (binary === undefined)
    throw new Error('redis-server is not installed; run: apt-get install -y redis-server')
  const folder = await mkdtemp(join(tmpdir(), 'spillway-redis-'))
  const port = await freePort()
  const { cert, key } = tls ? makeCertificate(folder) : { cert: undefined, key: '' }
  const files =
    cert === undefined ? [] : ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert]
  const ports = tls
    ? ['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no']
    : ['--port', String(port)]
  const where = [...ports, ...files, '--bind', '127.0.0.1', '--dir', folder]
  const args = [...where, '--save', '', '--appendonly', 'no', '--requirepass', PASSWORD]
  return serve({
    port,
    url: tls ? `rediss://:${SECRET}@localhost:${port}` : `redis://:${SECRET}@127.0.0.1:${port}`,
    certificate: cert,
    run: () => spawn(binary, args, { stdio: 'ignore' }),
    clean: () => rm(folder, { recursive: true, force: true }),
    stopSignal: 'SIGKILL',
  })
}

export async function startPostgres({ tls = false }: ServerOptions = {}): Promise<StoreServer> {
  const folders = (await readdir('/usr/lib/postgresql').catch(() => [])).sort((a, b) => Number(b) - Number(a))
  const places = folders.map((version) => `/usr/lib/postgresql/${version}/bin`)
  const binary = which('postgres', places)
  const initdb = which('initdb', places)
  if (binary === undefined || initdb === undefined)
    throw new Error('PostgreSQL is not installed; run: apt-get install -y postgresql')
  const folder = await mkdtemp(join(tmpdir(), 'spillway-postgres-'))
  // PostgreSQL refuses to run as root.
  const owner = process.getuid?.() === 0 ? unprivileged() : undefined
  if (owner !== undefined) await chown(folder, owner.uid, owner.gid)
  const data = join(folder, 'data')
  const passwordFile = join(folder, 'password')
  await writeFile(passwordFile, PASSWORD)
  const { cert, key } = tls ? makeCertificate(folder) : { cert: undefined, key: '' }
  for (const file of [passwordFile, ...(cert === undefined ? [] : [cert, key])])
    if (owner !== undefined) await chown(file, owner.uid, owner.gid)
  const how = ['-A', 'scram-sha-256', '--pwfile', passwordFile, '-N', '--no-locale', '-E', 'UTF8']
  const made = spawnSync(initdb, ['-D', data, '-U', 'spillway', ...how], {
    ...owner,
    cwd: folder,
    encoding: 'utf8',
  })
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`)
  const port = await freePort()
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${folder}`,
    'fsync=off',
  ]
  if (cert !== undefined) settings.push('ssl=on', `ssl_cert_file=${cert}`, `ssl_key_file=${key}`)
  const args = ['-D', data, ...settings.flatMap((each) => ['-c', each])]
  return serve({
    port,
    url: `postgres://spillway:${SECRET}@${tls ? 'localhost' : '127.0.0.1'}:${port}/postgres${tls ? '?sslmode=verify-full' : ''}`,
    certificate: cert,
    run: () => spawn(binary, args, { ...owner, cwd: folder, stdio: 'ignore' }),
    clean: () => rm(folder, { recursive: true, force: true }),
    // A killed postmaster leaves its children and their shared memory behind. SIGQUIT ends all of them at once.
    stopSignal: 'SIGQUIT',
  })
}

interface Recipe {
  readonly port: number
  readonly url: string
  readonly certificate: string | undefined
  readonly run: () => ChildProcess
  readonly clean: () => Promise<void>
  readonly stopSignal: NodeJS.Signals
}

async function serve({ port, url, certificate, run, clean, stopSignal }: Recipe): Promise<StoreServer> {
  let child: ChildProcess | undefined
  let ended: Promise<unknown> = Promise.resolve()
  const server: StoreServer = {
    url,
    port,
    certificate,
    async start() {
      const started = run()
      child = started
      ended = new Promise((resolve) => started.once('exit', resolve))
      await untilItListens(port, started)
    },
    async kill() {
      server.signal('SIGCONT')
      child?.kill(stopSignal)
      await ended
    },
    signal(name) {
      // PostgreSQL serves each session in a child process. For a stop the children get the signal first.
      for (const pid of child?.pid === undefined ? [] : [...childrenOf(child.pid), child.pid])
        if (child?.exitCode === null && child.signalCode === null) send(pid, name)
    },
    async [Symbol.asyncDispose]() {
      await server.kill()
      await clean()
    },
  }
  await server.start()
  return server
}

/** Linux only: finds children by the parent id in /proc. */
function childrenOf(parent: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === parent)
}

/** Undefined for a process that has ended. */
function parentOf(pid: number): number | undefined {
  try {
    // The name is in brackets and may contain any character; state and parent id follow it.
    return Number(/\) \S (\d+) [^)]*$/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1])
  } catch {
    return undefined
  }
}

function send(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // The process ended in the meantime.
  }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function untilItListens(port: number, child: ChildProcess): Promise<void> {
  const giveUpAtMs = performance.now() + START_MS
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the store ended with code ${child.exitCode}`)
    const isThere = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (isThere) return
    if (performance.now() > giveUpAtMs) throw new Error(`the store did not listen on port ${port}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function which(name: string, places: readonly string[]): string | undefined {
  const folders = [...places, ...(process.env['PATH'] ?? '').split(':'), '/usr/bin', '/usr/local/bin']
  return folders
    .map((folder) => join(folder, name))
    .find((file) => spawnSync(file, ['--version'], { stdio: 'ignore' }).status === 0)
}

export function unprivileged(): { readonly uid: number; readonly gid: number } {
  const idOf = (flag: string) =>
    Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout.trim())
  const [uid, gid] = [idOf('-u'), idOf('-g')]
  return uid > 0 && gid > 0 ? { uid, gid } : { uid: 65_534, gid: 65_534 }
}
