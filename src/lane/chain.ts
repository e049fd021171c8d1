/**
 * A line whose members can leave from anywhere: push, remove, first and last at O(1). Whoever pushes keeps the link, so
 * that one thing may stand in several chains. Knows nothing of what it holds.
 */
export interface Link<T> {
  readonly item: T
  before: Link<T> | undefined
  after: Link<T> | undefined
}

export class Chain<T> {
  #first: Link<T> | undefined
  #last: Link<T> | undefined

  get first(): T | undefined {
    return this.#first?.item
  }

  get last(): T | undefined {
    return this.#last?.item
  }

  /** Puts the item at the end. */
  push(item: T): Link<T> {
    const link: Link<T> = { item, before: this.#last, after: undefined }
    if (this.#last === undefined) this.#first = link
    else this.#last.after = link
    this.#last = link
    return link
  }

  /** Takes out a link of this chain, which has to be in it. */
  remove(link: Link<T>): void {
    if (link.before === undefined) this.#first = link.after
    else link.before.after = link.after
    if (link.after === undefined) this.#last = link.before
    else link.after.before = link.before
    link.before = undefined
    link.after = undefined
  }
}
