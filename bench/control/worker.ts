/**
 * One thread of the benchmark: a job comes in, its answer goes out.
 */
import { parentPort } from 'node:worker_threads'
import { work } from './jobs.ts'
import type { Job } from './jobs.ts'

parentPort?.on('message', (job: Job) => parentPort?.postMessage(work(job)))
