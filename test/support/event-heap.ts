/**
 * What happens when, in order of time, and among equal times in the order in which it was put in. A binary heap: O(log n)
 * for each event.
 */
interface Entry<T> {
  readonly atMs: number
  readonly order: number
  readonly item: T
}

export class EventHeap<T> {
  readonly #heap: Entry<T>[] = []
  #pushed = 0

  /** The earliest event. */
  peek(): { readonly atMs: number; readonly item: T } | undefined {
    return this.#heap[0]
  }

  push(atMs: number, item: T): void {
    const heap = this.#heap
    const entry: Entry<T> = { atMs, order: this.#pushed++, item }
    let index = heap.push(entry) - 1
    while (index > 0) {
      const above = (index - 1) >> 1
      if (!isBefore(entry, heap[above] as Entry<T>)) break
      heap[index] = heap[above] as Entry<T>
      index = above
    }
    heap[index] = entry
  }

  /** Takes out the earliest event. */
  shift(): void {
    const heap = this.#heap
    const last = heap.pop()
    const size = heap.length
    if (last === undefined || size === 0) return
    let index = 0
    for (;;) {
      let below = 2 * index + 1
      if (below >= size) break
      if (below + 1 < size && isBefore(heap[below + 1] as Entry<T>, heap[below] as Entry<T>)) below++
      if (!isBefore(heap[below] as Entry<T>, last)) break
      heap[index] = heap[below] as Entry<T>
      index = below
    }
    heap[index] = last
  }
}

function isBefore(a: Entry<unknown>, b: Entry<unknown>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
