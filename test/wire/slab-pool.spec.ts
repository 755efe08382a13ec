import { describe, expect, it } from 'vitest';
import { SLAB_LENGTH, SlabPool } from '../../lib/wire/slab-pool.js';

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

  it('keeps 16 slabs at most', () => {
    const pool = new SlabPool();
    const slabs = Array.from({ length: 17 }, () => pool.take().buffer);
    for (const slab of slabs) pool.give(slab);
    const again = new Set(Array.from({ length: 17 }, () => pool.take().buffer));
    expect(slabs.filter((slab) => again.has(slab))).toEqual(slabs.slice(0, 16));
  });
});
