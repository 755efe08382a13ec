import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PayloadTooLargeError, UsageError } from '../../lib/errors.js';
import { FrameWriter } from '../../lib/wire/frame-writer.js';
import { SLAB_LENGTH, SlabPool } from '../../lib/wire/slab-pool.js';
import { frame, frameBytes, type FrameFields } from '../support/arbitraries.js';
import { frames, hex } from '../support/transcript.js';

const LIMIT = 4_194_304;

/** A pool that knows how many of its slabs are out. */
class CountingPool extends SlabPool {
  readonly out = new Set<ArrayBufferLike>();

  readonly #slabs = new Set<ArrayBufferLike>();

  override take(length: number): Buffer {
    const slab = super.take(length);
    expect(this.out.has(slab.buffer)).toBe(false);
    this.out.add(slab.buffer);
    this.#slabs.add(slab.buffer);
    return slab;
  }

  override give(memory: ArrayBufferLike): void {
    if (this.#slabs.has(memory)) expect(this.out.delete(memory)).toBe(true);
    super.give(memory);
  }
}

function write(writer: FrameWriter, fields: FrameFields): void {
  writer.beginFrame(fields.streamId, fields.type, fields.flags);
  writer.append(fields.payload);
  writer.endFrame();
}

function data(length: number, streamId = 1): FrameFields {
  return { streamId, type: 3, flags: 0, payload: Buffer.alloc(length, streamId) };
}

/** Everything that waits, batch by batch; the memory goes back. */
function takeAll(writer: FrameWriter): Buffer[] {
  const batches: Buffer[] = [];
  for (let batch = writer.take(); batch !== undefined; batch = writer.take()) {
    batches.push(Buffer.from(batch));
    batch.fill(0xee);
    writer.recycle(batch);
  }
  return batches;
}

/** What appending leaves in a payload, as hex. */
function payloadOf(append: (writer: FrameWriter) => void): string {
  const writer = new FrameWriter(LIMIT);
  writer.beginFrame(1, 3, 0);
  append(writer);
  writer.endFrame();
  return (writer.take() as Buffer).toString('hex', 10);
}

/** Appends as a codec does that finds the buffer too small: by way of a larger one of its own. */
function appendInLargerBuffer(writer: FrameWriter, bytes: Uint8Array): void {
  const larger = Buffer.alloc(writer.length + bytes.length);
  writer.buffer.copy(larger, 0, 0, writer.length);
  larger.set(bytes, writer.length);
  writer.buffer = larger;
  writer.length = larger.length;
}

describe('FrameWriter', () => {
  it('lays frames out one behind the other and gives them as one batch', () => {
    const writer = new FrameWriter(LIMIT);
    write(writer, { streamId: 1, type: 1, flags: 2, payload: hex('aabbcc') });
    write(writer, { streamId: 0xffff_ffff, type: 3, flags: 5, payload: hex('') });
    expect(frames(writer.take() as Buffer)).toEqual([
      '00000003 00000001 01 02 aabbcc',
      '00000000 ffffffff 03 05',
    ]);
    expect(writer.take()).toBeUndefined();
  });

  it('refuses a frame within a frame, and goes on with the first', () => {
    const writer = new FrameWriter(LIMIT);
    writer.beginFrame(1, 1, 0);
    expect(() => writer.beginFrame(3, 1, 0)).toThrow(UsageError);
    writer.append(hex('aa'));
    writer.endFrame();
    expect(frames(writer.take() as Buffer)).toEqual(['00000001 00000001 01 00 aa']);
  });

  it('takes back the last frame that waits by cutting it off', () => {
    const writer = new FrameWriter(LIMIT);
    write(writer, { streamId: 1, type: 1, flags: 0, payload: hex('aa') });
    const { position } = writer;
    write(writer, { streamId: 3, type: 1, flags: 0, payload: hex('bbcc') });
    writer.revoke(position, 3);
    expect(writer.pending).toBe(11);
    write(writer, { streamId: 5, type: 1, flags: 0, payload: hex('dd') });
    expect(frames(writer.take() as Buffer)).toEqual([
      '00000001 00000001 01 00 aa',
      '00000001 00000005 01 00 dd',
    ]);
  });

  it('gives its memory back when the only frame was taken back', () => {
    const pool = new CountingPool();
    const writer = new FrameWriter(LIMIT, pool);
    write(writer, { streamId: 1, type: 1, flags: 0, payload: hex('aa') });
    writer.revoke(0, 1);
    expect(writer.take()).toBeUndefined();
    expect(pool.out.size).toBe(0);
  });

  it('makes any other frame that waits one which every peer ignores', () => {
    const writer = new FrameWriter(100_000);
    const payload = Buffer.alloc(40_000);
    const positions = [1, 3, 5].map((streamId) => {
      const { position } = writer;
      write(writer, { streamId, type: 1, flags: 6, payload });
      return position;
    });
    // The first fills a batch of its own; the others are behind it.
    writer.revoke(positions[0] as number, 1);
    writer.revoke(positions[1] as number, 3);
    const headers = Buffer.concat(takeAll(writer));
    expect(
      [0, 40_010, 80_020].map((at) => headers.subarray(at + 4, at + 10).toString('hex')),
    ).toEqual(['000000010006', '000000030006', '000000050106']);
  });

  it('takes back every frame of a stream, and only those, wherever they stand', () => {
    fc.assert(
      fc.property(fc.array(frame(40_000), { maxLength: 8 }), (random) => {
        const writer = new FrameWriter(LIMIT);
        const streamId = 1;
        const given = random.map((fields) => ({ ...fields, streamId: fields.streamId % 3 }));
        for (const fields of given) write(writer, fields);
        writer.revoke(0, streamId);
        const last = given.findLastIndex((fields) => fields.streamId !== streamId);
        const kept = given
          .slice(0, last + 1)
          .map((fields) => (fields.streamId === streamId ? { ...fields, type: 0 } : fields));
        const expected = Buffer.concat(kept.map(frameBytes));
        const left = Buffer.concat(takeAll(writer));
        // What ended a batch that was full by then stays, but is void.
        expect(left.subarray(0, expected.length).equals(expected)).toBe(true);
        for (let at = expected.length; at < left.length; at += 10 + left.readUInt32BE(at)) {
          expect(left[at + 8]).toBe(0);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('takes nothing back that stands before the stream, nor what is being written', () => {
    const writer = new FrameWriter(LIMIT);
    write(writer, { streamId: 3, type: 1, flags: 0, payload: hex('aa') });
    const { position } = writer;
    write(writer, { streamId: 3, type: 1, flags: 0, payload: hex('bb') });
    writer.beginFrame(5, 1, 0);
    writer.revoke(position, 3);
    writer.endFrame();
    expect(frames(writer.take() as Buffer)).toEqual([
      '00000001 00000003 01 00 aa',
      '00000001 00000003 00 00 bb',
      '00000000 00000005 01 00',
    ]);
  });

  it('lays any frames out as they were given', () => {
    fc.assert(
      fc.property(fc.array(frame(40_000), { maxLength: 8 }), (given) => {
        const pool = new CountingPool();
        const writer = new FrameWriter(LIMIT, pool);
        for (const fields of given) write(writer, fields);
        const expected = Buffer.concat(given.map(frameBytes));
        expect(writer.pending).toBe(expected.length);
        expect(Buffer.concat(takeAll(writer)).equals(expected)).toBe(true);
        expect(pool.out.size).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['an empty one', 0, '0a00'],
    ['one length byte', 127, '0a7f'],
    ['two', 128, '0a8001'],
    ['two at most', 16_383, '0aff7f'],
    ['three', 16_384, '0a808001'],
    ['three, above a slab', 70_000, '0af0a204'],
    ['four', 2_097_152, '0a80808001'],
  ])('writes the length in front of a value: %s', (_, length, head) => {
    const value = '5a'.repeat(length);
    const written = payloadOf((writer) => {
      const begun = writer.beginDelimited(0x0a);
      writer.append(Buffer.alloc(length, 0x5a));
      writer.endDelimited(begun);
    });
    expect(written === head + value).toBe(true);
  });

  it('writes values within values', () => {
    const written = payloadOf((writer) => {
      const outer = writer.beginDelimited(0x0a);
      const inner = writer.beginDelimited(0x12);
      writer.append(Buffer.alloc(130, 0x5a));
      writer.endDelimited(inner);
      writer.append(hex('1801'));
      writer.endDelimited(outer);
    });
    expect(written).toBe(`0a8701 128201 ${'5a'.repeat(130)} 1801`.replaceAll(' ', ''));
  });

  it('takes an empty value back', () => {
    const written = payloadOf((writer) => {
      writer.append(hex('aa'));
      const begun = writer.beginDelimited(0x0a);
      expect(writer.isEmptySince(begun)).toBe(true);
      writer.abortDelimited(begun);
      const kept = writer.beginDelimited(0x12);
      writer.append(hex('bb'));
      expect(writer.isEmptySince(kept)).toBe(false);
      writer.endDelimited(kept);
    });
    expect(written).toBe('aa1201bb');
  });

  it('keeps its place in a value whose frame moves to fresh memory', () => {
    const pool = new CountingPool();
    const writer = new FrameWriter(LIMIT, pool);
    write(writer, data(SLAB_LENGTH - 10 - 14));
    writer.beginFrame(3, 3, 0);
    const begun = writer.beginDelimited(0x0a);
    writer.append(hex('0102'));
    writer.append(hex('030405'));
    writer.endDelimited(begun);
    writer.endFrame();
    const batches = takeAll(writer);
    expect(batches.map(({ length }) => length)).toEqual([SLAB_LENGTH - 14, 17]);
    expect(frames(batches[1] as Buffer)).toEqual(['00000007 00000003 03 00 0a050102030405']);
    expect(pool.out.size).toBe(0);
  });

  it('makes room for a longer length at the very end of a slab', () => {
    const written = new FrameWriter(LIMIT);
    write(written, data(SLAB_LENGTH - 10 - 10 - 2 - 200));
    written.beginFrame(3, 3, 0);
    const begun = written.beginDelimited(0x0a);
    written.append(Buffer.alloc(200, 0x5a));
    written.endDelimited(begun);
    written.endFrame();
    const bytes = Buffer.concat(takeAll(written));
    expect(frames(bytes)[1]).toBe(`000000cb 00000003 03 00 0ac801${'5a'.repeat(200)}`);
  });

  it.each([
    [0, '00'],
    [300, 'ac02'],
    [2 ** 32, '8080808010'],
    [2 ** 53 - 1, 'ffffffffffffff0f'],
    [-1, 'ffffffffffffffffff01'],
    [-128, '80ffffffffffffffff01'],
    [-(2 ** 31), '80808080f8ffffffff01'],
  ])('appends %d as the varint %s', (value, expected) => {
    expect(payloadOf((writer) => writer.varint(value))).toBe(expected);
  });

  it('appends a string at the very end of a slab', () => {
    const writer = new FrameWriter(LIMIT);
    write(writer, data(SLAB_LENGTH - 10 - 30));
    writer.beginFrame(3, 3, 0);
    writer.string('é'.repeat(20));
    writer.endFrame();
    const bytes = Buffer.concat(takeAll(writer));
    expect(frames(bytes)[1]).toBe(`00000029 00000003 03 00 28${'c3a9'.repeat(20)}`);
  });

  describe('taking a frame back', () => {
    it('leaves the frames before it', () => {
      const writer = new FrameWriter(LIMIT);
      write(writer, data(1, 1));
      writer.beginFrame(3, 3, 0);
      writer.append(hex('aabb'));
      writer.abortFrame();
      write(writer, data(1, 5));
      expect(frames(writer.take() as Buffer)).toEqual([
        '00000001 00000001 03 00 01',
        '00000001 00000005 03 00 05',
      ]);
    });

    it('does nothing when no frame was begun', () => {
      const writer = new FrameWriter(LIMIT);
      writer.abortFrame();
      write(writer, data(1));
      writer.abortFrame();
      expect(frames(writer.take() as Buffer)).toEqual(['00000001 00000001 03 00 01']);
    });

    it('leaves the batch that became full by it', () => {
      const pool = new CountingPool();
      const writer = new FrameWriter(LIMIT, pool);
      write(writer, data(40_000));
      writer.beginFrame(3, 3, 0);
      writer.append(Buffer.alloc(40_000));
      writer.abortFrame();
      expect(writer.pending).toBe(40_010);
      expect(takeAll(writer).map(({ length }) => length)).toEqual([40_010]);
      expect(pool.out.size).toBe(0);
    });

    it('gives memory back that it had grown to more than a slab', () => {
      const pool = new CountingPool();
      const writer = new FrameWriter(LIMIT, pool);
      writer.beginFrame(1, 3, 0);
      writer.append(Buffer.alloc(200_000));
      writer.abortFrame();
      expect(writer.buffer.length).toBe(0);
      expect(pool.out.size).toBe(0);
    });

    it('keeps the slab for the next frame', () => {
      const pool = new CountingPool();
      const writer = new FrameWriter(LIMIT, pool);
      writer.beginFrame(1, 3, 0);
      writer.abortFrame();
      write(writer, data(1));
      expect(pool.out.size).toBe(1);
      takeAll(writer);
      expect(pool.out.size).toBe(0);
    });
  });

  describe('the limit', () => {
    it.each([
      [2047, 'sent'],
      [2048, 'sent'],
      [2049, 'refused'],
    ])('makes a payload of %i bytes %s when it is 2048', (length, expected) => {
      const writer = new FrameWriter(2048);
      let outcome = 'sent';
      try {
        write(writer, data(length));
      } catch (error) {
        expect(error).toBeInstanceOf(PayloadTooLargeError);
        expect(error).toMatchObject({ length, limit: 2048 });
        outcome = 'refused';
      }
      expect(outcome).toBe(expected);
      expect(writer.pending).toBe(expected === 'sent' ? 10 + length : 0);
    });

    it('takes back a frame above it, and only that one', () => {
      const writer = new FrameWriter(2048);
      write(writer, data(1, 1));
      expect(() => write(writer, data(100_000, 3))).toThrow(
        'message length 100000 exceed maximum message size of 2048',
      );
      write(writer, data(1, 5));
      expect(frames(Buffer.concat(takeAll(writer)))).toEqual([
        '00000001 00000001 03 00 01',
        '00000001 00000005 03 00 05',
      ]);
    });
  });

  describe('growing', () => {
    it.each([SLAB_LENGTH - 11, SLAB_LENGTH - 10, SLAB_LENGTH - 9])(
      'holds a frame with %i bytes of payload',
      (length) => {
        const pool = new CountingPool();
        const writer = new FrameWriter(LIMIT, pool);
        write(writer, data(length));
        write(writer, data(3, 3));
        expect(
          Buffer.concat(takeAll(writer)).equals(
            Buffer.concat([frameBytes(data(length)), frameBytes(data(3, 3))]),
          ),
        ).toBe(true);
        expect(pool.out.size).toBe(0);
      },
    );

    it('writes behind a large frame into a large slab, and behind a small one into a slab', () => {
      const writer = new FrameWriter(LIMIT, new CountingPool());
      const memoryOf = (length: number): number => {
        write(writer, data(length));
        const { byteLength } = writer.buffer.buffer;
        takeAll(writer);
        return byteLength;
      };
      expect(memoryOf(16_384)).toBe(65_536);
      expect(memoryOf(16_385)).toBe(65_536);
      expect(memoryOf(65_536)).toBe(262_144);
      expect(memoryOf(1)).toBe(262_144);
      expect(memoryOf(1)).toBe(65_536);
      memoryOf(262_134);
      expect(memoryOf(1)).toBe(262_144);
      memoryOf(262_135);
      expect(memoryOf(1)).toBe(524_288);
    });

    it('makes a batch of the frames before the one that does not fit', () => {
      const writer = new FrameWriter(LIMIT);
      write(writer, data(30_000, 1));
      write(writer, data(30_000, 3));
      write(writer, data(30_000, 5));
      write(writer, data(100_000, 7));
      write(writer, data(1, 9));
      expect(takeAll(writer).map((batch) => frames(batch).length)).toEqual([2, 3]);
    });

    it('copies a message that is appended in many parts a few times only', () => {
      const writer = new FrameWriter(LIMIT);
      const seen = new Set<Buffer>();
      writer.beginFrame(1, 3, 0);
      for (let count = 0; count < 4000; count++) {
        writer.append(Buffer.alloc(1000, count));
        seen.add(writer.buffer);
      }
      writer.endFrame();
      expect(seen.size).toBeLessThan(10);
      const batch = writer.take() as Buffer;
      expect(batch.length).toBe(10 + 4_000_000);
      expect(batch[10 + 1000 * 258]).toBe(2);
    });
  });

  describe('a codec that puts a larger buffer in the place of its own', () => {
    it('loses nothing, and the slab goes back', () => {
      const pool = new CountingPool();
      const writer = new FrameWriter(LIMIT, pool);
      write(writer, data(2, 1));
      writer.beginFrame(3, 3, 0);
      appendInLargerBuffer(writer, Buffer.alloc(70_000, 7));
      writer.endFrame();
      expect(pool.out.size).toBe(0);
      write(writer, data(2, 5));
      expect(
        Buffer.concat(takeAll(writer)).equals(
          Buffer.concat([
            frameBytes(data(2, 1)),
            frameBytes({ ...data(0, 3), payload: Buffer.alloc(70_000, 7) }),
            frameBytes(data(2, 5)),
          ]),
        ),
      ).toBe(true);
      expect(pool.out.size).toBe(0);
    });

    it('may be refused, and the frames before stay', () => {
      const pool = new CountingPool();
      const writer = new FrameWriter(2048, pool);
      write(writer, data(2, 1));
      writer.beginFrame(3, 3, 0);
      appendInLargerBuffer(writer, Buffer.alloc(70_000));
      expect(() => writer.endFrame()).toThrow(PayloadTooLargeError);
      expect(pool.out.size).toBe(0);
      expect(frames(Buffer.concat(takeAll(writer)))).toEqual(['00000002 00000001 03 00 0101']);
    });

    it.each([[[]], [[data(2, 1)]]])('may be followed by more than fits: behind %j', (before) => {
      const pool = new CountingPool();
      const writer = new FrameWriter(LIMIT, pool);
      for (const fields of before) write(writer, fields);
      writer.beginFrame(3, 3, 0);
      appendInLargerBuffer(writer, hex('aabb'));
      writer.append(hex('ccdd'));
      writer.endFrame();
      expect(frames(Buffer.concat(takeAll(writer)))).toEqual([
        ...before.map(() => '00000002 00000001 03 00 0101'),
        '00000004 00000003 03 00 aabbccdd',
      ]);
      expect(pool.out.size).toBe(0);
    });

    it('keeps its memory to itself, even when that is as long as a slab', () => {
      const pool = new SlabPool();
      const writer = new FrameWriter(LIMIT, pool);
      const shared = new ArrayBuffer(SLAB_LENGTH);
      writer.buffer = Buffer.from(shared, 0, 100);
      writer.length = 100;
      writer.clear();
      writer.buffer = Buffer.from(shared, 0, 100);
      writer.length = 100;
      writer.recycle(writer.take() as Buffer);
      expect(pool.take(SLAB_LENGTH).buffer).not.toBe(shared);
    });
  });

  describe('counting', () => {
    it('tells which frames have been taken', () => {
      const writer = new FrameWriter(LIMIT);
      const first = writer.position;
      write(writer, data(40_000));
      const second = writer.position;
      write(writer, data(40_000));
      const third = writer.position;
      expect([first, second, third]).toEqual([0, 40_010, 80_020]);
      expect(writer.pending).toBe(80_020);
      expect(writer.taken).toBe(0);
      writer.take();
      expect([writer.taken, writer.pending, writer.position]).toEqual([40_010, 40_010, 80_020]);
      writer.take();
      expect([writer.taken, writer.pending, writer.position]).toEqual([80_020, 0, 80_020]);
    });

    it('does not count a frame that is being written', () => {
      const writer = new FrameWriter(LIMIT);
      writer.beginFrame(1, 3, 0);
      writer.append(hex('aa'));
      expect(writer.pending).toBe(0);
      expect(writer.position).toBe(0);
    });
  });

  describe('memory', () => {
    it('is held only while something waits: 10 000 frames leave no slab behind', () => {
      const pool = new CountingPool();
      const writer = new FrameWriter(LIMIT, pool);
      for (let count = 0; count < 10_000; count++) {
        write(writer, data(count % 300));
        if (count % 1000 === 999) takeAll(writer);
      }
      expect(writer.pending).toBe(0);
      expect(writer.buffer.length).toBe(0);
      expect(pool.out.size).toBe(0);
    });

    it('of a batch that is out is not written to', () => {
      const writer = new FrameWriter(LIMIT);
      write(writer, data(3, 1));
      const batch = writer.take() as Buffer;
      write(writer, data(3, 5));
      expect(frames(batch)).toEqual(['00000003 00000001 03 00 010101']);
    });

    it('is forgotten with everything that waits', () => {
      const pool = new CountingPool();
      const writer = new FrameWriter(LIMIT, pool);
      write(writer, data(10));
      writer.clear();
      expect([writer.pending, writer.buffer.length, pool.out.size]).toEqual([0, 0, 0]);
      write(writer, data(40_000));
      write(writer, data(40_000));
      writer.clear();
      expect([writer.pending, writer.take()]).toEqual([0, undefined]);
    });
  });
});
