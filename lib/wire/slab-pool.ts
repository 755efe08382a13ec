/** Bytes of one slab: what one write carries at most before it is split. */
export const SLAB_LENGTH = 64 * 1024;

/** Slabs kept for reuse; more than this many that come back at once are left to the collector. */
const MAX_FREE = 16;

/**
 * Memory that batches are written into. A connection holds a slab only while it has something to
 * write, so that ten thousand idle connections hold none.
 */
export class SlabPool {
  readonly #free: Buffer[] = [];
  /** Every slab by its memory. A codec's memory may be as long as a slab, and shared with others. */
  readonly #slabs = new WeakMap<ArrayBufferLike, Buffer>();

  /** A slab of {@link SLAB_LENGTH} bytes whose content is undefined. */
  take(): Buffer {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const slab = Buffer.allocUnsafeSlow(SLAB_LENGTH);
    this.#slabs.set(slab.buffer, slab);
    return slab;
  }

  /** Takes a slab's memory back; memory of any other kind is left to the collector. */
  give(memory: ArrayBufferLike): void {
    const slab = this.#slabs.get(memory);
    if (slab !== undefined && this.#free.length < MAX_FREE) this.#free.push(slab);
  }
}

/** One pool serves all connections of the process. */
export const sharedSlabs = new SlabPool();
