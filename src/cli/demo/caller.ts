/**
 * One call as an agent's client library makes it: a timeout, three tries, a short backoff, and Retry-After obeyed where
 * a server sends one. Both runs use this code; it must not know whether Spillway is there.
 */
import { request } from 'undici'
import type { Dispatcher } from 'undici'
import { delay, systemClock } from '../../time/system.ts'
import type { Random } from './seeded-random.ts'
import type { Workers } from './workers.ts'
import { BACKOFF_MS, PATIENCE_MS, TIMEOUT_MS, TRIES } from './workload.ts'
import type { ToolName } from './workload.ts'

/** What became of one call, with all its tries. */
export interface CallRecord {
  readonly tool: ToolName
  /** Monotonic milliseconds: when the agent made the call, and when the call succeeded or was given up. */
  readonly askedAtMs: number
  readonly endedAtMs: number
  readonly succeeded: boolean
  /** How each request ended, the last one last. */
  readonly tries: readonly Ending[]
}

export type Ending = 'ok' | 'failed' | 'refused' | 'timed_out' | 'broken'

export interface CallerParts {
  readonly urls: Readonly<Record<ToolName, string>>
  readonly workers: Workers
  readonly connections: Dispatcher
}

interface Answer {
  readonly ending: Ending
  readonly retryAfterMs: number | undefined
}

export async function call(parts: CallerParts, tool: ToolName, random: Random): Promise<CallRecord> {
  const askedAtMs = systemClock.nowMs()
  const tries: Ending[] = []
  for (;;) {
    // A worker makes one request. During the wait before the next one it is free for other calls.
    const { ending, retryAfterMs } = await parts.workers.run(() =>
      tryOnce(parts.urls[tool], parts.connections),
    )
    tries.push(ending)
    const endedAtMs = systemClock.nowMs()
    const backoffMs = BACKOFF_MS * 2 ** (tries.length - 1) * (0.5 + random() / 2)
    const waitMs = retryAfterMs ?? backoffMs
    const isOver = ending === 'ok' || tries.length === TRIES || endedAtMs + waitMs - askedAtMs > PATIENCE_MS
    if (isOver) return { tool, askedAtMs, endedAtMs, succeeded: ending === 'ok', tries }
    await delay(waitMs)
  }
}

async function tryOnce(url: string, connections: Dispatcher): Promise<Answer> {
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  try {
    const { statusCode, headers, body } = await request(url, { dispatcher: connections, signal })
    await body.dump()
    return { ending: endingOf(statusCode), retryAfterMs: retryAfterOf(headers) }
  } catch {
    return { ending: signal.aborted ? 'timed_out' : 'broken', retryAfterMs: undefined }
  }
}

function endingOf(status: number): Ending {
  if (status < 400) return 'ok'
  return status === 429 || status === 503 ? 'refused' : 'failed'
}

/** As the OpenAI and Anthropic clients read it: the finer header wins. */
function retryAfterOf(headers: Readonly<Record<string, string | string[] | undefined>>): number | undefined {
  const { 'retry-after-ms': fine, 'retry-after': coarse } = headers
  if (typeof fine === 'string') return Number(fine)
  return typeof coarse === 'string' ? Number(coarse) * 1000 : undefined
}
