/**
 * The operators' listener: health, metrics, lanes, overrides and leases for workers. Decides who may ask, bounds how long
 * asking may take, and passes the request to its row in admin-routes.ts.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import { badRequest, broken, denied, GUARDS, lastMalformed, noSuchPath, wrongMethod } from '../reply/admin.ts'
import type { Answer } from '../reply/answer.ts'
import type { Clock } from '../time/clock.ts'
import { adminRoutes } from './admin-routes.ts'
import type { AdminApi } from './admin-routes.ts'
import { denialOfReading, denialOfWriting } from './authority.ts'
import type { RequestFlaw } from './head.ts'
import { send } from './http-exchange.ts'
import type { HttpExchange } from './http-exchange.ts'
import { closeIdleAfterReading } from './idle.ts'
import { Reception } from './reception.ts'
import { findRoute } from './routes.ts'
import type { AdminRoute } from './routes.ts'

export interface AdminParts extends AdminApi {
  readonly clock: Clock
  /** An error of Spillway's own was contained. */
  readonly onError: (error: unknown) => void
  /** The address the listener is bound to, for the rule about writing. */
  readonly host: string
  readonly token: string | undefined
}

/** Milliseconds for a whole admin request to arrive. */
const REQUEST_TIMEOUT_MS = 10_000
/** Milliseconds for its head. */
const HEADERS_TIMEOUT_MS = 5000
/** Milliseconds that an idle connection is kept: a dashboard asks every few seconds, and Prometheus may reconnect. */
const KEEP_ALIVE_MS = 5000
/** Milliseconds between two checks of these times. With node's own 30 s a request could take that much longer. */
const CHECK_EVERY_MS = 1000

const NO_CONNECT: RequestFlaw = { reason: 'BAD_REQUEST', detail: 'CONNECT tunnels are not offered here' }

export function createAdminServer(parts: AdminParts): Server {
  const server = createServer({
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: HEADERS_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: CHECK_EVERY_MS,
    // A missing Host is answered in JSON, see refusalOf.
    requireHostHeader: false,
  })
  // node silently drops lines beyond its own bound, an Origin or a length among them; flawOf in head.ts has another bound.
  server.maxHeadersCount = 0
  closeIdleAfterReading(server, parts.clock)
  const routes = adminRoutes(parts)
  // An order or a lease request takes effect only when its body has come whole.
  const reception = new Reception(server, {
    clock: parts.clock,
    answerMalformed: lastMalformed,
    answersBrokenBodies: true,
  })
  server.on('connect', ({ method }, socket) => reception.decline(socket, NO_CONNECT, method))
  server.on('request', (request, response) => {
    if (!reception.begin(request, response)) return
    // Without a listener an error of the stream would end the process.
    response.on('error', () => response.destroy())
    for (const [name, value] of Object.entries(GUARDS)) response.setHeader(name, value)
    const exchange = { request, response }
    answer(parts, routes, exchange)
      .then((given) => {
        if (given !== 'taken') send(exchange, given)
      })
      .catch((error: unknown) => fail(parts, exchange, error))
  })
  return server
}

async function answer(
  parts: AdminParts,
  routes: readonly AdminRoute[],
  exchange: HttpExchange,
): Promise<Answer | 'taken'> {
  const { url = '/', method = '' } = exchange.request
  const refusal = refusalOf(exchange.request, parts)
  if (refusal !== undefined) return refusal
  const path = url.split('?')[0] ?? '/'
  const found = findRoute(routes, method, path)
  switch (found.kind) {
    case 'route':
      return found.route.answer({ ...exchange, name: found.name })
    case 'wrong_method':
      return wrongMethod({ ...found, method })
    case 'no_such_path':
      return noSuchPath(method, path)
    default:
      return found satisfies never
  }
}

/** Why nothing else of the request is looked at. */
function refusalOf(request: IncomingMessage, parts: AdminParts): Answer | undefined {
  const hosts = request.headersDistinct['host']?.length ?? 0
  if (hosts > 1) return badRequest('there is more than one Host header')
  if (hosts === 0 && request.httpVersion === '1.1') return badRequest('there is no Host header')
  const isReading = request.method === 'GET' || request.method === 'HEAD'
  const denial = isReading ? denialOfReading(request, parts) : denialOfWriting(request, parts)
  return denial && denied(denial)
}

/** An error of Spillway's own ends this request, and no other. A caller that left in the middle of a body is no such error. */
function fail({ onError }: AdminParts, exchange: HttpExchange, error: unknown): void {
  const { request, response } = exchange
  if (request.destroyed && !request.complete) return void response.destroy()
  onError(error)
  try {
    send(exchange, broken())
  } catch {
    response.destroy()
  }
}
