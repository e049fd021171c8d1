/**
 * Hands jobs to worker threads, one at a time each, and gives the answers back in the order of the jobs.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Answer, Job } from './jobs.ts'

export class Workers {
  readonly #threads: Worker[]

  constructor(count: number) {
    this.#threads = Array.from({ length: count }, () => new Worker(new URL('worker.ts', import.meta.url)))
  }

  async run(jobs: readonly Job[]): Promise<Answer[]> {
    const answers: Answer[] = []
    let next = 0
    const serve = async (thread: Worker): Promise<void> => {
      for (let index = next++; index < jobs.length; index = next++) {
        thread.postMessage(jobs[index])
        const [answer] = (await once(thread, 'message')) as [Answer]
        answers[index] = answer
      }
    }
    await Promise.all(this.#threads.map(serve))
    return answers
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()))
  }
}
