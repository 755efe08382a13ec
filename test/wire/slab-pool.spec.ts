import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { FrameWriter } from '../../lib/wire/frame-writer.js';
import { LARGE_SLAB_LENGTH, SLAB_LENGTH, SlabPool } from '../../lib/wire/slab-pool.js';
import { frameBytes } from '../support/arbitraries.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** In a function of its own, whose variables are gone when something is to be collected. */
function takeAndGive(pool: SlabPool, count: number): WeakRef<Buffer>[] {
  const slabs = Array.from({ length: count }, () => pool.take(1_000_000));
  for (const { buffer } of slabs) pool.give(buffer);
  return slabs.map((slab) => new WeakRef(slab));
}

describe('SlabPool', () => {
  it('gives a slab out again that came back', () => {
    const pool = new SlabPool();
    const slab = pool.take(SLAB_LENGTH);
    expect(slab.length).toBe(SLAB_LENGTH);
    expect(pool.take(SLAB_LENGTH).buffer).not.toBe(slab.buffer);
    pool.give(slab.buffer);
    expect(pool.take(SLAB_LENGTH).buffer).toBe(slab.buffer);
  });

  it('takes the memory of a part of a slab for the whole slab', () => {
    const pool = new SlabPool();
    const part = pool.take(SLAB_LENGTH).subarray(10, 20);
    pool.give(part.buffer);
    const slab = pool.take(SLAB_LENGTH);
    expect(slab.buffer).toBe(part.buffer);
    expect(slab.length).toBe(SLAB_LENGTH);
  });

  it('takes only its own slabs back, since other memory of that length may be in use elsewhere', () => {
    const pool = new SlabPool();
    const foreign = new ArrayBuffer(SLAB_LENGTH);
    pool.give(foreign);
    pool.give(new SlabPool().take(SLAB_LENGTH).buffer);
    pool.give(new ArrayBuffer(0));
    expect(pool.take(SLAB_LENGTH).buffer).not.toBe(foreign);
  });

  it.each([
    ['slabs', SLAB_LENGTH, 16],
    ['large slabs', LARGE_SLAB_LENGTH, 4],
  ])('keeps of its %s 1 MiB at most', (_what, length, most) => {
    const pool = new SlabPool();
    const slabs = Array.from({ length: most + 1 }, () => pool.take(length).buffer);
    for (const slab of slabs) {
      expect(slab.byteLength * most).toBe(1024 * 1024);
      pool.give(slab);
    }
    const again = new Set(Array.from({ length: most + 1 }, () => pool.take(length).buffer));
    expect(slabs.filter((slab) => again.has(slab))).toEqual(slabs.slice(0, most));
  });

  it('does not give a large slab for a slab, nor the reverse', () => {
    const pool = new SlabPool();
    pool.give(pool.take(LARGE_SLAB_LENGTH).buffer);
    expect(pool.take(SLAB_LENGTH).length).toBe(SLAB_LENGTH);
    pool.give(pool.take(SLAB_LENGTH).buffer);
    expect(pool.take(LARGE_SLAB_LENGTH).length).toBe(LARGE_SLAB_LENGTH);
  });

  it('gives longer slabs out again, the one that came back last first', () => {
    const pool = new SlabPool();
    const slabs = Array.from({ length: 9 }, () => pool.take(1_000_000));
    expect(slabs.every(({ length }) => length === 1_000_000)).toBe(true);
    for (const { buffer } of slabs) pool.give(buffer);
    expect(pool.take(SLAB_LENGTH).length).toBe(SLAB_LENGTH);
    const again = slabs.map(() => slabs.indexOf(pool.take(999_999)));
    expect(again).toEqual([7, 6, 5, 4, 3, 2, 1, 0, -1]);
  });

  it('lets longer slabs go that are too short', () => {
    const pool = new SlabPool();
    const [long, short] = [pool.take(2_000_000), pool.take(1_000_000)];
    pool.give(long.buffer);
    pool.give(short.buffer);
    expect(pool.take(2_000_000)).toBe(long);
    expect(pool.take(1_000_000)).not.toBe(short);
  });

  it('keeps longer slabs only until a full collection', async () => {
    const pool = new SlabPool();
    const kept = takeAndGive(pool, 2);
    // What a turn has made a WeakRef of stays until its end.
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    expect(kept.map((slab) => slab.deref())).toEqual([undefined, undefined]);
    expect(pool.take(1_000_000).length).toBe(1_000_000);
  });

  it('lets a writer lay a very large frame where the one before it lay', () => {
    const writer = new FrameWriter(4_194_304, new SlabPool());
    const memories = [1, 2, 3].map((fill) => {
      const sent = { streamId: 1, type: 3, flags: 0, payload: Buffer.alloc(4_000_000, fill) };
      writer.beginFrame(sent.streamId, sent.type, sent.flags);
      writer.append(sent.payload);
      writer.endFrame();
      const batch = writer.take() as Buffer;
      expect(batch.equals(frameBytes(sent))).toBe(true);
      writer.recycle(batch);
      return batch.buffer;
    });
    expect(memories[1]).not.toBe(memories[0]);
    expect(memories[2]).toBe(memories[1]);
  });
});
