/**
 * Shares the time for reading between messages. In: a body and its headers. Out: its McpBody, by callback. A short body is
 * read at once. A long one is read in steps by one timer, with other work of the process between two steps. The MCP
 * servers take turns (round robin), and the bodies of one server are read one after the other.
 */
import type { McpHeaders } from './headers.ts'
import { BodyReader } from './read.ts'
import type { McpBody } from './read.ts'
import type { Clock, Timer } from '../time/clock.ts'

/** Bytes of one step: at most 1 ms (measured: 95 to 1,300 MB/s, depending on the content). */
export const STEP_BYTES = 131_072

/** Milliseconds between two steps: sockets and timers go first, and long bodies get about half of the process's time. */
const PAUSE_MS = 1

interface Job {
  readonly reader: BodyReader
  readonly done: (body: McpBody) => void
  readonly fail: (error: unknown) => void
}

const NO_TIMER: Timer = { clear: () => undefined }

export class ReadScheduler {
  readonly #clock: Clock
  /** The jobs of each server. The order of the map is the order of the turns. */
  readonly #jobs = new Map<string, Job[]>()
  #isTimerSet = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Bodies that are not read to their end yet. */
  get waiting(): number {
    return [...this.#jobs.values()].reduce((sum, jobs) => sum + jobs.length, 0)
  }

  /**
   * Calls `done` once, now or later, or `fail` with an error of the reader. Clearing the returned timer stops the reading,
   * and then neither is called.
   */
  read(
    server: string,
    message: { readonly bytes: Buffer; readonly headers: McpHeaders },
    done: (body: McpBody) => void,
    fail: (error: unknown) => void,
  ): Timer {
    const reader = new BodyReader(message.bytes, message.headers)
    const body = reader.step(STEP_BYTES)
    if (body !== undefined) {
      done(body)
      return NO_TIMER
    }
    const job = { reader, done, fail }
    this.#jobs.set(server, [...(this.#jobs.get(server) ?? []), job])
    this.#setTimer()
    return { clear: () => this.#drop(server, job) }
  }

  #setTimer(): void {
    if (this.#isTimerSet || this.#jobs.size === 0) return
    this.#isTimerSet = true
    this.#clock.after(PAUSE_MS, () => {
      this.#isTimerSet = false
      this.#step()
    })
  }

  #step(): void {
    const [first] = this.#jobs
    if (first === undefined) return
    const [server, jobs] = first
    const job = jobs[0] as Job
    // The server goes to the end of the round.
    this.#jobs.delete(server)
    this.#jobs.set(server, jobs)
    let body: McpBody | undefined
    try {
      body = job.reader.step(STEP_BYTES)
    } catch (error) {
      this.#drop(server, job)
      this.#setTimer()
      return job.fail(error)
    }
    if (body !== undefined) this.#drop(server, job)
    // The timer is set before `done`, which may throw: an error of one call must not stop the reading of the others.
    this.#setTimer()
    if (body !== undefined) job.done(body)
  }

  #drop(server: string, job: Job): void {
    const left = (this.#jobs.get(server) ?? []).filter((each) => each !== job)
    if (left.length > 0) this.#jobs.set(server, left)
    else this.#jobs.delete(server)
  }
}
