/**
 * Pearson correlation of the last `size` pairs, and the coefficient of variation of their second values. Both are 0 before
 * `warmup` pairs, and when x or y varies by less than 1 %. Used by failsafe.ts.
 */
const LEAST_VARIATION = 0.01

export class Correlation {
  readonly #size: number
  readonly #warmup: number
  #pairs: (readonly [x: number, y: number])[] = []

  constructor(size: number, warmup: number) {
    this.#size = size
    this.#warmup = warmup
  }

  add(x: number, y: number): { readonly correlation: number; readonly variation: number } {
    this.#pairs.push([x, y])
    if (this.#pairs.length > this.#size) this.#pairs.shift()
    const none = { correlation: 0, variation: 0 }
    const n = this.#pairs.length
    if (n < this.#warmup) return none
    const mean = (place: 0 | 1): number => this.#pairs.reduce((sum, pair) => sum + pair[place], 0) / n
    const [meanX, meanY] = [mean(0), mean(1)]
    const product = (f: (dx: number, dy: number) => number): number =>
      this.#pairs.reduce((sum, [px, py]) => sum + f(px - meanX, py - meanY), 0) / n
    const deviationX = Math.sqrt(product((dx) => dx * dx))
    const deviationY = Math.sqrt(product((_, dy) => dy * dy))
    const variation = deviationY / meanY
    if (variation < LEAST_VARIATION || deviationX / meanX < LEAST_VARIATION) return none
    return { correlation: product((dx, dy) => dx * dy) / (deviationX * deviationY), variation }
  }
}
