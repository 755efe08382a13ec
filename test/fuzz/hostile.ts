import fc from 'fast-check';

import { DATA, encodeFrame, REQUEST, RESPONSE, type Frame } from '../interop/frames.js';
import type { Utterance } from '../support/transcript.js';
import { framesOf } from './corpus.js';

/** A change to bytes: where, of what kind, and a byte to do it with. */
const mutation = fc.tuple(
  fc.nat({ max: 0xffff }),
  fc.constantFrom<'replace' | 'insert' | 'remove' | 'cut'>('replace', 'insert', 'remove', 'cut'),
  fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat({ max: 255 })),
);

/** The bytes, changed in up to four places. */
export function mutated(bytes: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  return fc
    .tuple(bytes, fc.array(mutation, { maxLength: 4 }))
    .map(([original, mutations]) => mutations.reduce(mutate, original));
}

function mutate(
  bytes: Buffer,
  [pick, kind, byte]: readonly [number, 'replace' | 'insert' | 'remove' | 'cut', number],
): Buffer {
  const at = pick % (bytes.length + 1);
  const before = bytes.subarray(0, at);
  switch (kind) {
    case 'replace':
      return Buffer.concat([before, Buffer.of(byte), bytes.subarray(at + 1)]);
    case 'insert':
      return Buffer.concat([before, Buffer.of(byte), bytes.subarray(at)]);
    case 'remove':
      return Buffer.concat([before, bytes.subarray(at + 1)]);
    case 'cut':
      return Buffer.from(before);
  }
}

/** Ids that are in use, unused, even, and at the limits of their 32 bits. */
const id = fc.oneof(
  fc.nat({ max: 12 }),
  fc.constantFrom(0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_fffe, 0xffff_ffff),
);
const type = fc.oneof(fc.constantFrom(REQUEST, RESPONSE, DATA), fc.constantFrom(0, 4, 127, 255));
const flags = fc.oneof(fc.constantFrom(0, 1, 2, 4, 5, 6), fc.nat({ max: 255 }));

/** Frames with envelopes as the side says them, whole or damaged, on any stream. */
function hostileFrame(side: Utterance['from']): fc.Arbitrary<Buffer> {
  const known = fc.constantFrom(...framesOf(side));
  const payload = fc.oneof(
    known.map((frame) => frame.payload),
    mutated(known.map((frame) => frame.payload)),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  );
  const inPlace = fc
    .tuple(known, id, payload)
    .map(([frame, newId, newPayload]): Frame => ({ ...frame, id: newId, payload: newPayload }));
  const anywhere: fc.Arbitrary<Frame> = fc.record({ id, type, flags, payload });
  return fc.oneof(inPlace, anywhere).map(encodeFrame);
}

/** Frames that a hostile peer of this side's role sends; whole ones, so that the connection goes on. */
export function hostileFrames(side: Utterance['from']): fc.Arbitrary<Buffer[]> {
  return fc.array(hostileFrame(side), { minLength: 5, maxLength: 30, size: 'max' });
}

/** Pieces of bytes that a hostile peer of this side's role sends, one behind the other. */
export function hostileBytes(side: Utterance['from']): fc.Arbitrary<Buffer[]> {
  const frame = hostileFrame(side);
  const garbage = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
  const piece = fc.oneof(
    { weight: 20, arbitrary: frame },
    { weight: 2, arbitrary: mutated(frame) },
    { weight: 1, arbitrary: garbage },
  );
  return fc.array(piece, { maxLength: 30, size: 'max' });
}
