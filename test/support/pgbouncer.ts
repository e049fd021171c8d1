/**
 * A real PgBouncer in transaction mode before a PostgreSQL. A client gets a session for one transaction only, so the state
 * of a session (LISTEN, prepared statements, settings) is not there for the next one. Disposing of the handle ends it.
 */
import { spawn } from 'node:child_process'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import { freePort, PASSWORD, unprivileged } from './store-servers.ts'
import type { StoreServer } from './store-servers.ts'

/** The folder in which Debian installs PgBouncer; it is often not on the PATH. */
export const PGBOUNCER_PLACES = ['/usr/sbin/pgbouncer', '/usr/local/sbin/pgbouncer', '/usr/bin/pgbouncer']
/** Sessions that all clients share: fewer than clients, so that each statement may get another session. */
const POOL_SIZE = 4

export interface PgBouncer extends AsyncDisposable {
  readonly url: string
}

export async function startPgBouncer(server: StoreServer, binary: string): Promise<PgBouncer> {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-pgbouncer-'))
  const port = await freePort()
  const file = join(folder, 'pgbouncer.ini')
  await writeFile(
    file,
    `[databases]
* = host=127.0.0.1 port=${server.port} user=spillway password='${PASSWORD}'
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${POOL_SIZE}
server_round_robin = 1
`,
  )
  // PgBouncer refuses to run as root.
  const owner = process.getuid?.() === 0 ? unprivileged() : undefined
  if (owner !== undefined) for (const path of [folder, file]) await chown(path, owner.uid, owner.gid)
  const child = spawn(binary, [file], { ...owner, cwd: folder, stdio: 'ignore' })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`pgbouncer ended with code ${child.exitCode}`)
    await new Promise<void>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(void socket.destroy()))
      socket.once('error', reject)
    })
  })
  return {
    url: server.url.replace(`:${server.port}/`, `:${port}/`),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}
