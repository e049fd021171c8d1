/**
 * A lane whose only slot is taken, for tests of third-party clients: a fake tool, a real Spillway, and before it a relay
 * that records requests and refusals. The slot comes free before the client can read its first refusal, so that its next
 * attempt starts at any speed of the machine. A test can also ask to free the slot itself.
 */
import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { eventually } from './eventually.ts'
import { fakeTool } from './fake-tool.ts'
import { startSpillway } from './process.ts'
import { startRelay } from './relay.ts'
import type { Attempt, Refusal } from './relay.ts'

/** Milliseconds by which a client may seem early: its timer counts whole ones, and its clock may be one behind. */
const TIMER_MS = 2
/** Seconds of Retry-After: longer than the clients' own first backoff (0 to 1 s), so that the two differ clearly. */
const TOLD_SECONDS = 2

export interface ToolCall {
  readonly method: string
  readonly path: string
  readonly body: string
}

export interface SaturatedLane extends AsyncDisposable {
  /** The base URL for the client under test. */
  readonly url: string
  readonly attempts: readonly Attempt[]
  readonly refusals: readonly Refusal[]
  /** The calls that reached the tool, without the call that holds the slot. */
  readonly calls: readonly ToolCall[]
  /** Ends the call that holds the slot; resolves when the lane is empty. */
  free(): Promise<void>
}

/** Starts tool, Spillway and relay; the tool answers every call with `answer` as JSON. */
export async function saturatedLane(
  answer: object,
  frees: 'at the first refusal' | 'by hand' = 'at the first refusal',
): Promise<SaturatedLane> {
  const calls: ToolCall[] = []
  const json = JSON.stringify(answer)
  const hold = Promise.withResolvers<undefined>()
  const opened: AsyncDisposable[] = []
  const close = async (): Promise<void> => {
    hold.resolve(undefined)
    for (const each of opened.toReversed()) await each[Symbol.asyncDispose]()
  }
  try {
    const tool = await fakeTool(async (request, response) => {
      const body = await text(request)
      const path = request.url ?? ''
      if (path === '/hold') await hold.promise
      else calls.push({ method: request.method ?? '', path, body })
      response.setHeader('Content-Type', 'application/json').end(json)
    })
    opened.push(tool)
    const spillway = await startSpillway(yamlOf(tool.url))
    opened.push(spillway)
    const held = fetch(`${spillway.proxy}/busy/hold`).then((response) => response.text())
    await eventually(() => assert.equal(tool.seen.active, 1))
    const free = async (): Promise<void> => {
      hold.resolve(undefined)
      await held
      await eventually(async () => assert.equal((await spillway.lane('busy')).active_workers, 0))
    }
    opened.push({ [Symbol.asyncDispose]: free })
    const relay = await startRelay(spillway.proxyPort, async () => {
      if (frees === 'at the first refusal') await free()
    })
    opened.push(relay)
    const { attempts, refusals } = relay
    const url = `http://127.0.0.1:${relay.port}/busy`
    return { url, attempts, refusals, calls, free, [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}

function yamlOf(upstream: string): string {
  return `tools:
  busy:
    upstream: ${upstream}
    maxConcurrent: 1
    maxQueueDepth: 0
    controller: { algorithm: fixed }
    retryAfter: { minSeconds: ${TOLD_SECONDS}, maxSeconds: ${TOLD_SECONDS} }`
}

/** The fields of a refusal that every client shows to its caller. */
export const REFUSED = {
  accepted: false,
  reason: 'QUEUE_SATURATED',
  tool: 'busy',
  not_executed: true,
} as const

/** Asserts that the caller got the whole body of the lane's refusal. */
export function assertRefused(body: unknown, { refusals }: SaturatedLane): void {
  assert.partialDeepStrictEqual(body, REFUSED)
  assert.deepEqual(body, JSON.parse(refusals.at(-1)?.body ?? ''))
}

export interface Wait {
  /** Milliseconds from the refusal to the next attempt. */
  readonly waitedMs: number
  /** The Retry-After header, in milliseconds. */
  readonly toldMs: number
  /** The retry-after-ms header, in milliseconds. */
  readonly toldFinerMs: number
}

/** Asserts a lower bound only, because on a busy machine every timer is late. */
export function assertWaited({ waitedMs }: Wait, leastMs: number): void {
  assert.ok(waitedMs >= leastMs - TIMER_MS, `came back after ${waitedMs} ms, before ${leastMs}`)
}

/** Asserts that the client was refused once, tried once more, and that the tool got this one call. */
export function refusedOnceThenServed(lane: SaturatedLane, call: ToolCall): Wait {
  const [refusal, ...more] = lane.refusals
  assert.ok(refusal !== undefined && more.length === 0, `${lane.refusals.length} refusals`)
  assertRefused(JSON.parse(refusal.body), lane)
  assert.deepEqual(
    lane.attempts.map(({ method }) => method),
    [call.method, call.method],
  )
  assert.deepEqual(lane.calls, [call])
  const toldMs = Number(refusal.headers.get('retry-after')) * 1000
  assert.equal(toldMs, TOLD_SECONDS * 1000)
  return {
    waitedMs: (lane.attempts[1]?.atMs ?? 0) - refusal.atMs,
    toldMs,
    toldFinerMs: Number(refusal.headers.get('retry-after-ms')),
  }
}

/** Asserts that the caller got the refusal after one attempt and that no call reached the tool. */
export function refusedAndNotRetried(lane: SaturatedLane): void {
  assert.equal(lane.attempts.length, 1)
  assert.equal(lane.refusals.length, 1)
  assert.deepEqual(lane.calls, [])
}
