/**
 * The virtual clock: what happens when, in order of time, and among equal times in order of being written down.
 * Nothing is ever taken out; who no longer wants an event lets it pass.
 */
interface Entry {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

export class Agenda {
  readonly #heap: Entry[] = []
  #written = 0
  #nowMs = 0

  get nowMs(): number {
    return this.#nowMs
  }

  at(atMs: number, run: () => void): void {
    const heap = this.#heap
    const entry: Entry = { atMs: Math.max(atMs, this.#nowMs), order: this.#written++, run }
    let index = heap.push(entry) - 1
    while (index > 0) {
      const above = (index - 1) >> 1
      if (!isBefore(entry, heap[above] as Entry)) break
      heap[index] = heap[above] as Entry
      index = above
    }
    heap[index] = entry
  }

  /** Lives through everything up to and including `endMs`. */
  runUntil(endMs: number): void {
    for (let first = this.#heap[0]; first !== undefined && first.atMs <= endMs; first = this.#heap[0]) {
      this.#drop()
      this.#nowMs = first.atMs
      first.run()
    }
    this.#nowMs = endMs
  }

  #drop(): void {
    const heap = this.#heap
    const last = heap.pop() as Entry
    const size = heap.length
    if (size === 0) return
    let index = 0
    for (;;) {
      let below = 2 * index + 1
      if (below >= size) break
      if (below + 1 < size && isBefore(heap[below + 1] as Entry, heap[below] as Entry)) below++
      if (!isBefore(heap[below] as Entry, last)) break
      heap[index] = heap[below] as Entry
      index = below
    }
    heap[index] = last
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
