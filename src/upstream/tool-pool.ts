/**
 * The connections to one tool. undici's own queue must never hold a request, because calls wait in the lane's queue; so the
 * pool has no bound, and the lane's limit bounds its connections. undici's timeouts for heads and bodies are off, because
 * leaseSeconds decides how long a tool may be silent.
 */
import { Client, Pool, buildConnector } from 'undici'
import type { Dispatcher } from 'undici'
import type { Clock } from '../time/clock.ts'
import { NameUnresolved } from './fault.ts'
import { IdleTimeout } from './idle-timeout.ts'
import type { NamePaths } from './name-query.ts'
import { AddressCache } from './address-cache.ts'
import { ToolConnection } from './tool-connection.ts'
import type { ConnectionUser } from './tool-connection.ts'

/** Milliseconds (undici's default): an idle connection is closed after this time if the tool announces no timeout. */
const IDLE_MS = 4000
/** Bytes of response headers: twice node's default, so that any head that a node server can send passes. */
const MAX_RESPONSE_HEADER_BYTES = 32_768

export interface UpstreamParts {
  readonly origin: string
  readonly connectTimeoutMs: number
  readonly clock: Clock
  readonly paths: NamePaths
}

/** An undici client with one connection and one request at a time, which tells each handler its connection. */
class SingleConnectionClient extends Client {
  readonly #connection: ToolConnection

  constructor(origin: string | URL, options: Client.Options, connection: ToolConnection) {
    super(origin, options)
    this.#connection = connection
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    this.#connection.begin(handler as ConnectionUser)
    return super.dispatch(options, handler)
  }
}

export class ToolPool {
  readonly #pool: Pool
  readonly #open: () => SingleConnectionClient
  /** Clients that serve one request each. */
  readonly #single = new Set<SingleConnectionClient>()

  constructor({ origin, connectTimeoutMs, clock, paths }: UpstreamParts) {
    const idleTimeout = new IdleTimeout()
    const names = new AddressCache({ clock, paths, connectTimeoutMs })
    const { lookup } = names
    // No HTTP/2: all calls of a tool would share one TCP window and wait in undici's queue of streams.
    const connector = expiringOnFailure(
      buildConnector({ timeout: connectTimeoutMs, allowH2: false, lookup }),
      names,
    )
    const options: Client.Options = {
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      // IdleTimeout applies the margin below the tool's timeout.
      keepAliveTimeoutThreshold: 0,
      maxHeaderSize: MAX_RESPONSE_HEADER_BYTES,
      allowH2: false,
    }
    this.#open = () => {
      const connection = new ToolConnection(clock.nowMs, idleTimeout)
      return new SingleConnectionClient(
        origin,
        { ...options, connect: connection.around(connector) },
        connection,
      )
    }
    this.#pool = new Pool(origin, { factory: this.#open, allowH2: false })
  }

  /** Sends a request over a free connection, or a new one. */
  dispatch(options: Dispatcher.DispatchOptions, user: ConnectionUser): void {
    this.#pool.dispatch(options, user)
  }

  /** Sends a request over a new connection that serves no other request. */
  dispatchFresh(options: Dispatcher.DispatchOptions, user: ConnectionUser): void {
    const client = this.#open()
    this.#single.add(client)
    client.dispatch({ ...options, reset: true }, user)
    // close() waits for the request. If it fails, the idle timeout still closes the socket.
    void client
      .close()
      .catch(() => undefined)
      .finally(() => this.#single.delete(client))
  }

  /** Lets running calls end. */
  async close(): Promise<void> {
    await this.#pool.close()
  }

  /** Cuts all connections. */
  async destroy(): Promise<void> {
    await Promise.all([this.#pool.destroy(), ...[...this.#single].map((client) => client.destroy())])
  }
}

/** Makes the addresses stale after a failed connection, so that they are looked up again. */
function expiringOnFailure(
  connector: buildConnector.connector,
  names: AddressCache,
): buildConnector.connector {
  return (options, callback) => {
    connector(options, (...result) => {
      if (result[0] !== null && !(result[0] instanceof NameUnresolved)) names.expire()
      callback(...result)
    })
  }
}
