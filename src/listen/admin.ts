/**
 * The operators' listener: health, metrics, lanes, the hand on the valve. Reading is open; writing needs the token
 * unless the listener is on loopback. Knows paths and methods; what they show and do comes in as functions.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { ValveOrder } from '../lane/valve.ts'
import type { Clock } from '../time/clock.ts'
import { decode, GUARDS, json, read, send, text, tooLarge } from './http-exchange.ts'
import type { Answer } from './http-exchange.ts'
import { isAllowedToRead, isAllowedToWrite } from './authority.ts'
import { flawOf } from './head.ts'
import { closeIdleAfterReading } from './idle.ts'
import { isLeasePath, leaseAnswer } from './lease-routes.ts'
import type { Exchange, LeaseApi } from './lease-routes.ts'
import { parseOrder } from './override-order.ts'
import type { Bounds } from './override-order.ts'

export interface AdminParts {
  readonly clock: Clock
  readonly isDraining: () => boolean
  /** `status` is `ready`, or why not. Undefined for a sidecar on its own. */
  readonly fleet: () => { readonly status: string; readonly body: object } | undefined
  readonly metrics: () => Promise<{ readonly contentType: string; readonly page: string }>
  readonly lanes: () => readonly object[]
  /** undefined for an unknown tool. */
  readonly lane: (tool: string) => object | undefined
  readonly bounds: (tool: string) => Bounds | undefined
  readonly operate: (tool: string, order: ValveOrder) => void
  readonly reload: () => { readonly ok: boolean; readonly body: object }
  /** False when there is no room for one more who stays. */
  readonly mayWatch: (exchange: Exchange) => boolean
  readonly watch: (response: ServerResponse) => void
  readonly leases: LeaseApi
  /** An error of ours was contained. */
  readonly onError: (error: unknown) => void
  /** The address the listener is bound to, for the rule about writing. */
  readonly host: string
  readonly token: string | undefined
}

/** Milliseconds for a whole admin request to arrive. */
const REQUEST_TIMEOUT_MS = 10_000
/** Milliseconds for its head. */
const HEADERS_TIMEOUT_MS = 5000
/** Milliseconds an idle connection is kept: a dashboard asks every few seconds, Prometheus may connect anew. */
const KEEP_ALIVE_MS = 5000
/** Seconds until a watcher without a place may ask again. */
const WATCH_AGAIN_SECONDS = 5
/** Milliseconds between two looks at these times; node's own 30 s would make them longer. */
const CHECK_EVERY_MS = 1000

const INDEX = `spillway admin
GET   /healthz        the process is up
GET   /readyz         it accepts work
GET   /metrics        for Prometheus
GET   /lanes          every lane, JSON
GET   /lanes/TOOL     one lane, JSON
PATCH /lanes/TOOL     {"limit": 4 | "auto", "paused": true, "for": "10m"}
POST  /lanes/TOOL/leases   {"job_id": "...", "lease_seconds": 30, "wait_ms": 5000}
PUT   /leases/ID      renew
DELETE /leases/ID     {"verdict": "ok"}
GET   /events         server-sent events
POST  /reload         read the configuration again
`

export function createAdminServer(parts: AdminParts): Server {
  const options = {
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: HEADERS_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: CHECK_EVERY_MS,
  }
  const server = createServer(options, (request, response) => {
    // Without a listener an error of the stream would end the process.
    response.on('error', () => response.destroy())
    for (const [name, value] of Object.entries(GUARDS)) response.setHeader(name, value)
    const refused = refuse(parts, request)
    if (refused !== undefined) return send(request, response, refused)
    const path = (request.url ?? '/').split('?')[0] ?? '/'
    answer(parts, { request, response }, path)
      .then((given) => {
        if (given !== 'taken') send(request, response, given)
      })
      .catch((error: unknown) => broken(parts, { request, response }, error))
  })
  // Of a bound of node's, what is beyond it would be dropped without a word: an Origin, a length.
  server.maxHeadersCount = 0
  closeIdleAfterReading(server, parts.clock)
  return server
}

/** An error of ours ends this request, and no other. A caller who left in the middle of a body is none. */
function broken({ onError }: AdminParts, { request, response }: Exchange, error: unknown): void {
  if (request.destroyed && !request.complete) return void response.destroy()
  onError(error)
  try {
    send(
      request,
      response,
      json(500, { error: 'an error inside Spillway ended this request; its log says where' }),
    )
  } catch {
    response.destroy()
  }
}

async function answer(parts: AdminParts, exchange: Exchange, path: string): Promise<Answer | 'taken'> {
  const { request, response } = exchange
  if (path === '/events' && request.method === 'GET') {
    if (!parts.mayWatch(exchange)) {
      exchange.response.setHeader('Retry-After', WATCH_AGAIN_SECONDS)
      return json(503, { error: 'all connections are taken' })
    }
    parts.watch(response)
    return 'taken'
  }
  if (isLeasePath(path)) return leaseAnswer(parts.leases, exchange, path)
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '')
  const tool = /^\/lanes\/([^/]+)$/.exec(path)?.[1]
  if (tool !== undefined) return laneAnswer(parts, { request, method, tool: decode(tool) })
  switch (`${method} ${path}`) {
    case 'GET /':
      return text(200, INDEX)
    case 'GET /healthz':
      return json(200, { status: 'up' })
    case 'GET /readyz':
      return readiness(parts)
    case 'GET /metrics': {
      const { contentType, page } = await parts.metrics()
      return { status: 200, type: contentType, body: page }
    }
    case 'GET /lanes':
      return json(200, { lanes: parts.lanes() })
    case 'POST /reload': {
      const { ok, body } = parts.reload()
      return json(ok ? 200 : 422, body)
    }
    default:
      return json(404, { error: `there is no ${method} ${path}`, remedy: 'GET / lists what there is' })
  }
}

function readiness({ isDraining, fleet }: AdminParts): Answer {
  const shared = fleet()
  if (isDraining()) return json(503, { status: 'draining', fleet: shared?.body })
  const status = shared?.status ?? 'ready'
  return json(status === 'ready' ? 200 : 503, { status, fleet: shared?.body })
}

async function laneAnswer(
  parts: AdminParts,
  { request, method, tool }: { request: IncomingMessage; method: string; tool: string },
): Promise<Answer> {
  const lane = parts.lane(tool)
  const bounds = parts.bounds(tool)
  if (lane === undefined || bounds === undefined) {
    return json(404, {
      error: `there is no tool ${JSON.stringify(tool)}`,
      remedy: 'GET /lanes lists the tools',
    })
  }
  if (method === 'GET') return json(200, lane)
  if (method !== 'PATCH') return json(405, { error: `a lane takes GET and PATCH, not ${method}` })
  const body = await read(request)
  if (body === undefined) return tooLarge()
  const parsed = parseOrder(body, bounds)
  if (!parsed.ok) return json(400, { error: parsed.problem })
  parts.operate(tool, parsed.order)
  return json(200, parts.lane(tool) ?? lane)
}

/** Before anything else is looked at. */
function refuse(parts: AdminParts, request: IncomingMessage): Answer | undefined {
  const flaw = flawOf(request)
  if (flaw !== undefined) return json(flaw.reason === 'HEADERS_TOO_LARGE' ? 431 : 400, { error: flaw.detail })
  if ((request.headersDistinct['host']?.length ?? 0) > 1)
    return json(400, { error: 'there is more than one Host header' })
  const isReading = request.method === 'GET' || request.method === 'HEAD'
  const allowed = isReading ? isAllowedToRead(request, parts) : isAllowedToWrite(request, parts)
  return allowed.ok ? undefined : json(allowed.status, { error: allowed.problem })
}
