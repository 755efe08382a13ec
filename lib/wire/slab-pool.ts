/** Bytes of one slab: what one write carries at most before it is split. */
export const SLAB_LENGTH = 64 * 1024;

/** Bytes of a slab for large frames, which would each need fresh memory otherwise. */
export const LARGE_SLAB_LENGTH = 4 * SLAB_LENGTH;

/** Bytes of either size kept for reuse; slabs above that are left to the collector. */
const MAX_FREE_BYTES = 1024 * 1024;

/**
 * Memory that batches are written into. A connection holds a slab only while it has something to
 * write, so that ten thousand idle connections hold none.
 */
export class SlabPool {
  readonly #free: Buffer[] = [];
  readonly #largeFree: Buffer[] = [];
  /** Every slab by its memory. A codec's memory may be as long as a slab, and shared with others. */
  readonly #slabs = new WeakMap<ArrayBufferLike, Buffer>();

  /** A slab of {@link SLAB_LENGTH} bytes, or {@link LARGE_SLAB_LENGTH}; its content is undefined. */
  take(large = false): Buffer {
    const free = (large ? this.#largeFree : this.#free).pop();
    if (free !== undefined) return free;
    const slab = Buffer.allocUnsafeSlow(large ? LARGE_SLAB_LENGTH : SLAB_LENGTH);
    this.#slabs.set(slab.buffer, slab);
    return slab;
  }

  /** Takes a slab's memory back; memory of any other kind is left to the collector. */
  give(memory: ArrayBufferLike): void {
    const slab = this.#slabs.get(memory);
    if (slab === undefined) return;
    const free = slab.length === SLAB_LENGTH ? this.#free : this.#largeFree;
    if (free.length * slab.length < MAX_FREE_BYTES) free.push(slab);
  }
}

/** One pool serves all connections of the process. */
export const sharedSlabs = new SlabPool();
