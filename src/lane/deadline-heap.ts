/**
 * A binary min-heap over `dueAtMs`. Each item stores its own index, so that removing one from the middle (a caller left,
 * a call ended) costs O(log n) and no search. Knows nothing of tickets or leases.
 */
export interface Due {
  /** Milliseconds on the lane's clock. Change it only through `move`. */
  dueAtMs: number
  /** Owned by the heap; -1 while outside. */
  heapIndex: number
}

export class DeadlineHeap<T extends Due> {
  readonly #items: T[] = []

  get size(): number {
    return this.#items.length
  }

  /** All items, in no particular order. The heap must not be changed while they are read. */
  items(): Iterable<T> {
    return this.#items
  }

  /** The item that is due first. */
  peek(): T | undefined {
    return this.#items[0]
  }

  push(item: T): void {
    item.heapIndex = this.#items.length
    this.#items.push(item)
    this.#up(item)
  }

  /** Removes the item; false when it is not in the heap. */
  remove(item: T): boolean {
    const index = item.heapIndex
    if (index < 0 || this.#items[index] !== item) return false
    const last = this.#items.pop() as T
    item.heapIndex = -1
    if (last !== item) {
      this.#place(last, index)
      this.#settle(last)
    }
    return true
  }

  /** Gives an item that is in the heap a new due time. */
  move(item: T, dueAtMs: number): void {
    item.dueAtMs = dueAtMs
    this.#settle(item)
  }

  #settle(item: T): void {
    if (!this.#up(item)) this.#down(item)
  }

  #up(item: T): boolean {
    const start = item.heapIndex
    while (item.heapIndex > 0) {
      const above = this.#items[(item.heapIndex - 1) >> 1] as T
      if (above.dueAtMs <= item.dueAtMs) break
      this.#swap(above, item)
    }
    return item.heapIndex !== start
  }

  #down(item: T): void {
    for (;;) {
      const left = this.#items[2 * item.heapIndex + 1]
      const right = this.#items[2 * item.heapIndex + 2]
      const below = right !== undefined && left !== undefined && right.dueAtMs < left.dueAtMs ? right : left
      if (below === undefined || below.dueAtMs >= item.dueAtMs) return
      this.#swap(item, below)
    }
  }

  #swap(above: T, below: T): void {
    const index = above.heapIndex
    this.#place(above, below.heapIndex)
    this.#place(below, index)
  }

  #place(item: T, index: number): void {
    this.#items[index] = item
    item.heapIndex = index
  }
}
