/**
 * Latency at a fixed rate, with fractions of a millisecond: calls start when the clock says so, whether or not earlier
 * ones are back, so that a slow answer does not hide the ones behind it.
 */
import { Agent, get } from 'node:http'

/** Milliseconds between two looks at the clock. */
const TICK_MS = 2

/** `perSecond` calls for `seconds`; rejects when one fails. */
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
