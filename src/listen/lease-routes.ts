/**
 * The rows of the lease API in the admin listener's table of routes. Knows bodies and answers; which worker gets a lease
 * comes in as functions.
 */
import type { IncomingMessage } from 'node:http'
import type { Verdict } from '../lane/reason.ts'
import { badRequest, bodyTooLarge, leaseLost, noSuchTool, shown } from '../reply/admin.ts'
import type { Answer } from '../reply/answer.ts'
import { MAX_BODY_BYTES, readBody } from './http-exchange.ts'
import type { HttpExchange } from './http-exchange.ts'
import { parseLeaseRequest, parseVerdict } from './lease-request.ts'
import type { LeaseRequest } from './lease-request.ts'
import type { AdminRequest, AdminRoute } from './routes.ts'

export interface LeaseApi {
  readonly has: (tool: string) => boolean
  /** Answers by itself when the worker's turn has come, or is refused. */
  readonly ask: (tool: string, wanted: LeaseRequest, exchange: HttpExchange) => void
  /** The lease as it is now; undefined when it is not held any more. */
  readonly renew: (id: string) => object | undefined
  /** False when it was not held any more. */
  readonly end: (id: string, verdict: Verdict) => boolean
}

export function leaseRoutes(api: LeaseApi): readonly AdminRoute[] {
  return [
    {
      method: 'POST',
      path: '/lanes/TOOL/leases',
      about: '{"job_id": "...", "lease_seconds": 30, "wait_ms": 5000}',
      answer: (asked) => ask(api, asked),
    },
    { method: 'PUT', path: '/leases/ID', about: 'renew', answer: (asked) => renew(api, asked) },
    { method: 'DELETE', path: '/leases/ID', about: '{"verdict": "ok"}', answer: (asked) => end(api, asked) },
  ]
}

async function ask(
  api: LeaseApi,
  { name: tool, request, response }: AdminRequest,
): Promise<Answer | 'taken'> {
  const body = await readBody(request)
  if (body === undefined) return bodyTooLarge(MAX_BODY_BYTES)
  if (!api.has(tool)) return noSuchTool(tool)
  const parsed = parseLeaseRequest(body)
  if (!parsed.ok) return badRequest(parsed.problem)
  api.ask(tool, parsed.value, { request, response })
  return 'taken'
}

async function renew(api: LeaseApi, { name: id, request }: AdminRequest): Promise<Answer> {
  if ((await readBody(request)) === undefined) return bodyTooLarge(MAX_BODY_BYTES)
  const lease = api.renew(id)
  return lease === undefined ? leaseLost(id) : shown(lease)
}

async function end(api: LeaseApi, { name: id, request }: { name: string; request: IncomingMessage }) {
  const body = await readBody(request)
  if (body === undefined) return bodyTooLarge(MAX_BODY_BYTES)
  const parsed = parseVerdict(body)
  if (!parsed.ok) return badRequest(parsed.problem)
  return shown({ lease_id: id, was_held: api.end(id, parsed.value) })
}
