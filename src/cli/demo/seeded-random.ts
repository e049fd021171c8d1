/**
 * Random numbers that repeat: the same seed gives the same numbers on every machine. The demo, the benchmarks and the
 * tests draw from this one generator. mulberry32: 32 bits of state, period 2^32. Source: Tommy Ettinger, 2017, public
 * domain.
 */

/** A source of numbers, 0 <= n < 1. */
export type Random = () => number

export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
