import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { codecOf, decoded, encoded, hex, parsed } from './codecs.js';

describe('messageCodec against hostile input', () => {
  it('keeps a map key and a field named __proto__ as data', () => {
    const codec = codecOf('Everything');
    const message = JSON.parse('{ "labels": { "__proto__": "polluted" } }') as object;
    const bytes = encoded(codec, message);
    //                             27: labels   1: "__proto__"              2: "polluted"
    expect(bytes).toEqual(hex('da01 15   0a 09 5f5f70726f746f5f5f   12 08 706f6c6c75746564'));
    const { labels } = decoded(codec, bytes) as { labels: object };
    expect(Object.entries(labels)).toEqual([['__proto__', 'polluted']]);
    expect(Object.getPrototypeOf(labels)).toBe(Object.prototype);

    const polluting = JSON.parse('{ "__proto__": { "aString": "inherited" } }') as object;
    encoded(codec, polluting);
    expect(({} as { aString?: string }).aString).toBeUndefined();
  });

  it('keeps messages in a map under the key __proto__ as data', () => {
    const codec = parsed('message M { map<string, M> m = 1; int32 n = 2; }')('M');
    const message = JSON.parse('{ "m": { "__proto__": { "n": 1 } } }') as object;
    const { m } = decoded(codec, encoded(codec, message)) as { m: Record<string, unknown> };
    expect(Object.getOwnPropertyNames(m)).toEqual(['__proto__']);
    expect(m['n']).toBeUndefined();
    expect(({} as { n?: number }).n).toBeUndefined();
  });

  const deep = (levels: number): Buffer => {
    let message = Buffer.alloc(0);
    for (let level = 0; level < levels; level++) {
      const length = Buffer.from(protobuf.Writer.create().uint32(message.length).finish());
      message = Buffer.concat([hex('8a01'), length, message]);
    }
    return message;
  };

  it.each([
    ['a field that ends behind the message', '72 05 6161'],
    ['a length of 4 GiB', '7a ffffffff0f'],
    ['a packed list of 2 GiB', 'aa01 ffffffff07'],
    ['a varint without an end', '18 ffffffffffffffffffffff'],
    ['a 64-bit varint that is cut', '20 8080808080'],
    ['a 64-bit varint cut in its first four bytes', '20 808080'],
    ['a fixed field that is cut', '09 0000'],
    ['the end of a group that was not begun', '0c'],
    ['a group without an end', 'c30c 08 01'],
    ['a reserved wire type', '0e'],
    ['groups in groups', 'c30c '.repeat(100_000)],
  ])('throws on %s', (_, bytes) => {
    expect(() => decoded(codecOf('Everything'), hex(bytes))).toThrow(Error);
  });

  it('throws on messages nested too deep', () => {
    expect(() => decoded(codecOf('Everything'), deep(2000))).toThrow(Error);
    expect(decoded(codecOf('Everything'), deep(20))).toHaveProperty('nested.nested');
  });

  it.each([
    ['int32 a', '08 ffffffff07', 2_147_483_647],
    ['int32 a', '08 80808080f8ffffffff01', -2_147_483_648],
    ['uint32 a', '08 ffffffff0f', 4_294_967_295],
    ['int64 a', '08 ffffffffffffffff7f', '9223372036854775807'],
    ['int64 a', '08 80808080808080808001', '-9223372036854775808'],
    ['uint64 a', '08 ffffffffffffffffff01', '18446744073709551615'],
    ['sint64 a', '08 ffffffffffffffffff01', '-9223372036854775808'],
    ['fixed64 a', '09 ffffffffffffffff', '18446744073709551615'],
    ['sfixed64 a', '09 0000000000000080', '-9223372036854775808'],
  ])('reads and writes a limit of %s as it is', (field, bytes, value) => {
    const codec = parsed(`message M { ${field} = 1; }`)('M', { longs: String });
    expect(decoded(codec, hex(bytes))).toEqual({ a: value });
    expect(encoded(codec, { a: value })).toEqual(hex(bytes));
  });

  it('throws or gives a message, whatever the bytes', () => {
    const codec = codecOf('Everything', { json: true, defaults: true });
    const field = fc.tuple(fc.nat({ max: 45 }), fc.nat({ max: 7 }), fc.uint8Array());
    const payload = fc.array(field, { maxLength: 8, size: 'max' }).map((fields) =>
      Buffer.concat(
        fields.flatMap(([id, wireType, content]) => [
          protobuf.Writer.create()
            .uint32(id * 8 + wireType)
            .finish(),
          wireType === 2 ? protobuf.Writer.create().bytes(content).finish() : content,
        ]),
      ),
    );
    fc.assert(
      fc.property(payload, (bytes) => {
        try {
          expect(typeof decoded(codec, bytes)).toBe('object');
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          expect((error as Error).name).not.toBe('AssertionError');
        }
        // The reader is whole again.
        expect(decoded(codec, hex('1801'))).toMatchObject({ anInt32: 1 });
      }),
    );
  });
});
