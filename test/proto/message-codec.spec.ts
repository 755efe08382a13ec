import protobuf from 'protobufjs';
import { afterEach, describe, expect, it } from 'vitest';
import { resolveLoaderOptions } from '../../lib/proto/loader-options.js';
import { messageCodec } from '../../lib/proto/message-codec.js';
import { readProtoFiles } from '../../lib/proto/proto-files.js';
import { codecOf, decoded, encoded, EVERYTHING, hex, messageTarget, parsed } from './codecs.js';

describe('messageCodec', () => {
  it('gives the plain objects that a gRPC controller sees', () => {
    const codec = codecOf('Everything', {
      longs: String,
      enums: String,
      defaults: true,
      oneofs: true,
    });
    //                        anInt64 = -1               color = 1  raw = ff 00
    const message = hex('20 ffffffffffffffffff01   800101     8a0202ff00');
    expect(decoded(codec, message)).toEqual({
      aDouble: 0,
      aFloat: 0,
      anInt32: 0,
      anInt64: '-1',
      aUint32: 0,
      aUint64: '0',
      aSint32: 0,
      aSint64: '0',
      aFixed32: 0,
      aFixed64: '0',
      anSfixed32: 0,
      anSfixed64: '0',
      aBool: false,
      aString: '',
      someBytes: Buffer.alloc(0),
      color: 'COLOR_RED',
      nested: null,
      ints: [],
      longs: [],
      doubles: [],
      fixeds: [],
      strings: [],
      blobs: [],
      colors: [],
      children: [],
      unpacked: [],
      labels: {},
      blobsById: {},
      everythingById: {},
      colorsByFlag: {},
      longsByName: {},
      choice: 'raw',
      raw: Buffer.from([0xff, 0]),
      any: null,
      at: null,
      struct: null,
      wrapped: null,
    });
  });

  it('encodes in field order what fromObject makes of a plain object', () => {
    const codec = parsed(
      'message M { string text = 2; int64 big = 1; Kind kind = 3; enum Kind { A = 0; B = 5; } }',
    )('M');
    const bytes = encoded(codec, { text: 'hi', big: '300', kind: 'B', unknown: true });
    expect(bytes).toEqual(hex('08 ac02   12 02 6869   18 05'));
  });

  it.each([undefined, null])('encodes %s as the empty message', (nothing) => {
    expect(encoded(codecOf('Everything'), nothing)).toHaveLength(0);
    expect(decoded(codecOf('Empty'), Buffer.alloc(0))).toEqual({});
  });

  it.each([
    [[], 'an array'],
    ['text', '"text"'],
    [7, '7'],
    [true, 'true'],
  ])('refuses %j for a message', (message, shown) => {
    expect(() => encoded(codecOf('Empty'), message)).toThrow(
      new TypeError(`message of everything.v1.Empty must be an object, got ${shown}`),
    );
  });

  it('appends behind what the target has, and grows it', () => {
    const target = messageTarget(hex('aabb'), 1);
    codecOf('Everything').write({ aString: 'x'.repeat(100) }, target);
    codecOf('Everything').write({ aBool: true }, target);
    const text = Buffer.from('x'.repeat(100)).toString('hex');
    expect(target.buffer.subarray(0, target.length)).toEqual(hex(`aabb 7264 ${text} 6801`));
  });

  it('leaves the target as it was when a message can not be encoded', () => {
    const root = readProtoFiles([EVERYTHING], resolveLoaderOptions()).resolveAll() as protobuf.Root;
    const type = root.lookupType('Everything');
    const codec = messageCodec(type, {});
    const target = messageTarget(hex('aabb'), 100);
    const { buffer } = target;
    const unwritable = {
      get length(): number {
        throw new Error('no length');
      },
    };
    // A ready message is not converted, so that the first string is encoded before the second throws.
    const message = type.create({ aString: 'first', strings: ['second', unwritable] });
    expect(() => codec.write(message, target)).toThrow();
    expect(target.length).toBe(2);
    expect(target.buffer).toBe(buffer);
    codec.write({ aBool: true }, target);
    expect(target.buffer.subarray(0, target.length)).toEqual(hex('aabb 6801'));
  });

  it('copies bytes out of the chunk, at any depth', () => {
    const codec = codecOf('Everything', { json: true });
    const message = {
      someBytes: Buffer.from('top'),
      nested: { someBytes: Buffer.from('nested') },
      blobs: [Buffer.from('repeated')],
      children: [{ raw: Buffer.from('child') }],
      blobsById: { 1: Buffer.from('mapped') },
      any: { type_url: 'x/unknown.Type', value: Buffer.from('any') },
    };
    const bytes = encoded(codec, message);
    const chunk = Buffer.concat([bytes, Buffer.alloc(64 * 1024)]);
    const read = codec.read(chunk, 0, bytes.length) as Record<string, { buffer: ArrayBuffer }>;
    chunk.fill(0xdd);
    expect(read).toEqual({
      ...message,
      any: { type_url: 'x/unknown.Type', value: message.any.value },
    });
    expect(read['someBytes']!.buffer).not.toBe(chunk.buffer);
  });

  it('copies bytes inside an opened Any', () => {
    const codec = codecOf('Everything', { json: true });
    const any = { '@type': 'type.googleapis.com/everything.v1.Everything', raw: Buffer.from('in') };
    expect(decoded(codec, encoded(codec, { any }))).toEqual({ any });
  });

  it('drops unknown fields', () => {
    const codec = codecOf('Empty');
    expect(decoded(codec, hex('08 01   12 02 6162   1d 00000000'))).toEqual({});
  });

  describe('with custom wrappers', () => {
    const added: string[] = [];
    afterEach(() => {
      for (const name of added.splice(0)) delete protobuf.wrappers[name];
    });
    const wrap = (name: string, wrapper: protobuf.IWrapper): void => {
      protobuf.wrappers[name] = wrapper;
      added.push(name);
    };

    it('honours them inside messages', () => {
      wrap('.google.protobuf.Timestamp', {
        fromObject(date) {
          return this.create({ seconds: (date as unknown as Date).getTime() / 1000 });
        },
        toObject: (message) =>
          new Date(Number((message as unknown as { seconds: object }).seconds) * 1000),
      });
      const codec = codecOf('Everything');
      const message = { at: new Date(5000), nested: { at: new Date(6000) } };
      const bytes = encoded(codec, message);
      expect(bytes).toEqual(hex('8a01 05 ba02 02 08 06   ba02 02 08 05'));
      expect(decoded(codec, bytes)).toEqual(message);
    });

    it('hands them whatever the message is, but nothing as the empty message', () => {
      wrap('.List', {
        fromObject(list) {
          return this.create({ items: list as unknown });
        },
        toObject: (message) => (message as unknown as { items: never }).items,
      });
      const codec = parsed('message List { repeated string items = 1; }')('List');
      expect(encoded(codec, ['a', 'b'])).toEqual(hex('0a 01 61   0a 01 62'));
      expect(decoded(codec, hex('0a 01 61   0a 01 62'))).toEqual(['a', 'b']);
      expect(encoded(codec, undefined)).toHaveLength(0);
    });

    it('may encode and decode other messages meanwhile', () => {
      const inner = parsed('message Inner { string text = 1; bytes blob = 2; }')('Inner');
      const { root } = protobuf.parse(
        'syntax = "proto3"; message Outer { Sealed a = 1; Sealed b = 2; bytes end = 3; } message Sealed { bytes sealed = 1; }',
      );
      wrap('.Sealed', {
        fromObject(open) {
          return this.create({ sealed: encoded(inner, open) });
        },
        toObject: (message) =>
          decoded(inner, (message as unknown as { sealed: Buffer }).sealed) as Record<
            string,
            unknown
          >,
      });
      const codec = messageCodec(root.resolveAll().lookupType('Outer'), {});
      const seal = (text: string): object => ({ text, blob: Buffer.from(text) });
      const message = { a: seal('one'), b: seal('two'), end: Buffer.from('end') };
      expect(decoded(codec, encoded(codec, message))).toEqual(message);
    });
  });
});
