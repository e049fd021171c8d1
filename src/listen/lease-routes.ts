/**
 * The paths of the lease API: POST /lanes/TOOL/leases, PUT and DELETE /leases/ID. Knows bodies and statuses; who gets a
 * lease comes in as functions.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Verdict } from '../lane/reason.ts'
import { decode, json, read, tooLarge } from './http-exchange.ts'
import type { Answer } from './http-exchange.ts'
import { parseLeaseOrder, parseVerdict } from './lease-request.ts'
import type { LeaseOrder } from './lease-request.ts'

export interface LeaseApi {
  readonly has: (tool: string) => boolean
  /** Answers by itself when the worker's turn has come, or is refused. */
  readonly ask: (tool: string, order: LeaseOrder, exchange: Exchange) => void
  /** The lease as it is now; undefined when it is not held any more. */
  readonly renew: (id: string) => object | undefined
  /** False when it was not held any more. */
  readonly end: (id: string, verdict: Verdict) => boolean
}

export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

const LEASES = /^\/lanes\/([^/]+)\/leases$/
const LEASE = /^\/leases\/([^/]+)$/

export function isLeasePath(path: string): boolean {
  return LEASES.test(path) || LEASE.test(path)
}

/** 'taken': the answer comes later. */
export async function leaseAnswer(
  api: LeaseApi,
  exchange: Exchange,
  path: string,
): Promise<Answer | 'taken'> {
  const { method = '' } = exchange.request
  const tool = LEASES.exec(path)?.[1]
  if (tool !== undefined) {
    return method === 'POST'
      ? ask(api, exchange, decode(tool))
      : json(405, { error: `leases of a lane take POST, not ${method}` })
  }
  const id = decode(LEASE.exec(path)?.[1] ?? '')
  if (method === 'PUT') return renew(api, exchange, id)
  if (method === 'DELETE') return end(api, exchange, id)
  return json(405, { error: `a lease takes PUT and DELETE, not ${method}` })
}

async function ask(api: LeaseApi, exchange: Exchange, tool: string): Promise<Answer | 'taken'> {
  const body = await read(exchange.request)
  if (body === undefined) return tooLarge()
  if (!api.has(tool)) {
    return json(404, {
      error: `there is no tool ${JSON.stringify(tool)}`,
      remedy: 'GET /lanes lists the tools',
    })
  }
  const parsed = parseLeaseOrder(body)
  if (!parsed.ok) return json(400, { error: parsed.problem })
  api.ask(tool, parsed.value, exchange)
  return 'taken'
}

async function renew(api: LeaseApi, { request }: Exchange, id: string): Promise<Answer> {
  if ((await read(request)) === undefined) return tooLarge()
  const lease = api.renew(id)
  if (lease !== undefined) return json(200, lease)
  return json(410, {
    error: 'this lease is not held any more: it was ended, or not renewed in time and given to another',
    remedy: 'stop the work, or ask for a new lease',
    lease_id: id,
  })
}

async function end(api: LeaseApi, { request }: Exchange, id: string): Promise<Answer> {
  const body = await read(request)
  if (body === undefined) return tooLarge()
  const parsed = parseVerdict(body)
  if (!parsed.ok) return json(400, { error: parsed.problem })
  return json(200, { lease_id: id, was_held: api.end(id, parsed.value) })
}
