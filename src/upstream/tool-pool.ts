/**
 * One tool's connections. undici's own queue must never hold a request, because the lane is the queue: the number of
 * connections is unbounded here and bounded by the lane's limit. Its timers are off for the same reason: leaseSeconds
 * decides how long a tool may be silent.
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

/** Milliseconds after which undici closes an idle connection when the tool does not say when it will (its default). */
const IDLE_MS = 4000
/** Bytes of response headers that a tool may send: twice node's own bound, so that what the tool may say passes. */
const MAX_RESPONSE_HEADER_BYTES = 32_768

export interface UpstreamParts {
  readonly origin: string
  readonly connectTimeoutMs: number
  readonly clock: Clock
  readonly paths: NamePaths
}

/** A client with one connection and one request at a time, whose handlers get to know their connection. */
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
  /** Clients for one request each. */
  readonly #single = new Set<SingleConnectionClient>()

  constructor({ origin, connectTimeoutMs, clock, paths }: UpstreamParts) {
    const idleTimeout = new IdleTimeout()
    // One HTTP/2 connection would put all calls of a tool behind one TCP window, and behind undici's stream queue.
    const names = new AddressCache({ clock, paths, connectTimeoutMs })
    const { lookup } = names
    const connector = expiringOnFailure(
      buildConnector({ timeout: connectTimeoutMs, allowH2: false, lookup }),
      names,
    )
    const options: Client.Options = {
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      // The connection keeps its distance of what the tool says.
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

  /** Over a connection that is free, or a new one. */
  dispatch(options: Dispatcher.DispatchOptions, user: ConnectionUser): void {
    this.#pool.dispatch(options, user)
  }

  /** Over a connection that nothing else has used, or will. */
  dispatchFresh(options: Dispatcher.DispatchOptions, user: ConnectionUser): void {
    const client = this.#open()
    this.#single.add(client)
    client.dispatch({ ...options, reset: true }, user)
    // Waits for its request; failing to close leaves a socket to its idle timeout, which harms nobody.
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

/** Looks for the addresses anew after a connection that did not come about. */
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
