/**
 * The modelled tool as a process of its own: `node tool.ts '{"model": ..., "seed": 1}'`. It is the simulation's tool
 * (../engine/tool.ts) whose agenda is moved on by the real clock, so that both worlds differ in the wire alone. Says its
 * port as one line of JSON. `/begin` starts the scenario's time, `/inside` tells what it does; all else is a call, whose
 * work is drawn from the caller's number, as in the simulation. Ends when its parent does.
 */
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { performance } from 'node:perf_hooks'
import { Agenda } from '../engine/agenda.ts'
import { Random, streamSeed } from '../engine/random.ts'
import { Tool, ToolCall } from '../engine/tool.ts'
import type { Result } from '../engine/tool.ts'
import type { ToolModel } from '../scenario.ts'

export interface ToolOrder {
  readonly model: ToolModel
  /** Of the stream of callers. */
  readonly seed: number
}

export interface Inside {
  readonly inTool: number
  readonly workMs: number
  readonly wastedMs: number
}

export const NUMBER_HEADER = 'x-call-number'
/** Milliseconds between two looks at the clock: how late an answer can be. */
const TICK_MS = 2

class TimedTool {
  readonly #agenda = new Agenda()
  readonly #tool: Tool
  readonly #seed: number
  readonly #zeroMs = performance.now()
  readonly #ticker: NodeJS.Timeout

  constructor({ model, seed }: ToolOrder) {
    this.#tool = new Tool(model, this.#agenda)
    this.#seed = seed
    this.#ticker = setInterval(() => this.#catchUp(), TICK_MS)
  }

  inside(): Inside {
    return { inTool: this.#tool.inFlight, ...this.#tool.done }
  }

  call(number: number, response: ServerResponse): void {
    this.#catchUp()
    const random = new Random(streamSeed(this.#seed, number))
    // The simulation's callers draw a random number for their admission first.
    random.next()
    const call = new ToolCall((result) => answer(response, result))
    response.once('close', () => {
      if (response.writableEnded) return
      this.#catchUp()
      this.#tool.abandon(call)
    })
    this.#tool.begin(call, random)
  }

  close(): void {
    clearInterval(this.#ticker)
  }

  #catchUp(): void {
    this.#agenda.runUntil(performance.now() - this.#zeroMs)
  }
}

const STATUS = { ok: 200, error: 500, throttled: 429 } as const

function answer(response: ServerResponse, result: Result): void {
  if (response.destroyed) return
  response.writeHead(STATUS[result.kind], { 'Content-Type': 'application/json' })
  response.end('{}\n')
}

function serve(order: ToolOrder): void {
  let tool: TimedTool | undefined
  // Longer than any replay, so that no kept-alive connection closes under a call.
  const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
    if (request.url === '/begin') {
      tool ??= new TimedTool(order)
      response.end()
    } else if (request.url === '/inside') response.end(JSON.stringify(tool?.inside()))
    else if (tool === undefined) response.writeHead(503).end()
    else tool.call(Number(request.headers[NUMBER_HEADER]), response)
  })
  server.listen(0, '127.0.0.1', () => {
    process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`)
  })
  // The parent holds the other end of stdin and never writes: its end is the parent's.
  process.stdin.resume().once('close', () => {
    server.close()
    server.closeAllConnections()
    tool?.close()
  })
}

if (import.meta.main) serve(JSON.parse(process.argv[2] ?? '') as ToolOrder)
