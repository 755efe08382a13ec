import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LoaderOptions } from '../../lib/proto/loader-options.js';
import { codecOf, decoded, encoded, EVERYTHING, hex } from './codecs.js';
import { protoLoaderOnOurProtobufjs } from './proto-loader.js';

const LEGACY = fileURLToPath(new URL('fixtures/legacy.proto', import.meta.url));
const protoLoader = protoLoaderOnOurProtobufjs();

interface Functions {
  serialize(message: unknown): Buffer;
  deserialize(bytes: Buffer): unknown;
}

function protoLoaderFunctions(loader: LoaderOptions): Functions {
  const definition = protoLoader.loadSync(EVERYTHING, loader as object);
  return definition['everything.v1.Everything'] as unknown as Functions;
}

const FULL = {
  aDouble: 1.5,
  aFloat: -2.25,
  anInt32: -3,
  anInt64: '-9007199254740993',
  aUint32: 4294967295,
  aUint64: '18446744073709551615',
  aSint32: -5,
  aSint64: '-6',
  aFixed32: 7,
  aFixed64: '8',
  anSfixed32: -9,
  anSfixed64: '-10',
  aBool: true,
  aString: 'zażółć 😀',
  someBytes: Buffer.from('bytes'),
  color: 'COLOR_NEGATIVE',
  nested: { anInt32: 1, nested: { someBytes: Buffer.from('deep') } },
  ints: [1, -1, 300],
  longs: ['1', '-1'],
  doubles: Array.from({ length: 20 }, (_, index) => index / 2),
  fixeds: Array.from({ length: 200 }, (_, index) => index),
  strings: ['', 'x'.repeat(200)],
  blobs: [Buffer.alloc(0), Buffer.from('blob')],
  colors: ['COLOR_RED', 'COLOR_UNSPECIFIED'],
  children: [{ aString: 'child' }, {}],
  unpacked: [1, 2],
  labels: { a: 'b', '': 'empty' },
  blobsById: { 1: Buffer.from('one') },
  everythingById: { '-1': { aString: 'minus one' } },
  colorsByFlag: { true: 'COLOR_RED' },
  longsByName: { big: '9007199254740993' },
  raw: Buffer.from('raw'),
  maybeInt: 0,
  maybeText: '',
  maybeBytes: Buffer.alloc(0),
  any: { '@type': 'type.googleapis.com/everything.v1.Everything', aString: 'inside' },
  at: { seconds: '1700000000', nanos: 5 },
  struct: { fields: { key: { listValue: { values: [{ numberValue: 1 }, { nullValue: 0 }] } } } },
  wrapped: { value: 'wrapped' },
};

describe('messageCodec beside proto-loader', () => {
  const flags = ['keepCase', 'defaults', 'arrays', 'objects', 'oneofs', 'json'] as const;
  const matrix: LoaderOptions[] = [
    {},
    ...flags.map((flag) => ({ [flag]: true })),
    ...[String, Number, BigInt].flatMap((longs) => [{ longs }, { longs, defaults: true }]),
    { enums: String },
    { enums: String, defaults: true },
    { bytes: String },
    { bytes: Array, defaults: true },
    { longs: String, enums: String, bytes: String, defaults: true, oneofs: true, json: true },
  ];

  it.each(matrix)('writes and reads as proto-loader does under %o', (loader) => {
    const codec = codecOf('Everything', loader);
    const theirs = protoLoaderFunctions(loader);
    for (const message of [FULL, { a_string: 'kept', maybe_int: 0, raw: 'AP8=' }, {}]) {
      const bytes = encoded(codec, message);
      expect(bytes.equals(theirs.serialize(message))).toBe(true);
      const ours = decoded(codec, bytes);
      expect(ours).toStrictEqual(theirs.deserialize(bytes));
      expect(Object.keys(ours as object)).toEqual(Object.keys(theirs.deserialize(bytes) as object));
    }
  });

  it('writes and reads whatever message as proto-loader does', () => {
    const loader = { longs: String, defaults: true, oneofs: true } as const;
    const codec = codecOf('Everything', loader);
    const theirs = protoLoaderFunctions(loader);
    const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
    const bytes = fc.uint8Array({ maxLength: 300, size: 'max' }).map((value) => Buffer.from(value));
    const text = fc.string({ unit: 'grapheme', maxLength: 200, size: 'max' });
    const leaf = {
      aDouble: fc.double(),
      aFloat: fc.float(),
      anInt32: int32,
      anInt64: int64,
      aUint32: fc.nat({ max: 2 ** 32 - 1 }),
      aSint32: int32,
      aSint64: int64,
      aFixed64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
      anSfixed32: int32,
      aBool: fc.boolean(),
      aString: text,
      someBytes: bytes,
      color: fc.constantFrom(0, 1, -1, 77, 'COLOR_RED'),
      ints: fc.array(int32),
      longs: fc.array(int64),
      doubles: fc.array(fc.double(), { maxLength: 40, size: 'max' }),
      blobs: fc.array(bytes),
      labels: fc.dictionary(text, text),
      blobsById: fc.dictionary(int32.map(String), bytes),
      longsByName: fc.dictionary(text, int64),
      maybeInt: int32,
      maybeBytes: bytes,
    };
    const levels = { requiredKeys: [] as never[] };
    const child = fc.record(leaf, levels);
    const children = fc.array(child, { maxLength: 2 });
    const message = fc.record({ ...leaf, nested: child, children }, levels);
    fc.assert(
      fc.property(message, (value) => {
        const mine = encoded(codec, value);
        expect(mine.equals(theirs.serialize(value))).toBe(true);
        expect(decoded(codec, mine)).toStrictEqual(theirs.deserialize(mine));
      }),
    );
  });

  it('reads groups, required fields and closed enums of proto2 as proto-loader does', () => {
    const codec = codecOf('Legacy', { defaults: true, enums: String }, LEGACY);
    const theirs = protoLoader.loadSync(LEGACY, { defaults: true, enums: String })[
      'legacy.Legacy'
    ] as unknown as Functions;
    //                   name = "n"   group 3: value = "v"   closed = 1, 9   more = "x"
    const bytes = hex('0a 01 6e     1b 0a 01 76 1c         22 02 01 09     a206 01 78');
    expect(decoded(codec, bytes)).toStrictEqual(theirs.deserialize(bytes));
    expect(decoded(codec, bytes)).toMatchObject({ count: 7, item: [{ value: Buffer.from('v') }] });
    expect(() => decoded(codec, hex('10 01'))).toThrow("missing required 'name'");
  });
});
