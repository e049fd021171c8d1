/**
 * Starts the proxies under test as child processes on free ports: Spillway, and nginx and HAProxy as packaged by
 * Debian. Each routes to every tool by path or host and forwards the path unchanged.
 */
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { startSpillway } from '../support/process.ts'
import type { Spillway } from '../support/process.ts'

/** The port of each tool, by its route. */
export type Tools = ReadonlyMap<string, number>

export interface Proxy extends AsyncDisposable {
  readonly name: string
  readonly version: string
  readonly port: number
}

/** All proxies give a tool this time of silence. */
const SILENCE_SECONDS = 3
/** The largest body of a request, for all proxies with such a limit. */
export const MAX_BODY_BYTES = 65_536

export async function spillway(tools: Tools): Promise<Proxy & { readonly process: Spillway }> {
  const process = await startSpillway(spillwayYaml(tools))
  return {
    name: 'Spillway',
    version: '0.1.0',
    port: process.proxyPort,
    process,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  }
}

/** The limit is fixed, because a failing case must not lower the limit of its lane for the calls after it. */
function spillwayYaml(tools: Tools): string {
  const lanes = [...tools].map(
    ([route, port]) =>
      `  ${route}: { upstream: "http://127.0.0.1:${port}", match: [{ path: /${route} }, { host: ${route}.test }] }`,
  )
  const defaults = [
    'stripPath: false',
    'keepHost: true',
    `leaseSeconds: ${SILENCE_SECONDS}`,
    `maxBodyBytes: ${MAX_BODY_BYTES}`,
    'controller: { algorithm: fixed }',
  ]
  return `defaults: { ${defaults.join(', ')} }\ntools:\n${lanes.join('\n')}\n`
}

/** Undefined if the program is not installed. */
export async function nginx(tools: Tools): Promise<Proxy | undefined> {
  const program = ['/usr/sbin/nginx', '/usr/bin/nginx'].find((path) => existsSync(path))
  if (program === undefined) return undefined
  const version = /nginx\/(\S+)/.exec(spawnSync(program, ['-v'], { encoding: 'utf8' }).stderr)?.[1] ?? '?'
  return run({
    name: 'nginx',
    version,
    program,
    config: (port, folder) => nginxConfig(tools, port, folder),
    args: (file, folder) => ['-p', folder, '-c', file, '-e', 'stderr'],
  })
}

/** Undefined if the program is not installed. */
export async function haproxy(tools: Tools): Promise<Proxy | undefined> {
  const program = ['/usr/sbin/haproxy', '/usr/bin/haproxy'].find((path) => existsSync(path))
  if (program === undefined) return undefined
  const version = /version (\S+)/.exec(spawnSync(program, ['-v'], { encoding: 'utf8' }).stdout)?.[1] ?? '?'
  return run({
    name: 'HAProxy',
    version,
    program,
    config: (port) => haproxyConfig(tools, port),
    args: (file) => ['-db', '-q', '-f', file],
  })
}

interface Program {
  readonly name: string
  readonly version: string
  readonly program: string
  readonly config: (port: number, folder: string) => string
  readonly args: (file: string, folder: string) => string[]
}

async function run({ name, version, program, config, args }: Program): Promise<Proxy> {
  const folder = await mkdtemp(join(tmpdir(), 'conformance-'))
  // A worker process that gives up root needs access to this folder.
  await chmod(folder, 0o755)
  const port = await freePort()
  const file = join(folder, 'proxy.conf')
  await writeFile(file, config(port, folder))
  const said: string[] = []
  const child = spawn(program, args(file, folder), { stdio: ['ignore', 'ignore', 'pipe'] })
  child.stderr.setEncoding('utf8').on('data', (text: string) => said.push(text))
  const exited = new Promise((resolve) => child.on('exit', resolve))
  await eventually(() => (child.exitCode === null ? reach(port) : undefined))
  if (child.exitCode !== null) throw new Error(`${name} does not start: ${said.join('')}`)
  return { name, version, port, [Symbol.asyncDispose]: () => stop(child, exited, folder) }
}

async function stop(child: ChildProcess, exited: Promise<unknown>, folder: string): Promise<void> {
  child.kill('SIGTERM')
  await exited
  await rm(folder, { recursive: true, force: true })
}

function nginxConfig(tools: Tools, port: number, folder: string): string {
  const upstreams = [...tools].map(
    ([route, at]) => `upstream ${route} { server 127.0.0.1:${at} max_fails=0; keepalive 8; }`,
  )
  const locations = [...tools.keys()].map((route) => `location /${route} { proxy_pass http://${route}; }`)
  const hosts = [...tools.keys()].map(
    (route) =>
      `server { listen 127.0.0.1:${port}; server_name ${route}.test; location / { proxy_pass http://${route}; } }`,
  )
  return `daemon off; master_process off; pid ${folder}/nginx.pid; error_log /dev/null;
events { worker_connections 2048; }
http {
  access_log off; server_names_hash_max_size 4096; server_names_hash_bucket_size 128;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/f;
  uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  client_max_body_size ${MAX_BODY_BYTES}; proxy_read_timeout ${SILENCE_SECONDS}s; proxy_http_version 1.1;
  proxy_set_header Connection ""; proxy_set_header Host $host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  ${upstreams.join('\n  ')}
  server { listen 127.0.0.1:${port} default_server; ${locations.join('\n    ')} }
  ${hosts.join('\n  ')}
}
`
}

function haproxyConfig(tools: Tools, port: number): string {
  const rules = [...tools.keys()].flatMap((route) => [
    `  use_backend ${route} if { path_beg /${route}/ }`,
    `  use_backend ${route} if { hdr(host),host_only -i ${route}.test }`,
  ])
  const backends = [...tools].map(([route, at]) => `backend ${route}\n  server one 127.0.0.1:${at}`)
  return `global
  maxconn 2000
defaults
  mode http
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server ${SILENCE_SECONDS}s
frontend all
  bind 127.0.0.1:${port} proto h1
${rules.join('\n')}
${backends.join('\n')}
`
}

function reach(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve()
    })
    socket.on('error', reject)
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
