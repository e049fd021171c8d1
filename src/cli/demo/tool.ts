/**
 * A tool as a process of its own: `node tool.ts flaky SEED`. It prints its port as one line of JSON, serves `/call` by the
 * model of knee.ts, and gives the counts of its calls under `/counts`. Like most tools, it does not notice that a caller
 * has left, and finishes the work. It ends when its parent ends.
 */
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemClock } from '../../time/system.ts'
import type { Timer } from '../../time/clock.ts'
import { failRatioOf, SharedSpeed } from './knee.ts'
import { seededRandom } from './seeded-random.ts'
import type { Random } from './seeded-random.ts'
import { TOOL_SETTINGS, TOOLS } from './workload.ts'
import type { ToolSettings } from './workload.ts'

export interface Counts {
  readonly started: number
  /** Answered 200 to a caller that was still connected. */
  readonly answered: number
  /** Answered 500 to a caller that was still connected. */
  readonly failed: number
  /** Calls whose caller left before the answer, so that the work was wasted. */
  readonly wasted: number
  readonly running: number
  readonly mostAtOnce: number
}

interface Job {
  readonly response: ServerResponse
  readonly fails: boolean
}

class Tool {
  readonly #settings: ToolSettings
  readonly #random: Random
  readonly #work: SharedSpeed<Job>
  readonly #counts = { started: 0, answered: 0, failed: 0, wasted: 0, mostAtOnce: 0 }
  #timer: Timer | undefined

  constructor(settings: ToolSettings, random: Random) {
    this.#settings = settings
    this.#random = random
    this.#work = new SharedSpeed(settings.knee, systemClock.nowMs())
  }

  counts(): Counts {
    return { ...this.#counts, running: this.#work.active }
  }

  call(response: ServerResponse): void {
    const nowMs = systemClock.nowMs()
    const { fastestMs, slowestMs } = this.#settings
    this.#answerEnded(nowMs)
    const fails = this.#random() < failRatioOf(this.#work.active + 1, this.#settings.knee)
    const workMs = fastestMs + this.#random() * (slowestMs - fastestMs)
    // A call that fails stops at a random point of its work, so part of the work is still spent on it.
    this.#work.begin({ response, fails }, fails ? workMs * this.#random() : workMs, nowMs)
    this.#counts.started++
    this.#counts.mostAtOnce = Math.max(this.#counts.mostAtOnce, this.#work.active)
    response.once('close', () => {
      if (!response.writableEnded) this.#counts.wasted++
    })
    this.#wakeForNext(nowMs)
  }

  close(): void {
    this.#timer?.clear()
  }

  #answerEnded(nowMs: number): void {
    for (const { response, fails } of this.#work.take(nowMs)) {
      if (response.destroyed) continue
      if (fails) this.#counts.failed++
      else this.#counts.answered++
      response.writeHead(fails ? 500 : 200, { 'Content-Type': 'application/json' })
      response.end(fails ? '{"error":"overloaded"}\n' : '{"result":"done"}\n')
    }
  }

  #wakeForNext(nowMs: number): void {
    this.#timer?.clear()
    const dueAtMs = this.#work.nextDueAtMs()
    if (dueAtMs === Infinity) return
    this.#timer = systemClock.after(dueAtMs - nowMs, () => {
      const wokenAtMs = systemClock.nowMs()
      this.#answerEnded(wokenAtMs)
      this.#wakeForNext(wokenAtMs)
    })
  }
}

function serve(name: string, seed: number): void {
  const known = TOOLS.find((tool) => tool === name)
  if (known === undefined) throw new Error(`the demo has no tool ${JSON.stringify(name)}`)
  const tool = new Tool(TOOL_SETTINGS[known], seededRandom(seed))
  // Longer than the demo, so that no kept-alive connection closes under a request.
  const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
    if (request.url === '/counts') response.end(JSON.stringify(tool.counts()))
    else tool.call(response)
  })
  server.listen(0, '127.0.0.1', () => {
    process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`)
  })
  // The parent holds the other end of stdin and never writes, so stdin closes when the parent ends.
  process.stdin.resume().once('close', () => {
    server.close()
    server.closeAllConnections()
    tool.close()
  })
}

const [, , name = '', seed = ''] = process.argv
serve(name, Number(seed))
