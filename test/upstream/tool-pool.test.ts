/**
 * One tool's connections, at the moment in which a request meets one that has just gone: undici looks whether an idle
 * connection still lives for one turn of the event loop before it writes.
 */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { systemClock } from '../../src/time/system.ts'
import { ToolPool } from '../../src/upstream/tool-pool.ts'
import { systemPaths } from '../../src/upstream/name-query.ts'
import type { ConnectionUser } from '../../src/upstream/tool-connection.ts'
import { after, fakeTool } from '../support/fake-tool.ts'

/** A request that tells its status, or its error. */
function send(pool: ToolPool, method: string): Promise<string> {
  return new Promise((resolve) => {
    let status = 0
    let connection: Parameters<ConnectionUser['onConnection']>[0] | undefined
    const user: ConnectionUser = {
      onConnection: (given) => void (connection = given),
      onInterim: () => undefined,
      onRequestStart: () => connection?.starts(),
      onResponseStart: (_controller, given) => void (status = given),
      onResponseData: () => undefined,
      onResponseEnd: () => {
        connection?.end(undefined)
        resolve(String(status))
      },
      onResponseError: (_controller, error) =>
        resolve((error as NodeJS.ErrnoException).code ?? error.message),
    }
    pool.dispatch({ path: '/', method }, user)
  })
}

for (const code of ['ECONNRESET', 'ETIMEDOUT', 'ERR_SSL_TLS_ALERT']) {
  test(`a request that finds its idle connection broken by ${code} before it is written goes over a new one, whatever its method`, async () => {
    await using tool = await fakeTool(after(0))
    const pool = new ToolPool({
      origin: tool.url,
      connectTimeoutMs: 5000,
      clock: systemClock,
      paths: systemPaths(),
    })
    const sockets: Socket[] = []
    const onSocket = (message: unknown): void => void sockets.push((message as { socket: Socket }).socket)
    subscribe('net.client.socket', onSocket)
    try {
      assert.equal(await send(pool, 'GET'), '200')
      // undici is done with the answer only after it has told of its end.
      await new Promise((resolve) => setImmediate(resolve))
      const answer = send(pool, 'POST')
      sockets[0]?.destroy(Object.assign(new Error('broken'), { code }))
      assert.equal(await answer, '200')
      assert.equal(tool.seen.calls, 2)
      assert.equal(sockets.length, 2)
    } finally {
      unsubscribe('net.client.socket', onSocket)
      await pool.destroy()
    }
  })
}
