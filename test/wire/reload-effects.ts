/**
 * What a reload of one key changes that is cheap to see from outside: a table of two configurations of the tool `t` each,
 * and where to look.
 */
import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:http'
import { eventually } from '../support/eventually.ts'
import { after } from '../support/fake-tool.ts'
import type { Answer, FakeTool } from '../support/fake-tool.ts'
import type { Spillway } from '../support/process.ts'

/** A call's answer, as far as these tests look. */
interface Got {
  readonly status: number
  readonly text: string
  readonly headers: IncomingMessage['headers']
}

interface CallOptions {
  readonly path?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** When it fires, the caller hangs up. */
  readonly signal?: AbortSignal
}

export interface World {
  /** One call of the tool `t`. */
  readonly call: (options?: CallOptions) => Promise<Got>
  /** A field of its lane's JSON. */
  readonly lane: (field: string) => Promise<unknown>
  /** Calls that the tool has seen. */
  readonly seen: () => number
  /** Calls that the tool works on now. */
  readonly working: () => number
  /** Calls whose connection to the tool was cut. */
  readonly cut: () => number
}

export interface Visible {
  readonly key: string
  /** What stands in the tool `t` beside its upstream, before and after the reload. */
  readonly before: string
  readonly after: string
  readonly tool?: Answer
  readonly look: (world: World) => Promise<unknown>
  readonly sees: readonly [unknown, unknown]
}

const echoPath: Answer = (request, response) => response.end(request.url)
const echoHost: Answer = (request, response) => response.end(request.headers.host?.split(':')[0])
const unavailable: Answer = (_, response) => response.writeHead(503).end()
/** Silent for so long that a lease of a tenth of a second runs out. */
const slow = after(700)

/** How often the tool sees one call. */
async function triesOfOne({ call, seen }: World): Promise<number> {
  const before = seen()
  await call()
  return seen() - before
}

async function status({ call }: World): Promise<number> {
  return (await call()).status
}

/** What a call is told that finds the only slot taken and no place to wait. */
async function refusal(
  { call, lane }: World,
  headers: Readonly<Record<string, string>> = { 'X-Spillway-Priority': 'high' },
): Promise<Record<string, unknown>> {
  const running = call()
  await eventually(async () => assert.equal(await lane('active_workers'), 1))
  const { text } = await call({ headers })
  await running
  return JSON.parse(text) as Record<string, unknown>
}

const FULL = 'maxConcurrent: 1, maxQueueDepth: 0'

export const VISIBLE: readonly Visible[] = [
  {
    key: 'match',
    before: 'match: [{ path: /other }]',
    after: 'match: [{ path: /t }]',
    look: status,
    sees: [404, 200],
  },
  {
    key: 'stripPath',
    before: 'stripPath: true',
    after: 'stripPath: false',
    tool: echoPath,
    look: async ({ call }) => (await call({ path: '/t/x?y' })).text,
    sees: ['/x?y', '/t/x?y'],
  },
  {
    key: 'keepHost',
    before: 'keepHost: false',
    after: 'keepHost: true',
    tool: echoHost,
    look: async ({ call }) => (await call({ headers: { Host: 'caller.example' } })).text,
    sees: ['127.0.0.1', 'caller.example'],
  },
  {
    key: 'maxQueueDepth',
    before: 'maxQueueDepth: 5',
    after: 'maxQueueDepth: 6',
    look: ({ lane }) => lane('max_queue_depth'),
    sees: [5, 6],
  },
  {
    key: 'maxConcurrent',
    before: 'maxConcurrent: 5',
    after: 'maxConcurrent: 3',
    look: async ({ lane }) => [await lane('max_limit'), await lane('limit')],
    sees: [
      [5, 5],
      [3, 3],
    ],
  },
  {
    key: 'minConcurrent',
    before: 'minConcurrent: 1',
    after: 'minConcurrent: 2',
    look: ({ lane }) => lane('min_limit'),
    sees: [1, 2],
  },
  {
    key: 'startConcurrent',
    before: 'controller: { algorithm: fixed }, startConcurrent: 2',
    after: 'controller: { algorithm: fixed }, startConcurrent: 3',
    look: ({ lane }) => lane('limit'),
    sees: [2, 3],
  },
  {
    key: 'controller.algorithm',
    before: 'controller: { algorithm: gradient }',
    after: 'controller: { algorithm: aimd }',
    look: async ({ lane }) => ((await lane('controller')) as { algorithm: string }).algorithm,
    sees: ['gradient', 'aimd'],
  },
  {
    key: 'ttlSeconds',
    before: 'maxConcurrent: 1, ttlSeconds: 60',
    after: 'maxConcurrent: 1, ttlSeconds: 0.1',
    tool: slow,
    look: async ({ call, lane }) => {
      const running = call()
      await eventually(async () => assert.equal(await lane('active_workers'), 1))
      const waiting = await call()
      await running
      return waiting.status === 200
    },
    sees: [true, false],
  },
  {
    key: 'leaseSeconds',
    before: 'leaseSeconds: 60',
    after: 'leaseSeconds: 0.1',
    tool: slow,
    look: async ({ call }) => (await call()).headers['x-spillway-reason'],
    sees: [undefined, 'LEASE_EXPIRED'],
  },
  {
    key: 'maxBodyBytes',
    before: 'maxBodyBytes: 10',
    after: 'maxBodyBytes: 9',
    look: async ({ call }) => (await call({ method: 'POST', body: '0123456789' })).status,
    sees: [200, 413],
  },
  {
    key: 'fallbackTools',
    before: `${FULL}, fallbackTools: []`,
    after: `${FULL}, fallbackTools: [other]`,
    tool: slow,
    look: async (world) => (await refusal(world))['fallback_tools'],
    sees: [[], ['other']],
  },
  {
    key: 'priority.max',
    before: `${FULL}, priority: { max: critical }`,
    after: `${FULL}, priority: { max: normal }`,
    tool: slow,
    look: async (world) => (await refusal(world))['priority'],
    sees: ['high', 'normal'],
  },
  {
    key: 'priority.default',
    before: `${FULL}, priority: { default: normal }`,
    after: `${FULL}, priority: { default: low }`,
    tool: slow,
    look: async (world) => (await refusal(world, {}))['priority'],
    sees: ['normal', 'low'],
  },
  {
    key: 'onClientGone',
    before: 'onClientGone: finish',
    after: 'onClientGone: cancel',
    tool: after(2000),
    look: async ({ call, seen, working, cut }) => {
      const [seenBefore, cutBefore] = [seen(), cut()]
      const leave = new AbortController()
      const left = assert.rejects(call({ signal: leave.signal }))
      await eventually(() => assert.equal(seen(), seenBefore + 1))
      leave.abort()
      await left
      await eventually(() => assert.equal(working(), 0))
      return cut() - cutBefore
    },
    sees: [0, 1],
  },
  {
    key: 'retryAfter.minSeconds',
    before: `${FULL}, retryAfter: { minSeconds: 1 }`,
    after: `${FULL}, retryAfter: { minSeconds: 29 }`,
    tool: slow,
    look: async (world) => Number((await refusal(world))['retry_after_ms']) >= 29_000,
    sees: [false, true],
  },
  {
    key: 'retryAfter.maxSeconds',
    before: `${FULL}, retryAfter: { minSeconds: 2, maxSeconds: 30 }, rate: { calls: 1, perSeconds: 3600, burst: 1 }`,
    after: `${FULL}, retryAfter: { minSeconds: 2, maxSeconds: 2 }, rate: { calls: 1, perSeconds: 3600, burst: 1 }`,
    look: async ({ call }) => {
      await call()
      const { text } = await call()
      return (JSON.parse(text) as { retry_after_ms: number }).retry_after_ms <= 2000
    },
    sees: [false, true],
  },
  {
    key: 'retries.max',
    before: 'retries: { max: 0 }',
    after: 'retries: { max: 1 }',
    tool: unavailable,
    look: triesOfOne,
    sees: [1, 2],
  },
  {
    key: 'retries.on',
    before: 'retries: { max: 1, on: [connect] }',
    after: 'retries: { max: 1, on: [503] }',
    tool: unavailable,
    look: triesOfOne,
    sees: [1, 2],
  },
  {
    key: 'rate',
    before: `${FULL}, rate: none`,
    after: `${FULL}, rate: { calls: 1, perSeconds: 3600, burst: 1 }`,
    look: async ({ call }) => {
      await call()
      return (await call()).headers['x-spillway-reason']
    },
    sees: [undefined, 'RATE_LIMITED'],
  },
  {
    key: 'mcp',
    before: 'mcp: {}',
    after: 'mcp: { overload: http_429 }',
    look: async ({ lane }) => ((await lane('mcp')) as { overload: string }).overload,
    sees: ['tool_result', 'http_429'],
  },
]

export function worldOf(spillway: Spillway, tool: FakeTool): World {
  return {
    call: ({ path = '/t', method = 'GET', headers = {}, body, signal } = {}) =>
      new Promise((resolve, reject) => {
        const sent = request(
          `${spillway.proxy}${path}`,
          { method, headers, signal, agent: false },
          (response) => {
            let text = ''
            response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
            response.on('end', () =>
              resolve({ status: response.statusCode ?? 0, text, headers: response.headers }),
            )
          },
        )
        sent.on('error', reject).end(body)
      }),
    seen: () => tool.seen.calls,
    working: () => tool.seen.active,
    cut: () => tool.seen.cut,
    lane: async (field) =>
      ((await (await fetch(`${spillway.admin}/lanes/t`)).json()) as Record<string, unknown>)[field],
  }
}
