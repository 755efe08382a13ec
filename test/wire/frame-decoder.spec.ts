import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../lib/errors.js';
import { FrameDecoder, type FrameHandler } from '../../lib/wire/frame-decoder.js';
import { cut, cuts, frame, frameBytes } from '../support/arbitraries.js';
import { hex } from '../support/transcript.js';

//                   length   stream   type flags payload
const REQUEST = hex('00000003 00000001 01   02    aabbcc');

/** What a decoder tells its handler, as text. */
class Journal implements FrameHandler {
  readonly entries: string[] = [];
  onEntry: () => void = () => {};

  onFrame(header: Parameters<FrameHandler['onFrame']>[0], ...payload: [Buffer, number, number]) {
    const [bytes, start, end] = payload;
    expect(end - start).toBe(header.length);
    this.#add(`${fields(header)} ${bytes.toString('hex', start, end)}`.trimEnd());
  }

  onOversizedFrame(header: Parameters<FrameHandler['onOversizedFrame']>[0]) {
    this.#add(`${fields(header)} too long: ${header.length}`);
  }

  #add(entry: string): void {
    this.entries.push(entry);
    this.onEntry();
  }
}

function fields(header: { streamId: number; type: number; flags: number }): string {
  return `${header.streamId} ${header.type} ${header.flags}`;
}

/** Pushes copies that are overwritten afterwards: the decoder may keep nothing of a chunk. */
function push(decoder: FrameDecoder, chunks: readonly Buffer[]): void {
  for (const chunk of chunks) {
    const lent = Buffer.from(chunk);
    decoder.push(lent);
    lent.fill(0xee);
  }
}

function decode(chunks: readonly Buffer[], maxPayloadBytes = 4_194_304): string[] {
  const journal = new Journal();
  push(new FrameDecoder(journal, maxPayloadBytes), chunks);
  return journal.entries;
}

/** One chunk a byte. */
const byByte = (bytes: Buffer): Buffer[] => [...bytes].map((byte) => Buffer.of(byte));

describe('FrameDecoder', () => {
  it('reads the four fields of a header and the payload behind them', () => {
    expect(decode([REQUEST])).toEqual(['1 1 2 aabbcc']);
  });

  it('says nothing until the last byte is there', () => {
    expect(decode([REQUEST.subarray(0, -1)])).toEqual([]);
    expect(decode(byByte(REQUEST.subarray(0, -1)))).toEqual([]);
    expect(decode([REQUEST.subarray(0, 9)])).toEqual([]);
  });

  it('finds several frames in one chunk, and the beginning of the next', () => {
    const chunks = [Buffer.concat([REQUEST, hex('00000000 00000003 03 05'), hex('000000')])];
    expect(decode(chunks)).toEqual(['1 1 2 aabbcc', '3 3 5']);
  });

  it('gives a frame without payload as soon as its header is there', () => {
    expect(decode(byByte(hex('00000000 00000007 03 05')))).toEqual(['7 3 5']);
  });

  it('joins a payload that comes in many chunks', () => {
    expect(decode(byByte(REQUEST))).toEqual(['1 1 2 aabbcc']);
  });

  it('takes empty chunks for nothing', () => {
    const nothing = Buffer.alloc(0);
    expect(decode([nothing, REQUEST.subarray(0, 5), nothing, REQUEST.subarray(5)])).toEqual([
      '1 1 2 aabbcc',
    ]);
  });

  it.each([
    ['7fffffff', 2_147_483_647],
    ['80000000', 2_147_483_648],
    ['fffffffe', 4_294_967_294],
    ['ffffffff', 4_294_967_295],
  ])('reads stream id %s as the unsigned %i', (id, expected) => {
    expect(decode([hex(`00000000 ${id} ff ff`)])).toEqual([`${expected} 255 255`]);
  });

  it.each([
    [3, ['9 1 0 01020304 too long: 4'.replace(' 01020304', ''), '1 1 2 aabbcc']],
    [4, ['9 1 0 01020304', '1 1 2 aabbcc']],
    [5, ['9 1 0 01020304', '1 1 2 aabbcc']],
  ])('keeps a payload of 4 bytes or skips it when the limit is %i', (limit, expected) => {
    const bytes = Buffer.concat([hex('00000004 00000009 01 00 01020304'), REQUEST]);
    expect(decode([bytes], limit)).toEqual(expected);
    expect(decode(byByte(bytes), limit)).toEqual(expected);
  });

  it('tells of a frame that is too long before its payload comes', () => {
    expect(decode([hex('00400001 00000009 01 00')])).toEqual(['9 1 0 too long: 4194305']);
  });

  it('skips the longest payload that its first byte allows without holding it', () => {
    const length = 0x00ff_ffff;
    const journal = new Journal();
    const decoder = new FrameDecoder(journal, 4_194_304);
    push(decoder, [hex('00ffffff 00000009 01 00')]);
    const chunk = Buffer.alloc(65_536);
    for (let sent = 0; sent < length; sent += chunk.length) {
      decoder.push(chunk.subarray(0, Math.min(chunk.length, length - sent)));
    }
    push(decoder, [REQUEST]);
    expect(journal.entries).toEqual([`9 1 0 too long: ${length}`, '1 1 2 aabbcc']);
  });

  it.each(['01000000', '48545450', '80000000', 'ffffffff'])(
    'refuses a length of %s: its first byte is not 0',
    (length) => {
      const decoder = new FrameDecoder(new Journal(), 4_194_304);
      const thrown = catchError(() => decoder.push(hex(`${length} 00000001 01 00`)));
      expect(thrown).toBeInstanceOf(ProtocolError);
      expect(thrown).toMatchObject({
        scope: 'connection',
        details: expect.stringContaining(String(Number.parseInt(length, 16))) as string,
      });
    },
  );

  it.each([
    [16_777_215, '01000000', 'refused'],
    [16_777_216, '01000001', '1 1 0 too long: 16777217'],
  ])('takes a first byte other than 0 when the limit is %i: %s', (limit, length, expected) => {
    const journal = new Journal();
    const decoder = new FrameDecoder(journal, limit);
    const thrown = catchError(() => decoder.push(hex(`${length} 00000001 01 00`)));
    expect(thrown === undefined ? journal.entries[0] : 'refused').toBe(expected);
  });

  it('gives nothing more once it was stopped, in the middle of a chunk too', () => {
    const journal = new Journal();
    const decoder = new FrameDecoder(journal, 100);
    journal.onEntry = () => decoder.stop();
    push(decoder, [Buffer.concat([REQUEST, REQUEST]), REQUEST]);
    expect(journal.entries).toEqual(['1 1 2 aabbcc']);
  });

  it('drops a payload that it was collecting when it was stopped', () => {
    const journal = new Journal();
    const decoder = new FrameDecoder(journal, 100);
    push(decoder, [REQUEST.subarray(0, 12)]);
    decoder.stop();
    push(decoder, [REQUEST.subarray(12), REQUEST]);
    expect(journal.entries).toEqual([]);
  });

  it('begins with a new frame after a handler threw at the end of a collected one', () => {
    const journal = new Journal();
    const decoder = new FrameDecoder(journal, 100);
    journal.onEntry = () => {
      throw new Error('handler');
    };
    push(decoder, [REQUEST.subarray(0, 12)]);
    expect(() => decoder.push(REQUEST.subarray(12))).toThrow('handler');
    journal.onEntry = () => {};
    push(decoder, [REQUEST]);
    expect(journal.entries).toEqual(['1 1 2 aabbcc', '1 1 2 aabbcc']);
  });

  it('gives the same frames however the bytes are cut', () => {
    const limit = 12;
    fc.assert(
      fc.property(fc.array(frame(2 * limit)), cuts, (sent, sizes) => {
        const expected = sent.map(({ streamId, type, flags, payload }) =>
          payload.length > limit
            ? `${streamId} ${type} ${flags} too long: ${payload.length}`
            : `${streamId} ${type} ${flags} ${Buffer.from(payload).toString('hex')}`.trimEnd(),
        );
        const bytes = Buffer.concat(sent.map(frameBytes));
        expect(decode(cut(bytes, sizes), limit)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });
});

function catchError(action: () => void): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
