/**
 * The table of the admin listener: one row for each endpoint. The text of GET / and the answers to wrong methods come from
 * it, so a new endpoint is a row here. What the endpoints show and do comes in as functions.
 */
import type { ServerResponse } from 'node:http'
import type { OverrideOrder } from '../lane/operator-override.ts'
import {
  badRequest,
  bodyTooLarge,
  isUp,
  noSuchTool,
  page,
  readiness,
  reloaded,
  shown,
} from '../reply/admin.ts'
import type { Answer } from '../reply/answer.ts'
import { eventStream, noPlaceToWatch } from '../reply/event-stream.ts'
import { MAX_BODY_BYTES, readBody } from './http-exchange.ts'
import type { HttpExchange } from './http-exchange.ts'
import { leaseRoutes } from './lease-routes.ts'
import type { LeaseApi } from './lease-routes.ts'
import { parseOverrideOrder } from './override-order.ts'
import type { LimitBounds } from './override-order.ts'
import { listOf } from './routes.ts'
import type { AdminRequest, AdminRoute } from './routes.ts'

export interface AdminApi {
  readonly isDraining: () => boolean
  /** `status` is `ready`, or why not. Undefined for a sidecar on its own. */
  readonly fleet: () => { readonly status: string; readonly body: object } | undefined
  readonly metrics: () => Promise<{ readonly contentType: string; readonly page: string }>
  readonly lanes: () => readonly object[]
  /** undefined for an unknown tool. */
  readonly lane: (tool: string) => object | undefined
  readonly bounds: (tool: string) => LimitBounds | undefined
  readonly operate: (tool: string, order: OverrideOrder) => void
  readonly reload: () => { readonly ok: boolean; readonly body: object }
  /** False when there is no room for one more event stream. */
  readonly mayWatch: (exchange: HttpExchange) => boolean
  readonly watch: (response: ServerResponse) => void
  readonly leases: LeaseApi
}

export function adminRoutes(api: AdminApi): readonly AdminRoute[] {
  const routes: readonly AdminRoute[] = [
    { method: 'GET', path: '/', about: 'this list', answer: () => listOf(routes) },
    { method: 'GET', path: '/healthz', about: 'the process is up', answer: isUp },
    {
      method: 'GET',
      path: '/readyz',
      about: 'it accepts work',
      answer: () => readiness(api.isDraining(), api.fleet()),
    },
    { method: 'GET', path: '/metrics', about: 'for Prometheus', answer: () => metrics(api) },
    {
      method: 'GET',
      path: '/lanes',
      about: 'every lane, JSON',
      answer: () => shown({ lanes: api.lanes() }),
    },
    { method: 'GET', path: '/lanes/TOOL', about: 'one lane, JSON', answer: ({ name }) => lane(api, name) },
    {
      method: 'PATCH',
      path: '/lanes/TOOL',
      about: '{"limit": 4 | "auto", "paused": true, "for": "10m"}',
      answer: (asked) => operate(api, asked),
    },
    ...leaseRoutes(api.leases),
    { method: 'GET', path: '/events', about: 'server-sent events', answer: (asked) => watch(api, asked) },
    {
      method: 'POST',
      path: '/reload',
      about: 'read the configuration again',
      answer: () => reloaded(api.reload()),
    },
  ]
  return routes
}

async function metrics(api: AdminApi): Promise<Answer> {
  const { contentType, page: text } = await api.metrics()
  return page(contentType, text)
}

function lane(api: AdminApi, tool: string): Answer {
  const found = api.lane(tool)
  return found === undefined ? noSuchTool(tool) : shown(found)
}

async function operate(api: AdminApi, { name: tool, request }: AdminRequest): Promise<Answer> {
  const bounds = api.bounds(tool)
  if (bounds === undefined) return noSuchTool(tool)
  const body = await readBody(request)
  if (body === undefined) return bodyTooLarge(MAX_BODY_BYTES)
  const parsed = parseOverrideOrder(body, bounds)
  if (!parsed.ok) return badRequest(parsed.problem)
  api.operate(tool, parsed.value)
  return lane(api, tool)
}

function watch(api: AdminApi, { request, response }: AdminRequest): Answer | 'taken' {
  if (request.method === 'HEAD') return eventStream()
  if (!api.mayWatch({ request, response })) return noPlaceToWatch('all connections are taken')
  api.watch(response)
  return 'taken'
}
