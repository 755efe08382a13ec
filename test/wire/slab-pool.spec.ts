import { describe, expect, it } from 'vitest';
import { LARGE_SLAB_LENGTH, SLAB_LENGTH, SlabPool } from '../../lib/wire/slab-pool.js';

describe('SlabPool', () => {
  it('gives a slab out again that came back', () => {
    const pool = new SlabPool();
    const slab = pool.take();
    expect(slab.length).toBe(SLAB_LENGTH);
    expect(pool.take().buffer).not.toBe(slab.buffer);
    pool.give(slab.buffer);
    expect(pool.take().buffer).toBe(slab.buffer);
  });

  it('takes the memory of a part of a slab for the whole slab', () => {
    const pool = new SlabPool();
    const part = pool.take().subarray(10, 20);
    pool.give(part.buffer);
    const slab = pool.take();
    expect(slab.buffer).toBe(part.buffer);
    expect(slab.length).toBe(SLAB_LENGTH);
  });

  it('takes only its own slabs back, since other memory of that length may be in use elsewhere', () => {
    const pool = new SlabPool();
    const foreign = new ArrayBuffer(SLAB_LENGTH);
    pool.give(foreign);
    pool.give(new SlabPool().take().buffer);
    pool.give(new ArrayBuffer(0));
    expect(pool.take().buffer).not.toBe(foreign);
  });

  it.each([
    ['slabs', false, 16],
    ['large slabs', true, 4],
  ])('keeps of its %s 1 MiB at most', (_what, large, most) => {
    const pool = new SlabPool();
    const slabs = Array.from({ length: most + 1 }, () => pool.take(large).buffer);
    for (const slab of slabs) {
      expect(slab.byteLength * most).toBe(1024 * 1024);
      pool.give(slab);
    }
    const again = new Set(Array.from({ length: most + 1 }, () => pool.take(large).buffer));
    expect(slabs.filter((slab) => again.has(slab))).toEqual(slabs.slice(0, most));
  });

  it('does not give a large slab for a slab, nor the reverse', () => {
    const pool = new SlabPool();
    pool.give(pool.take(true).buffer);
    expect(pool.take().length).toBe(SLAB_LENGTH);
    pool.give(pool.take().buffer);
    expect(pool.take(true).length).toBe(LARGE_SLAB_LENGTH);
  });
});
