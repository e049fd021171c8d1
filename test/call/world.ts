/**
 * The middle of the proxy, from its caller to its tool, without a socket and on a clock that the test moves: the real
 * pipeline, tools and gates between fake callers and fake connections. Every event is recorded.
 */
import assert from 'node:assert/strict'
import { Drain } from '../../src/listen/drain.ts'
import type { LeaseRequest } from '../../src/listen/lease-request.ts'
import { Events } from '../../src/observe/events.ts'
import type { ToolEvent } from '../../src/observe/events.ts'
import { Pipeline } from '../../src/pipeline.ts'
import { Replies } from '../../src/call/replies.ts'
import { FakeCaller } from '../support/fake-caller.ts'
import type { FakeCallerFacts } from '../support/fake-caller.ts'
import { FakeTools } from '../support/fake-tools.ts'
import type { ToolExchange } from '../support/fake-tools.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** One tool, `t`, that takes one call at a time and lets ten wait. `more`: further keys of its lane. */
export function oneTool(more = ''): string {
  return `tools: { t: { upstream: "http://t.internal:1/v1", maxConcurrent: 1, maxQueueDepth: 10, controller: { algorithm: fixed }, ${more} } }`
}

/** Streams hand on what they have in turns of their own. */
async function turn(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
}

const NOBODY: LeaseRequest = {
  jobId: undefined,
  leaseMs: undefined,
  waitMs: undefined,
  priority: undefined,
  agent: undefined,
}

type Told<K extends ToolEvent['kind']> = Extract<ToolEvent, { kind: K }>

export class World {
  readonly clock = new VirtualClock()
  readonly drain = new Drain()
  readonly events = new Events()
  readonly side: FakeTools
  readonly pipeline: Pipeline
  readonly told: { readonly tool: string; readonly event: ToolEvent }[] = []
  isBeyondFleet = false
  /** 0 <= n < 1. */
  random = 0

  constructor(yaml: string) {
    const { clock, drain, events } = this
    const random = (): number => this.random
    events.subscribe((tool, event) => this.told.push({ tool, event }))
    this.side = new FakeTools(yaml, {
      clock,
      random,
      emit: (tool, event) => events.emit(tool, event),
      failed: (error) => events.broke('-', undefined, error),
    })
    const replies = new Replies({ events, drain, random })
    this.pipeline = new Pipeline({
      tools: this.side.tools,
      clock,
      events,
      drain,
      replies,
      random,
      hash: (text) => text,
      isBeyondFleet: () => this.isBeyondFleet,
    })
  }

  /** A request comes. */
  call(facts: FakeCallerFacts = {}): FakeCaller {
    const caller = new FakeCaller(facts)
    this.pipeline.handle(caller)
    return caller
  }

  /** A worker asks for a lease of the tool `t`. */
  lease(wanted: Partial<LeaseRequest> = {}, tool = 't'): FakeCaller {
    const caller = new FakeCaller({ method: 'POST', url: `/lanes/${tool}/leases`, body: '{}' })
    this.pipeline.lease(caller, this.side.tool(tool), { ...NOBODY, ...wanted })
    return caller
  }

  get exchanges(): readonly ToolExchange[] {
    return this.side.exchanges
  }

  /** The last request that went to a tool. */
  get last(): ToolExchange {
    return this.side.last
  }

  /** How many calls of the lane run, and how many wait. */
  depths(tool = 't'): { readonly runs: number; readonly waits: number } {
    const { active, queueDepth } = this.side.tool(tool).gate.lane.depths()
    return { runs: active, waits: queueDepth }
  }

  /** The events of one kind, in order. */
  eventsOf<K extends ToolEvent['kind']>(kind: K): Told<K>[] {
    return this.told.flatMap(({ event }) => (event.kind === kind ? [event as Told<K>] : []))
  }

  /** How requests ended, in order. */
  get outcomes(): string[] {
    return this.eventsOf('finished').map(({ outcome }) => outcome)
  }

  /** How leases ended: cause and verdict. */
  get leaseEnds(): string[] {
    return this.eventsOf('ended').map(({ cause, verdict }) => `${cause} ${verdict}`)
  }

  /** Reasons of the refusals, in order. */
  get reasons(): string[] {
    return this.eventsOf('replied').map(({ reason }) => reason)
  }

  /** Nothing waits, runs, is open or was left counted; `errors`: how many errors of Spillway's own were to be told. */
  async isQuiet(errors = 0): Promise<void> {
    await turn()
    for (const { tool, gate } of this.side.tools.all())
      assert.deepEqual([tool, this.depths(tool), gate.lane.isIdle()], [tool, { runs: 0, waits: 0 }, true])
    assert.equal(this.drain.open, 0, 'exchanges that a shutdown would wait for')
    const broke = this.eventsOf('internal_error').map(({ message, stack }) => `${message} ${stack}`)
    assert.equal(broke.length, errors, broke.join('\n'))
  }
}
