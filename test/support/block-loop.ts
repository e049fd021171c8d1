/**
 * Loaded into a Spillway process with --import: SIGUSR2 blocks its event loop for BLOCKED_MS, as one long piece of work
 * would. The thread sleeps meanwhile, so that the block costs no processor time.
 */
import { env } from 'node:process'

const blockedMs = Number(env['BLOCKED_MS'])

process.on('SIGUSR2', () => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockedMs)
})
