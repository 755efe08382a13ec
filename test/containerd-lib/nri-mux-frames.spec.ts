import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageCutter, MuxFrameReader, muxFrames } from '../../lib/containerd/nri-mux-frames.js';
import { budget, timeout } from '../fuzz/budget.js';
import { cut, cuts, frame, frameBytes } from '../support/arbitraries.js';
import { hex } from '../support/transcript.js';
import { muxFrame, muxFramesIn, readAsGo } from './go-mux-reader.js';

/** What a reader tells, with a frame's bytes joined. */
function read(chunks: readonly Buffer[]): [connection: number, length: number, bytes: string][] {
  const told: [number, number, string][] = [];
  const reader = new MuxFrameReader({
    onFrame: (connection, length) => void told.push([connection, length, '']),
    onBytes: (bytes) =>
      void ((told.at(-1) as [number, number, string])[2] += bytes.toString('hex')),
  });
  for (const chunk of chunks) reader.receive(chunk);
  return told;
}

/** What is written for chunks of one connection. */
function written(chunks: readonly Buffer[], maxCopied: number): Buffer {
  const cutter = new MessageCutter();
  const parts = chunks.filter(({ length }) => length > 0);
  return Buffer.concat(parts.flatMap((chunk) => muxFrames(1, cutter, chunk, maxCopied)));
}

/** The lengths of the frames of a message with this many bytes in all. */
function lengthsOf(size: number): number[] {
  const message = frameBytes({ streamId: 1, type: 1, flags: 0, payload: Buffer.alloc(size - 10) });
  return muxFramesIn(written([message], 4096)).map(({ payload }) => payload.length);
}

//                     id       length   payload
const ONE = hex('      00000001 00000003 aabbcc');
const TWO = hex('      00000002 00000001 dd');
const EMPTY = hex('    00000001 00000000');
const LARGEST_ID = hex('ffffffff 00000001 ee');

describe('MuxFrameReader', () => {
  it('tells of each frame and its bytes', () => {
    expect(read([Buffer.concat([ONE, TWO, EMPTY, LARGEST_ID])])).toEqual([
      [1, 3, 'aabbcc'],
      [2, 1, 'dd'],
      [1, 0, ''],
      [0xffff_ffff, 1, 'ee'],
    ]);
  });

  it('passes the bytes of a frame on before all of them are there', () => {
    expect(read([ONE.subarray(0, 9)])).toEqual([[1, 3, 'aa']]);
  });

  it('gives views of what came in, and no copies', () => {
    const seen: Buffer[] = [];
    new MuxFrameReader({
      onFrame: () => undefined,
      onBytes: (bytes) => void seen.push(bytes),
    }).receive(ONE);
    expect(seen[0]?.byteOffset).toBe(ONE.byteOffset + 8);
  });

  it.each([
    ['the reserved connection', '00000000 00000001', 'connection 0, which is reserved'],
    [
      'a byte more than allowed',
      '00000001 0040000b',
      '4194315 bytes for connection 1, at most 4194314',
    ],
    ['text', '"HTTP/1.1"', '791752241 bytes for connection 1213486160'],
  ])('refuses %s before any of its bytes', (_, header, message) => {
    expect(() => read([hex(header)])).toThrow(message);
    expect(() => read([hex(header)])).toThrow(expect.objectContaining({ scope: 'connection' }));
  });

  it('takes the largest frame', () => {
    expect(read([hex('00000001 0040000a')])).toEqual([[1, 4_194_314, '']]);
  });

  it('knows whether a frame has been cut off', () => {
    const reader = new MuxFrameReader({ onFrame: () => undefined, onBytes: () => undefined });
    expect(reader.betweenFrames).toBe(true);
    for (let at = 0; at < ONE.length; at++) {
      reader.receive(ONE.subarray(at, at + 1));
      expect(reader.betweenFrames).toBe(at === ONE.length - 1);
    }
  });

  it(
    'tells the same however the bytes are cut',
    () => {
      const some = fc.array(
        fc.tuple(fc.integer({ min: 1, max: 0xffff_ffff }), fc.uint8Array({ maxLength: 40 })),
        { maxLength: 12 },
      );
      fc.assert(
        fc.property(some, cuts, (frames, sizes) => {
          const bytes = Buffer.concat(frames.map(([id, payload]) => muxFrame(id, payload)));
          const expected = frames.map(([id, payload]) => [
            id,
            payload.length,
            Buffer.from(payload).toString('hex'),
          ]);
          expect(read(cut(bytes, sizes))).toEqual(expected);
        }),
        budget,
      );
    },
    timeout,
  );

  it(
    'either reads or refuses anything',
    () => {
      const noise = fc.uint8Array({ maxLength: 200 });
      // Small numbers, so that frames end and others begin.
      const nearly = fc
        .array(fc.nat({ max: 9 }), { maxLength: 200 })
        .map((all) =>
          Buffer.concat(
            all.map((value, at) => (at % 3 === 0 ? hex(`000000 0${value}`) : Buffer.of(value))),
          ),
        );
      fc.assert(
        fc.property(fc.oneof(noise, nearly), cuts, (bytes, sizes) => {
          let total = 0;
          const reader = new MuxFrameReader({
            onFrame: (connection, length) => {
              expect(connection).toBeGreaterThan(0);
              expect(length).toBeLessThanOrEqual(4_194_314);
            },
            onBytes: ({ length }) => void (total += length),
          });
          try {
            for (const chunk of cut(Buffer.from(bytes), sizes)) reader.receive(chunk);
          } catch (error) {
            expect(error).toMatchObject({ kind: 'ttrpc.protocol' });
          }
          expect(total).toBeLessThanOrEqual(bytes.length);
        }),
        budget,
      );
    },
    timeout,
  );
});

describe('muxFrames', () => {
  it('puts a small message into one frame', () => {
    const message = hex('00000003 00000001 01 00 aabbcc');
    expect(written([message], 4096)).toEqual(
      hex('00000001 0000000d 00000003 00000001 01 00 aabbcc'),
    );
  });

  it.each([
    [10, [10]],
    [4095, [4095]],
    [4096, [4096]],
    [4097, [4096, 1]],
    [8192, [4096, 4096]],
    [4_194_314, [4096, 4_190_218]],
  ])('puts a message of %i bytes into frames of %j', (size, lengths) => {
    expect(lengthsOf(size)).toEqual(lengths);
  });

  it('begins a frame with each message of a batch', () => {
    const small = hex('00000001 00000001 01 00 aa');
    const frames = muxFramesIn(written([Buffer.concat([small, small])], 4096));
    expect(frames.map(({ payload }) => payload)).toEqual([small, small]);
  });

  it('passes a large rest on as it is', () => {
    const message = frameBytes({ streamId: 1, type: 1, flags: 0, payload: Buffer.alloc(10_000) });
    const buffers = muxFrames(1, new MessageCutter(), message, 4096);
    expect(buffers.map(({ length }) => length)).toEqual([8 + 4096 + 8, 10_010 - 4096]);
    expect(buffers[1]?.buffer).toBe(message.buffer);
  });

  it('copies all of it when it is told so', () => {
    const message = frameBytes({ streamId: 1, type: 1, flags: 0, payload: Buffer.alloc(10_000) });
    expect(muxFrames(1, new MessageCutter(), message, Infinity)).toHaveLength(1);
  });

  it('cuts a message that is longer than a frame may be into frames that are allowed', () => {
    const message = frameBytes({
      streamId: 1,
      type: 1,
      flags: 0,
      payload: Buffer.alloc(9_000_000),
    });
    const lengths = muxFramesIn(written([message], 4096)).map(({ payload }) => payload.length);
    expect(lengths).toEqual([4096, 4_194_314, 4_194_314, 9_000_010 - 4096 - 2 * 4_194_314]);
  });

  it(
    'writes what Go can read, however it is given',
    () => {
      // Around the sizes of Go's buffer, and small ones between them.
      const size = fc.oneof(
        fc.nat({ max: 30 }),
        fc.integer({ min: 4070, max: 4110 }),
        fc.integer({ min: 8170, max: 8210 }),
        fc.integer({ min: 12_000, max: 20_000 }),
      );
      const messages = fc.array(
        fc
          .tuple(size, fc.nat({ max: 255 }))
          .map(([length, fill]) =>
            frameBytes({ streamId: 1, type: 3, flags: 0, payload: Buffer.alloc(length, fill) }),
          ),
        { maxLength: 8 },
      );
      const chunkSizes = fc.oneof(
        cuts,
        fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1 }),
        fc.constant([Infinity]),
      );
      fc.assert(
        fc.property(
          messages,
          chunkSizes,
          fc.constantFrom(0, 100, 4096, Infinity),
          (all, sizes, maxCopied) => {
            const bytes = written(cut(Buffer.concat(all), sizes), maxCopied);
            const payloads = muxFramesIn(bytes).map(({ payload }) => payload);
            expect(payloads.every(({ length }) => length > 0)).toBe(true);
            expect(readAsGo(payloads).map((message) => message.toString('hex'))).toEqual(
              all.map((message) => message.toString('hex')),
            );
          },
        ),
        budget,
      );
    },
    timeout,
  );

  it(
    'needs no more than two frames for a message that it is given whole',
    () => {
      fc.assert(
        fc.property(fc.array(frame(10_000), { maxLength: 5 }), (frames) => {
          const all = frames.map(frameBytes);
          const batch = Buffer.concat(all);
          const count = muxFramesIn(written([batch], 4096)).length;
          expect(count).toBe(all.reduce((sum, { length }) => sum + (length > 4096 ? 2 : 1), 0));
        }),
        budget,
      );
    },
    timeout,
  );
});
