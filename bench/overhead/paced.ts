/**
 * Measures latency at a fixed rate, with fractions of a millisecond. Each call starts at its scheduled time even if earlier
 * calls still run; otherwise a slow answer would delay the calls after it and hide their latency (coordinated omission).
 */
import { Agent, get } from 'node:http'

/** Interval at which due calls are started. */
const TICK_MS = 2

/** Sends `perSecond` calls a second for `seconds`; rejects if a call fails. */
export async function pacedLatencies(
  url: string,
  perSecond: number,
  seconds: number,
): Promise<{ p50Ms: number; p99Ms: number }> {
  const agent = new Agent({ keepAlive: true })
  const total = perSecond * seconds
  const startedAt = performance.now()
  const calls: Promise<number>[] = []
  while (calls.length < total) {
    const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1000) * perSecond))
    while (calls.length < due) calls.push(timed(url, agent))
    await new Promise((resolve) => setTimeout(resolve, TICK_MS))
  }
  const sorted = (await Promise.all(calls)).sort((a, b) => a - b)
  agent.destroy()
  return { p50Ms: sorted[Math.floor(total * 0.5)] ?? NaN, p99Ms: sorted[Math.floor(total * 0.99)] ?? NaN }
}

function timed(url: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now()
    get(`${url}/x`, { agent }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${url} answered ${response.statusCode ?? 0}`))
      response.resume().on('end', () => resolve(performance.now() - startedAt))
    }).on('error', reject)
  })
}
