import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_VARINT_LENGTH, putVarint, signed64, varintLength } from '../../lib/wire/varint.js';

/** The varint of `value` by the book: seven bits a byte, low ones first. */
function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return bytes;
}

/** The powers of two and their neighbours. */
const EDGES = Array.from({ length: 54 }, (_, bits) => [
  2 ** bits - 1,
  2 ** bits,
  2 ** bits + 1,
]).flat();

/** Numbers around the places where a varint grows by a byte, and any others. */
const upTo = (max: number): fc.Arbitrary<number> =>
  fc.oneof(
    fc.constantFrom(...EDGES.filter((edge) => edge <= max)),
    fc.maxSafeNat().map((value) => value % (max + 1)),
  );

describe('putVarint', () => {
  it.each([
    [0, '00'],
    [1, '01'],
    [127, '7f'],
    [128, '8001'],
    [300, 'ac02'],
    [16_383, 'ff7f'],
    [16_384, '808001'],
    [2 ** 32 - 1, 'ffffffff0f'],
    [2 ** 32, '8080808010'],
    [2 ** 53 - 1, 'ffffffffffffff0f'],
  ])('lays %i out as %s', (value, expected) => {
    const bytes = Buffer.alloc(MAX_VARINT_LENGTH);
    const end = putVarint(bytes, 0, value);
    expect(bytes.toString('hex', 0, end)).toBe(expected);
  });

  it('lays every whole number below 2^53 out by the book, where it was told to', () => {
    fc.assert(
      fc.property(upTo(Number.MAX_SAFE_INTEGER), fc.nat({ max: 3 }), (value, at) => {
        const bytes = Buffer.alloc(16, 0x55);
        const end = putVarint(bytes, at, value);
        expect([...bytes.subarray(at, end)]).toEqual(varint(BigInt(value)));
        expect(bytes.subarray(0, at)).toEqual(Buffer.alloc(at, 0x55));
        expect(bytes.subarray(end)).toEqual(Buffer.alloc(16 - end, 0x55));
      }),
    );
  });
});

describe('varintLength', () => {
  it('counts the bytes of every number below 2^32', () => {
    fc.assert(
      fc.property(upTo(2 ** 32 - 1), (value) => {
        expect(varintLength(value)).toBe(varint(BigInt(value)).length);
      }),
    );
  });

  it.each([
    [0x7f, 1],
    [0x80, 2],
    [0x3fff, 2],
    [0x4000, 3],
    [0x1f_ffff, 3],
    [0x20_0000, 4],
    [0xfff_ffff, 4],
    [0x1000_0000, 5],
    [0xffff_ffff, 5],
  ])('counts for %i: %i', (value, length) => {
    expect(varintLength(value)).toBe(length);
  });
});

describe('signed64', () => {
  it('joins any two halves as a BigInt would, as exactly as a number can', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), (low, high) => {
        const exact = (BigInt(high) << 32n) + BigInt(low >>> 0);
        expect(signed64(low, high)).toBe(Number(exact));
      }),
    );
  });
});
