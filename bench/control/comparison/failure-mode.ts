/**
 * A failure mode: a small simulation that is run with and without Spillway, and the figures of both runs.
 */
/** One failure mode. Its figures have the same names and order on both sides. */
export interface FailureMode {
  readonly name: string
  readonly about: string
  readonly without: string
  readonly with: string
  run(isWith: boolean, seed: number): readonly Figure[]
}

export interface Figure {
  readonly name: string
  readonly value: number
  readonly digits: number
}

export function shareOf<T>(all: readonly T[], is: (each: T) => boolean): number {
  return all.filter(is).length / Math.max(1, all.length)
}
