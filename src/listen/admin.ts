/**
 * The operators' listener: health, metrics, lanes, the hand on the valve. Reading is open; writing needs the token
 * unless the listener is on loopback. Knows paths and methods; what they show and do comes in as functions.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { ValveOrder } from '../lane/valve.ts'
import { isAllowedToWrite } from './authority.ts'
import { parseOrder } from './order.ts'
import type { Bounds } from './order.ts'

export interface AdminParts {
  readonly isDraining: () => boolean
  readonly metrics: () => Promise<{ readonly contentType: string; readonly page: string }>
  readonly lanes: () => readonly object[]
  /** undefined for an unknown tool. */
  readonly lane: (tool: string) => object | undefined
  readonly bounds: (tool: string) => Bounds | undefined
  readonly operate: (tool: string, order: ValveOrder) => void
  readonly reload: () => { readonly ok: boolean; readonly body: object }
  readonly watch: (response: ServerResponse) => void
  /** The address the listener is bound to, for the rule about writing. */
  readonly host: string
  readonly token: string | undefined
}

/** Bytes of a PATCH body. */
const MAX_BODY_BYTES = 16_384
/** Milliseconds for a whole admin request to arrive. */
const REQUEST_TIMEOUT_MS = 10_000

const INDEX = `spillway admin
GET   /healthz        the process is up
GET   /readyz         it accepts work
GET   /metrics        for Prometheus
GET   /lanes          every lane, JSON
GET   /lanes/TOOL     one lane, JSON
PATCH /lanes/TOOL     {"limit": 4 | "auto", "paused": true, "for": "10m"}
GET   /events         server-sent events
POST  /reload         read the configuration again
`

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

export function createAdminServer(parts: AdminParts): Server {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    const path = (request.url ?? '/').split('?')[0] ?? '/'
    if (path === '/events' && request.method === 'GET') return parts.watch(response)
    answer(parts, request, path)
      .catch((error: unknown) => json(500, { error: error instanceof Error ? error.message : 'unknown' }))
      .then(({ status, type, body }) => {
        response.writeHead(status, {
          'Content-Type': type,
          'Content-Length': Buffer.byteLength(body),
          'Cache-Control': 'no-store',
        })
        response.end(request.method === 'HEAD' ? undefined : body)
      })
      // Only writing to a caller who left can fail here.
      .catch(() => response.destroy())
  })
  server.maxConnections = 256
  return server
}

async function answer(parts: AdminParts, request: IncomingMessage, path: string): Promise<Answer> {
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '')
  const tool = /^\/lanes\/([^/]+)$/.exec(path)?.[1]
  if (tool !== undefined) return laneAnswer(parts, { request, method, tool: decode(tool) })
  switch (`${method} ${path}`) {
    case 'GET /':
      return text(200, INDEX)
    case 'GET /healthz':
      return json(200, { status: 'up' })
    case 'GET /readyz':
      return parts.isDraining() ? json(503, { status: 'draining' }) : json(200, { status: 'ready' })
    case 'GET /metrics': {
      const { contentType, page } = await parts.metrics()
      return { status: 200, type: contentType, body: page }
    }
    case 'GET /lanes':
      return json(200, { lanes: parts.lanes() })
    case 'POST /reload': {
      const refused = refuseWriting(parts, request)
      if (refused !== undefined) return refused
      const { ok, body } = parts.reload()
      return json(ok ? 200 : 422, body)
    }
    default:
      return json(404, { error: `there is no ${method} ${path}`, remedy: 'GET / lists what there is' })
  }
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
  const refused = refuseWriting(parts, request)
  if (refused !== undefined) return refused
  const body = await read(request)
  if (body === undefined) return json(413, { error: `the body is larger than ${MAX_BODY_BYTES} bytes` })
  const parsed = parseOrder(body, bounds)
  if (!parsed.ok) return json(400, { error: parsed.problem })
  parts.operate(tool, parsed.order)
  return json(200, parts.lane(tool) ?? lane)
}

function refuseWriting(parts: AdminParts, request: IncomingMessage): Answer | undefined {
  const allowed = isAllowedToWrite(request.headers, parts)
  return allowed.ok ? undefined : json(allowed.status, { error: allowed.problem })
}

async function read(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

function json(status: number, body: object): Answer {
  return { status, type: 'application/json', body: `${JSON.stringify(body)}\n` }
}

function text(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body }
}
