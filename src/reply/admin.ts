/**
 * The answers of the admin listener, each named for what it says. Bodies are JSON but for the index and the metrics page.
 * Pure.
 */
import type { Reason } from '../lane/reason.ts'
import type { Answer } from './answer.ts'
import { lastAnswer } from './last-answer.ts'
import { REASON_ROWS } from './reasons.ts'

/** Headers of every answer: no web page may read, frame or reinterpret it. There are no CORS headers anywhere. */
export const GUARDS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
} as const

/** Why a request may not read or write. */
export type Denial = 'page' | 'foreign_host' | 'no_token_set' | 'wrong_token'

const DENIALS: Readonly<Record<Denial, { readonly status: 401 | 403; readonly error: string }>> = {
  page: { status: 403, error: 'web pages may not call this address: use a program' },
  foreign_host: {
    status: 403,
    error: 'this address is called by a loopback name: use 127.0.0.1, [::1] or localhost as Host',
  },
  no_token_set: {
    status: 403,
    error: 'writing is off: the admin listener is not on loopback and SPILLWAY_ADMIN_TOKEN is not set',
  },
  wrong_token: { status: 401, error: 'send the header Authorization: Bearer with SPILLWAY_ADMIN_TOKEN' },
}

export function denied(denial: Denial): Answer {
  const { status, error } = DENIALS[denial]
  return json(status, { error })
}

/** What was asked for. */
export function shown(body: object): Answer {
  return json(200, body)
}

export function page(type: string, body: string): Answer {
  return answer(200, type, body)
}

export function isUp(): Answer {
  return json(200, { status: 'up' })
}

/** `fleet`: how the sidecar stands with its fleet's store; undefined for a sidecar on its own. */
export function readiness(isDraining: boolean, fleet: { status: string; body: object } | undefined): Answer {
  const status = isDraining ? 'draining' : (fleet?.status ?? 'ready')
  return json(status === 'ready' ? 200 : 503, { status, fleet: fleet?.body })
}

export function reloaded({ ok, body }: { readonly ok: boolean; readonly body: object }): Answer {
  return json(ok ? 200 : 422, body)
}

export function noSuchPath(method: string, path: string): Answer {
  return json(404, { error: `there is no ${method} ${path}`, remedy: 'GET / lists what there is' })
}

export function noSuchTool(tool: string): Answer {
  return json(404, {
    error: `there is no tool ${JSON.stringify(tool)}`,
    remedy: 'GET /lanes lists the tools',
  })
}

/** A path that takes other methods than the one it was asked with. */
export interface WrongMethod {
  readonly path: string
  readonly methods: readonly string[]
  readonly method: string
}

export function wrongMethod({ path, methods, method }: WrongMethod): Answer {
  const { status, headers, body } = json(405, {
    error: `${path} takes ${methods.join(' and ')}, not ${method}`,
  })
  return { status, headers: ['Allow', methods.join(', '), ...headers], body }
}

/** The body or the head of the request is wrong. */
export function badRequest(error: string): Answer {
  return json(400, { error })
}

export function bodyTooLarge(mostBytes: number): Answer {
  return json(413, { error: `the body is larger than ${mostBytes} bytes` })
}

export function leaseLost(id: string): Answer {
  return json(410, {
    error: 'this lease is not held any more: it was ended, or not renewed in time and given to another',
    remedy: 'stop the work, or ask for a new lease',
    lease_id: id,
  })
}

/**
 * The last answer on a connection whose bytes are no usable HTTP/1.1, as text. The status is that of the reason on the
 * listener for agents.
 */
export function lastMalformed(reason: Reason, error: string): string {
  const { status, headers, body } = json(REASON_ROWS[reason].status, { error })
  return lastAnswer(reason, { status, headers: [...Object.entries(GUARDS).flat(), ...headers], body })
}

export function broken(): Answer {
  return json(500, { error: 'an error inside Spillway ended this request; its log says where' })
}

function json(status: number, body: object): Answer {
  return answer(status, 'application/json', `${JSON.stringify(body)}\n`)
}

function answer(status: number, type: string, body: string): Answer {
  return {
    status,
    headers: ['Content-Type', type, 'Content-Length', String(Buffer.byteLength(body))],
    body,
  }
}
