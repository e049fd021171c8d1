/**
 * Reads the messages for MCP servers without keeping the process from its other work: a short one at once, a long one in
 * steps, between which whatever is due goes first. One step in a turn for all long ones together; the servers take turns,
 * and the messages of one server wait for each other.
 */
import { McpReader } from './read.ts'
import type { McpBody, McpHeaders } from './read.ts'
import type { Clock, Timer } from '../time/clock.ts'

/** Bytes looked at in one step: 1 ms for the worst of them (measured: 95 to 1,300 MB/s, by what is in them). */
export const STEP_BYTES = 131_072

/** Milliseconds between two steps: sockets and timers come first, and long messages take about half of the time at most. */
const TURN_MS = 1

interface Job {
  readonly reader: McpReader
  readonly done: (body: McpBody) => void
  readonly fail: (error: unknown) => void
}

const NOTHING: Timer = { clear: () => undefined }

export class Judge {
  readonly #clock: Clock
  /** Of each server, in the order in which the servers take their turns. */
  readonly #jobs = new Map<string, Job[]>()
  #isWaking = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Messages that are being read. */
  get waiting(): number {
    return [...this.#jobs.values()].reduce((sum, jobs) => sum + jobs.length, 0)
  }

  /** Calls `done` once, or `fail` with an error of ours, now or later, unless what is given back is cleared before. */
  read(
    server: string,
    message: { readonly bytes: Buffer; readonly headers: McpHeaders },
    done: (body: McpBody) => void,
    fail: (error: unknown) => void,
  ): Timer {
    const reader = new McpReader(message.bytes, message.headers)
    const body = reader.step(STEP_BYTES)
    if (body !== undefined) {
      done(body)
      return NOTHING
    }
    const job = { reader, done, fail }
    this.#jobs.set(server, [...(this.#jobs.get(server) ?? []), job])
    this.#wakeLater()
    return { clear: () => this.#drop(server, job) }
  }

  #wakeLater(): void {
    if (this.#isWaking || this.#jobs.size === 0) return
    this.#isWaking = true
    this.#clock.after(TURN_MS, () => {
      this.#isWaking = false
      this.#step()
    })
  }

  #step(): void {
    const [first] = this.#jobs
    if (first === undefined) return
    const [server, jobs] = first
    const job = jobs[0] as Job
    // To the end of the turns.
    this.#jobs.delete(server)
    this.#jobs.set(server, jobs)
    let body: McpBody | undefined
    try {
      body = job.reader.step(STEP_BYTES)
    } catch (error) {
      this.#drop(server, job)
      this.#wakeLater()
      return job.fail(error)
    }
    if (body !== undefined) this.#drop(server, job)
    // Before `done`, which may throw: that is the affair of one message.
    this.#wakeLater()
    if (body !== undefined) job.done(body)
  }

  #drop(server: string, job: Job): void {
    const left = (this.#jobs.get(server) ?? []).filter((each) => each !== job)
    if (left.length > 0) this.#jobs.set(server, left)
    else this.#jobs.delete(server)
  }
}
