/**
 * Loaded into a Spillway under test before its own code: the timers for slow callers, and no others, fire sooner. The
 * bytes that must have arrived by then are computed from the real time, so they are fewer in proportion.
 */
const SOONER_MS = new Map([
  [20_000, 500],
  [60_000, 700],
])
const { setTimeout: real } = globalThis

function sooner(act: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]): unknown {
  return real(act, SOONER_MS.get(delayMs) ?? delayMs, ...args)
}
Reflect.set(globalThis, 'setTimeout', Object.assign(sooner, real))
