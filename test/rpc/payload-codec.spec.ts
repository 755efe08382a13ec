import { describe, expect, it } from 'vitest';
import { payloadCodec } from '../../lib/rpc/payload-codec.js';
import { FrameWriter } from '../../lib/wire/frame-writer.js';

describe('payloadCodec', () => {
  const codec = payloadCodec<Uint8Array>({
    encode: (message) => message,
    decode: (bytes) => bytes,
  });

  it('appends what the function encodes', () => {
    const writer = new FrameWriter(1024);
    codec.write(new Uint8Array([1, 2]), writer);
    codec.write(new Uint8Array([3]), writer);
    expect([...writer.buffer.subarray(0, writer.length)]).toEqual([1, 2, 3]);
  });

  it('makes the empty message of an absent one', () => {
    const writer = new FrameWriter(1024);
    for (const absent of [undefined, null]) codec.write(absent as never, writer);
    expect(writer.length).toBe(0);
  });

  it('hands the function bytes that it may keep', () => {
    const bytes = Buffer.from([9, 1, 2, 9]);
    const message = codec.read(bytes, 1, 3);
    bytes.fill(0);
    expect([...message]).toEqual([1, 2]);
  });
});
