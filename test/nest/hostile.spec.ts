import { join } from 'node:path';
import { Controller } from '@nestjs/common';
import { GrpcMethod, Payload } from '@nestjs/microservices';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { TtrpcClient, type MethodDefinition } from '../../lib/engine/index.js';
import { TtrpcMetadata, type Metadata } from '../../lib/index.js';
import { payloadCodec } from '../../lib/rpc/payload-codec.js';
import { hex } from '../support/transcript.js';
import { closeLater, startInMemory } from './app.js';

interface Thing {
  readonly text?: string;
  readonly number?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly inner?: Thing;
}

const raw = payloadCodec<Buffer>({
  encode: (bytes) => bytes,
  decode: (bytes) => Buffer.from(bytes),
});
const TAKE: MethodDefinition<Buffer, Buffer> = {
  service: 'acme.hostile.HostileService',
  name: 'Take',
  kind: 'unary',
  request: raw,
  response: raw,
};

/** A Nest server, and a client that sends it any bytes; gives what the handler got. */
async function taking(): Promise<{
  take(payload: Buffer, metadata?: Record<string, string>): Promise<Buffer>;
  taken: { thing: Thing; metadata: Metadata }[];
}> {
  const taken: { thing: Thing; metadata: Metadata }[] = [];
  @Controller()
  class Taker {
    @GrpcMethod('HostileService')
    take(@Payload() thing: Thing, @TtrpcMetadata() metadata: Metadata): Thing {
      taken.push({ thing, metadata });
      return thing;
    }
  }
  const options = {
    package: 'acme.hostile',
    protoPath: join(import.meta.dirname, 'fixtures/thing.proto'),
    loader: { longs: String, defaults: false },
  };
  const { dial } = await startInMemory([Taker], { options });
  const client = closeLater(new TtrpcClient({ dial }));
  return { taken, take: (payload, metadata = {}) => client.unary(TAKE, payload, { metadata }) };
}

/** A thing in a thing in a thing. */
function nested(levels: number): Buffer {
  let thing = Buffer.alloc(0);
  for (let level = 0; level < levels; level++) {
    const writer = protobuf.Writer.create().uint32(0x22).bytes(thing);
    thing = Buffer.from(writer.finish());
  }
  return thing;
}

describe('hostile input to a Nest handler', () => {
  it('in the keys of a map and of metadata pollutes no prototype', async () => {
    const { take, taken } = await taking();
    const labels = hex(`1a15 0a09 "__proto__" 1208 "polluted"  1a10 0a0b "constructor" 1201 "x"`);
    expect(await take(labels, { constructor: 'x', ['__proto__']: 'y' })).toHaveLength(
      labels.length,
    );
    const [{ thing, metadata }] = taken as [(typeof taken)[0]];
    expect(Object.getOwnPropertyNames(thing.labels)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(thing.labels)).toBe(Object.prototype);
    for (const copy of [{ ...thing.labels }, Object.assign({}, metadata.toJSON())]) {
      expect(Object.getPrototypeOf(copy)).not.toHaveProperty('polluted');
    }
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it.each([
    ['a field beyond the message', hex('0a05 "a"')],
    ['a length of 4 GiB', hex('0a ffffffff0f')],
    ['a varint of eleven bytes', hex('10 ffffffffffffffffffff01')],
    ['a varint without an end', hex('10 ffffff')],
    ['groups in groups', hex('2b*100000')],
    ['2000 things in each other', nested(2000)],
  ])('as %s reaches none', async (_, payload) => {
    const { take, taken } = await taking();
    await expect(take(payload)).rejects.toThrow(
      '13 INTERNAL: ttrpc: error unmarshalling payload: ',
    );
    expect(taken).toEqual([]);
    expect(await take(hex('0a01 "a"'))).toEqual(hex('0a01 "a"'));
  });

  it('with text that is no UTF-8 is refused, or is text with replacement characters', async () => {
    const { take, taken } = await taking();
    const refused = await take(hex('0a02 61ff')).then(
      () => false,
      (error: Error) => error.message.startsWith('13 INTERNAL: ttrpc: error unmarshalling'),
    );
    // protobufjs 8 verifies texts, 7 does not.
    if ('stringVerify' in protobuf.Reader.prototype) expect([refused, taken]).toEqual([true, []]);
    else expect(taken.map(({ thing }) => thing.text)).toEqual(['a\ufffd']);
  });

  it('with the limits of int64 is what was sent', async () => {
    const { take, taken } = await taking();
    for (const limit of ['10 ffffffffffffffff7f', '10 80808080808080808001']) {
      expect(await take(hex(limit))).toEqual(hex(limit));
    }
    expect(taken.map(({ thing }) => thing.number)).toEqual([
      '9223372036854775807',
      '-9223372036854775808',
    ]);
  });
});
