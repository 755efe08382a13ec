/** Taken items are cut off the front of the list when there are this many. */
const COMPACT_AT = 1024;

/** First in, first out, in constant time; what was taken is not kept. */
export class Fifo<T> {
  readonly #items: T[] = [];
  /** Index of the oldest. */
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Takes the oldest; there must be one. */
  take(): T {
    const item = this.#items[this.#head] as T;
    this.#items[this.#head++] = undefined as T;
    if (this.#head === this.#items.length) this.clear();
    else if (this.#head === COMPACT_AT) {
      this.#items.splice(0, COMPACT_AT);
      this.#head = 0;
    }
    return item;
  }

  clear(): void {
    this.#items.length = 0;
    this.#head = 0;
  }
}
