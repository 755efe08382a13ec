/** Bytes of one slab: what one write carries at most before it is split. */
export const SLAB_LENGTH = 64 * 1024;

/** Bytes of a slab for large frames, which would each need fresh memory otherwise. */
export const LARGE_SLAB_LENGTH = 4 * SLAB_LENGTH;

/** Bytes of either size kept for reuse; slabs above that are left to the collector. */
const MAX_FREE_BYTES = 1024 * 1024;

/** Longer slabs kept for reuse: each call in flight with such messages needs one. */
const MAX_LONG_FREE = 8;

/**
 * Memory that batches are written into. A connection holds a slab only while it has something to
 * write, so that ten thousand idle connections hold none.
 */
export class SlabPool {
  readonly #free: Buffer[] = [];
  readonly #largeFree: Buffer[] = [];
  /**
   * Longer slabs, each until the next full collection. They double the speed of messages of 4 MiB:
   * of fresh memory in that size, a few messages' make V8 start a collection.
   */
  readonly #longFree: WeakRef<Buffer>[] = [];
  /** Every slab by its memory. A codec's memory may be as long as a slab, and shared with others. */
  readonly #slabs = new WeakMap<ArrayBufferLike, Buffer>();

  /**
   * A slab; its content is undefined.
   *
   * @param length - {@link SLAB_LENGTH}, {@link LARGE_SLAB_LENGTH}, or more: then it may be longer
   */
  take(length: number): Buffer {
    const free = length > LARGE_SLAB_LENGTH ? this.#takeLong(length) : this.#listOf(length).pop();
    if (free !== undefined) return free;
    const slab = Buffer.allocUnsafeSlow(length);
    this.#slabs.set(slab.buffer, slab);
    return slab;
  }

  /** Takes a slab's memory back; memory of any other kind is left to the collector. */
  give(memory: ArrayBufferLike): void {
    const slab = this.#slabs.get(memory);
    if (slab === undefined) return;
    if (slab.length > LARGE_SLAB_LENGTH) {
      if (this.#longFree.length < MAX_LONG_FREE) this.#longFree.push(new WeakRef(slab));
      return;
    }
    const free = this.#listOf(slab.length);
    if (free.length * slab.length < MAX_FREE_BYTES) free.push(slab);
  }

  #listOf(length: number): Buffer[] {
    return length === SLAB_LENGTH ? this.#free : this.#largeFree;
  }

  /** What came back last, and so is in the processor's caches; those too short for it are let go. */
  #takeLong(length: number): Buffer | undefined {
    for (let last = this.#longFree.pop(); last !== undefined; last = this.#longFree.pop()) {
      const slab = last.deref();
      if (slab !== undefined && slab.length >= length) return slab;
    }
    return undefined;
  }
}

/** One pool serves all connections of the process. */
export const sharedSlabs = new SlabPool();
