/**
 * A tool on loopback. A test decides its answers, and it counts its calls: all, the most at once, and those cut off.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Seen {
  /** Calls whose head arrived. */
  calls: number
  /** Calls under way now. */
  active: number
  mostActive: number
  /** Calls whose connection closed before the answer was sent. */
  cut: number
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => unknown

export interface FakeTool extends AsyncDisposable {
  readonly port: number
  readonly url: string
  readonly seen: Seen
  /** Changes how the next calls are answered. */
  answer: Answer
}

/** Starts a tool; `await using` stops it. */
export async function fakeTool(answer: Answer): Promise<FakeTool> {
  const seen: Seen = { calls: 0, active: 0, mostActive: 0, cut: 0 }
  const server = createServer((request, response) => {
    seen.calls++
    seen.active++
    seen.mostActive = Math.max(seen.mostActive, seen.active)
    response.on('close', () => {
      seen.active--
      if (!response.writableFinished) seen.cut++
    })
    void Promise.resolve(tool.answer(request, response)).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const tool = {
    port,
    url: `http://127.0.0.1:${port}`,
    seen,
    answer,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return tool
}

/** Answers 200 with a short text after `ms` milliseconds. */
export function after(ms: number, text = 'done'): Answer {
  return async (request, response) => {
    request.resume()
    await new Promise((resolve) => setTimeout(resolve, ms))
    response.writeHead(200, { 'Content-Type': 'text/plain' })
    response.end(text)
  }
}
