import fc from 'fast-check';
import type { Status } from '../../lib/spec/status.js';

/** A frame as its fields. */
export interface FrameFields {
  readonly streamId: number;
  readonly type: number;
  readonly flags: number;
  readonly payload: Uint8Array;
}

/** Frames with every header byte in use and payloads of 0 to `maxPayload` bytes, long ones included. */
export function frame(maxPayload: number): fc.Arbitrary<FrameFields> {
  return fc.record({
    streamId: fc.nat({ max: 0xffff_ffff }),
    type: fc.nat({ max: 255 }),
    flags: fc.nat({ max: 255 }),
    payload: fc.uint8Array({ maxLength: maxPayload, size: 'max' }),
  });
}

/** A frame's bytes, laid out by hand. */
export function frameBytes({ streamId, type, flags, payload }: FrameFields): Buffer {
  const header = Buffer.alloc(10);
  header.writeUInt32BE(payload.length, 0);
  header.writeUInt32BE(streamId, 4);
  header.writeUInt8(type, 8);
  header.writeUInt8(flags, 9);
  return Buffer.concat([header, payload]);
}

/** Sizes of the chunks that a stream of bytes is cut into, over and over. */
export const cuts = fc.array(fc.nat({ max: 24 }), { minLength: 1, size: 'medium' });

/** Cuts `bytes` by `sizes`; what they leave is one last chunk. Size 0 makes an empty chunk. */
export function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    chunks.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  chunks.push(Buffer.from(bytes.subarray(at)));
  return chunks;
}

/** Text that is well-formed in UTF-8, beyond ASCII too. */
export const text = fc.string({ unit: 'binary' });

/** Metadata pairs as they stand on the wire: keys lower case, some of them twice. */
export const metadata: fc.Arbitrary<[key: string, value: string][]> = fc.array(
  fc.tuple(fc.constantFrom('k', 'key', 'trace-id', 'ключ', 'x'.repeat(200)), text),
);

/** Any 32-bit code but OK, any text, any details. */
export const status: fc.Arbitrary<Status> = fc.record({
  code: fc.oneof(
    fc.integer({ min: 1, max: 16 }),
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).filter((code) => code !== 0),
  ),
  message: text,
  details: fc.array(
    fc.record({
      typeUrl: fc.constantFrom('', 'pkg.Message', 'type.googleapis.com/pkg.Message'),
      value: fc.uint8Array({ maxLength: 300, size: 'max' }).map((bytes) => Buffer.from(bytes)),
    }),
  ),
});
