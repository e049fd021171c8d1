/**
 * Distributions over the seeded generator. Every request owns a stream of its own, so that two laws meet the same calls
 * however differently they schedule them (common random numbers). Normal values by Box-Muller.
 */
import { seededRandom } from '../../../src/cli/demo/seeded-random.ts'
import type { Service } from '../scenario.ts'

export class Random {
  /** 0 <= n < 1. */
  readonly next: () => number

  constructor(seed: number) {
    this.next = seededRandom(seed)
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next())
  }

  lognormal(mean: number, cv: number): number {
    const variance = Math.log(1 + cv * cv)
    const normal = Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next())
    return mean * Math.exp(Math.sqrt(variance) * normal - variance / 2)
  }

  /** Milliseconds of work of one call. */
  work(service: Service): number {
    if ('fastMs' in service) {
      const meanMs = this.next() < service.slowRatio ? service.slowMs : service.fastMs
      return this.lognormal(meanMs, 0.3)
    }
    if (service.cv === 0) return service.meanMs
    return service.cv === 1 ? this.exponential(service.meanMs) : this.lognormal(service.meanMs, service.cv)
  }
}

/** A seed for stream `index` of `seed`; neighbouring indexes give unrelated streams. */
export function streamSeed(seed: number, index: number): number {
  let mixed = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35)
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x7feb352d)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
