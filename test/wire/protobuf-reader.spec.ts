import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MalformedMessage, ProtobufReader } from '../../lib/wire/protobuf-reader.js';
import { hex } from '../support/transcript.js';

/** A reader of these bytes, which stand between others that are not the message's. */
function reader(text: string): ProtobufReader {
  const message = hex(text);
  const made = new ProtobufReader();
  made.reset(
    Buffer.concat([hex('0101'), message, hex('0101010101010101010101')]),
    2,
    2 + message.length,
  );
  return made;
}

/** The fields that are found when all are skipped, as `field:wireType`. */
function skipAll(text: string): string[] {
  const made = reader(text);
  const found: string[] = [];
  while (made.nextField()) {
    found.push(`${made.field}:${made.wireType}`);
    made.skip();
  }
  return found;
}

/** The varint of a 64-bit number, two's complement. */
function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}

const anyInt64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.integer().map(BigInt),
  fc.nat({ max: 62 }).map((bits) => 2n ** BigInt(bits)),
);

describe('ProtobufReader', () => {
  it('walks fields by number and wire type', () => {
    expect(skipAll('0801 1203 616263 18ac02 2100112233 44556677 2d00112233')).toEqual([
      '1:0',
      '2:2',
      '3:0',
      '4:1',
      '5:5',
    ]);
  });

  it('finds no field in an empty message', () => {
    expect(skipAll('')).toEqual([]);
  });

  it('reads tags of up to 32 bits', () => {
    expect(skipAll('f8ffffff0f 00')).toEqual(['536870911:0']);
    expect(skipAll('8801 00')).toEqual(['17:0']);
  });

  it('gives the range of a length-delimited value', () => {
    const made = reader('0a02 6869 1200');
    made.nextField();
    made.delimited();
    expect(made.bytes.toString('utf8', made.valueStart, made.valueEnd)).toBe('hi');
    made.nextField();
    made.delimited();
    expect(made.valueEnd - made.valueStart).toBe(0);
    expect(made.nextField()).toBe(false);
  });

  it.each([
    ['00', 0],
    ['7f', 127],
    ['8001', 128],
    ['ffffffff07', 2 ** 31 - 1],
    ['ffffffff0f', 2 ** 32 - 1],
    ['8080808010', 2 ** 32],
    ['ffffffffffffffff7f', 2 ** 63 - 1],
    ['80808080808080808001', -(2 ** 63)],
    ['ffffffffffffffffff01', -1],
    ['80ffffffffffffffff01', -128],
    ['8080808078', 0x78 * 2 ** 28],
  ])('reads %s as the 64-bit number %d', (bytes, expected) => {
    expect(reader(bytes).varint64()).toBe(expected);
  });

  it('reads any 64-bit number, as exactly as a number can', () => {
    fc.assert(
      fc.property(anyInt64, (value) => {
        const made = new ProtobufReader();
        const bytes = varint(value);
        made.reset(bytes, 0, bytes.length);
        expect(made.varint64()).toBe(Number(value));
        expect(made.at).toBe(bytes.length);
      }),
    );
  });

  it('reads the low 32 bits of any number as a signed number, exactly', () => {
    fc.assert(
      fc.property(anyInt64, (value) => {
        const made = new ProtobufReader();
        const bytes = varint(value);
        made.reset(bytes, 0, bytes.length);
        expect(made.int32()).toBe(Number(BigInt.asIntN(32, value)));
        expect(made.at).toBe(bytes.length);
      }),
    );
  });

  it.each(['81 00', '81 80 80 00', '81 80 80 80 80 80 80 80 80 00'])(
    'reads the overlong %s as 1, in a tag and in a length too',
    (bytes) => {
      expect(reader(bytes).varint64()).toBe(1);
      expect(reader(bytes).varint32()).toBe(1);
      expect(reader(bytes).int32()).toBe(1);
    },
  );

  it.each(['8080808010', 'ffffffffffffffffff01', '80808080808080808001'])(
    'refuses %s where 32 bits are allowed',
    (bytes) => {
      expect(() => reader(bytes).varint32()).toThrow(new MalformedMessage('number above 32 bits'));
    },
  );

  it('refuses a varint of 11 bytes', () => {
    const bytes = '80808080808080808080 01';
    expect(() => reader(bytes).varint64()).toThrow('varint of more than 10 bytes');
    expect(() => reader(bytes).int32()).toThrow('varint of more than 10 bytes');
  });

  it.each([
    ['a tag', '80'],
    ['a varint', '08'],
    ['a varint that goes on', '0880'],
    ['a length', '0a'],
    ['a length-delimited value', '0a02 61'],
    ['a length-delimited value of 4 GiB', '0affffffff0f 61'],
    ['a fixed64', '09 00112233445566'],
    ['a fixed32', '0d 001122'],
    ['a group', '0b'],
    ['a group in its field', '0b 08'],
  ])('refuses a message that ends in %s', (_, bytes) => {
    expect(() => skipAll(bytes)).toThrow(new MalformedMessage('unexpected end of message'));
  });

  it('skips groups with everything in them', () => {
    expect(skipAll('0b 0801 1203616263 13 14 2d00000000 0c 1801')).toEqual(['1:3', '3:0']);
  });

  it('refuses the end of another group', () => {
    expect(() => skipAll('0b 14')).toThrow('mismatched end of group');
  });

  it('refuses the end of a group that never began', () => {
    expect(() => skipAll('0c')).toThrow('illegal wire type 4');
  });

  it.each(['0e', '0f'])('refuses the wire type of tag %s', (tag) => {
    expect(() => skipAll(`${tag} 00`)).toThrow(/^illegal wire type [67]$/u);
  });

  it('refuses field number 0', () => {
    expect(() => skipAll('0000')).toThrow('illegal tag 0');
    expect(() => skipAll('0200')).toThrow('illegal tag 0');
  });

  it('skips 64 groups in each other and refuses one more', () => {
    const nested = (depth: number): string => '0b'.repeat(depth) + '0c'.repeat(depth);
    expect(skipAll(nested(64))).toEqual(['1:3']);
    expect(() => skipAll(nested(65))).toThrow('groups nested too deep');
    expect(() => skipAll('0b'.repeat(100_000))).toThrow('groups nested too deep');
  });

  it('refuses a field of another wire type than expected', () => {
    const made = reader('0801');
    made.nextField();
    expect(() => made.delimited()).toThrow('field 1 has wire type 0');
    expect(() => made.expect(5)).toThrow('field 1 has wire type 0');
    expect(() => made.expect(0)).not.toThrow();
  });

  it('holds nothing after it was released', () => {
    const made = reader('0801');
    made.release();
    expect(made.bytes.length).toBe(0);
    expect(made.nextField()).toBe(false);
  });

  it('ends, or refuses, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40, size: 'max' }), (array) => {
        const made = new ProtobufReader();
        // Behind the message stand bytes that would go on for ever.
        made.reset(Buffer.concat([array, Buffer.alloc(20, 0x80)]), 0, array.length);
        try {
          while (made.nextField()) made.skip();
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessage);
        }
        expect(made.at).toBeLessThanOrEqual(array.length);
      }),
      { numRuns: 2000 },
    );
  });
});
