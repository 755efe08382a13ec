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

  /** A slab of {@link SLAB_LENGTH} bytes whose content is undefined. */
  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(SLAB_LENGTH);
  }

  /** Takes memory back; what is not a whole slab is left to the collector. */
  give(memory: ArrayBufferLike): void {
    if (memory.byteLength === SLAB_LENGTH && this.#free.length < MAX_FREE) {
      this.#free.push(Buffer.from(memory as ArrayBuffer));
    }
  }
}

/** One pool serves all connections of the process. */
export const sharedSlabs = new SlabPool();
