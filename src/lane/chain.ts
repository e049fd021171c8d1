/**
 * A doubly linked list: push, remove, first and last at O(1). The caller of `push` keeps the link, so one item may be in
 * several chains. Knows nothing of its items.
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

  /** Removes a link, which has to be in this chain. */
  remove(link: Link<T>): void {
    if (link.before === undefined) this.#first = link.after
    else link.before.after = link.after
    if (link.after === undefined) this.#last = link.before
    else link.after.before = link.before
    link.before = undefined
    link.after = undefined
  }
}
