import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../lib/errors.js';
import { FrameWriter } from '../../lib/wire/frame-writer.js';
import {
  beginRequestPayload,
  decodeMetadata,
  decodeRequest,
  encodeRoute,
  endPayload,
  metadataSize,
  RequestView,
  writeRequestTail,
} from '../../lib/wire/request-codec.js';
import { metadata, text } from '../support/arbitraries.js';
import { hex } from '../support/transcript.js';
import { oracleRequest, type OracleRequest } from './oracle.js';

/** What a request says, as plain values. */
interface Request {
  service: string;
  method: string;
  payload: string;
  timeoutNano: number;
  metadata: [string, string][];
}

const EMPTY: Request = { service: '', method: '', payload: '', timeoutNano: 0, metadata: [] };

const view = new RequestView();

/** Reads a request that stands between other bytes. */
function read(message: Buffer): Request {
  const bytes = Buffer.concat([hex('0a01'), message, hex('0101010101')]);
  decodeRequest(bytes, 2, 2 + message.length, view);
  const { service, method, timeoutNano } = view;
  return {
    service,
    method,
    payload: view.bytes.toString('hex', view.payloadStart, view.payloadEnd),
    timeoutNano,
    metadata: decodeMetadata(view.bytes.subarray(view.metadataStart, view.metadataEnd)),
  };
}

function write(request: {
  route?: Buffer;
  payload?: Uint8Array;
  timeoutNano?: number;
  metadata?: Iterable<readonly [string, string]>;
}): Buffer {
  const writer = new FrameWriter(4_194_304);
  writer.beginFrame(1, 1, 0);
  writer.append(request.route ?? Buffer.alloc(0));
  const begun = beginRequestPayload(writer);
  writer.append(request.payload ?? Buffer.alloc(0));
  endPayload(writer, begun);
  writeRequestTail(writer, request.timeoutNano ?? 0, [...(request.metadata ?? [])]);
  writer.endFrame();
  return (writer.take() as Buffer).subarray(10);
}

/** Every field once, in the order of the numbers. */
const FULL = `0a03 "foo" 1203 "bar" 1a02 aabb 20 e807
  2a06 0a01 "k" 1201 "v"  2a06 0a01 "k" 1201 "w"`;
const FULL_REQUEST: Request = {
  service: 'foo',
  method: 'bar',
  payload: 'aabb',
  timeoutNano: 1000,
  metadata: [
    ['k', 'v'],
    ['k', 'w'],
  ],
};

describe('decodeRequest', () => {
  it('finds every part of a request', () => {
    expect(read(hex(FULL))).toEqual(FULL_REQUEST);
  });

  it('takes absent fields for empty ones', () => {
    read(hex(FULL));
    expect(read(hex(''))).toEqual(EMPTY);
  });

  it('takes fields in any order, metadata around the others included', () => {
    const shuffled = `2a06 0a01 "k" 1201 "v"  20 e807  1a02 aabb  1203 "bar"
      2a06 1201 "w" 0a01 "k"  0a03 "foo"`;
    expect(read(hex(shuffled))).toEqual(FULL_REQUEST);
  });

  it('lets the last of a repeated scalar count', () => {
    const twice = `0a03 "old" 1203 "old" 1a03 010203 20 01 ${FULL}`;
    expect(read(hex(twice))).toEqual(FULL_REQUEST);
    expect(read(hex('0a03 "foo" 0a00')).service).toBe('');
    expect(read(hex('2a08 0a01 "a" 0a03 "key"')).metadata).toEqual([['key', '']]);
  });

  it('skips fields that it does not know, in between and within metadata', () => {
    const unknown = '3001 3a03 "new" 390011223344556677 3d00112233 3b 0801 3c';
    const padded = `${unknown} 0a03 "foo" ${unknown} 1203 "bar" ${unknown} 1a02 aabb 20 e807
      2a06 0a01 "k" 1201 "v" ${unknown}  2a0c 1801 0a01 "k" 1201 "w" 2202 0000 ${unknown}`;
    expect(read(hex(padded))).toEqual(FULL_REQUEST);
  });

  it.each([
    ['20 00', 0],
    ['20 01', 1],
    ['20 ffffffffffffffffff01', -1],
    ['20 80808080808080808001', -(2 ** 63)],
    ['20 ffffffffffffffff7f', 2 ** 63 - 1],
    ['20 81 80 80 00', 1],
    ['20 8080c58bc6d101', 7_200_000_000_000],
  ])('reads the timeout %s as %d ns', (bytes, timeoutNano) => {
    expect(read(hex(bytes)).timeoutNano).toBe(timeoutNano);
  });

  it('makes metadata keys lower case and lets values be', () => {
    expect(read(hex('2a0c 0a05 "Trace" 1203 "AbC"')).metadata).toEqual([['trace', 'AbC']]);
  });

  it('takes an empty pair for an empty key with an empty value', () => {
    expect(read(hex('2a00')).metadata).toEqual([['', '']]);
  });

  it.each([
    ['service', '0a02 c328'],
    ['method', '1202 c328'],
    ['metadata key', '2a04 0a02 c328'],
    ['metadata value', '2a04 1202 c328'],
  ])('refuses a %s that is not UTF-8', (_, bytes) => {
    expect(() => read(hex(bytes))).toThrow(
      'unmarshal request error: string field contains invalid UTF-8',
    );
  });

  it.each([
    ['service', '0801'],
    ['method', '1001'],
    ['payload', '1801'],
    ['timeout', '2200'],
    ['metadata', '2801'],
    ['metadata key', '2a02 0801'],
    ['metadata value', '2a02 1001'],
  ])('refuses a %s of the wrong wire type', (_, bytes) => {
    expect(() => read(hex(bytes))).toThrow(/^unmarshal request error: field \d has wire type \d$/u);
  });

  it('refuses metadata that reaches beyond its field, though bytes follow', () => {
    expect(() => read(hex('2a04 0a03 "k" 1203 "abc"'))).toThrow(
      'unmarshal request error: unexpected end of message',
    );
  });

  it('answers for the stream, not for the connection', () => {
    let thrown: unknown;
    try {
      read(hex('0a'));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ProtocolError);
    expect(thrown).toMatchObject({ scope: 'stream' });
  });

  it('lets errors pass that are not the message’s', () => {
    const bytes = new Proxy(hex('0a01 61'), {
      get: () => {
        throw new RangeError('not readable');
      },
    });
    expect(() => decodeRequest(bytes, 0, 3, view)).toThrow(new RangeError('not readable'));
  });

  it('refuses every message that is cut short, unless the cut is between two fields', () => {
    const whole = hex(FULL);
    const ends = [0, 5, 10, 14, 17, 25];
    for (let length = 0; length < whole.length; length++) {
      const part = whole.subarray(0, length);
      if (ends.includes(length)) expect(() => read(part)).not.toThrow();
      else expect(() => read(part), `${length} bytes`).toThrow('unexpected end of message');
    }
  });

  it('reads what another implementation writes', () => {
    fc.assert(
      fc.property(anyRequest, (request) => {
        expect(read(oracleRequest.encode(request))).toEqual({
          service: request.service,
          method: request.method,
          payload: request.payload.toString('hex'),
          timeoutNano: request.timeoutNano,
          metadata: request.metadata.map(({ key, value }) => [key, value]),
        });
      }),
    );
  });

  it('reads any bytes, or refuses them, as another implementation does', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 30, size: 'max' }),
      fc.tuple(anyRequest, fc.nat(), fc.nat({ max: 255 })).map(([request, at, byte]) => {
        const encoded = oracleRequest.encode(request);
        if (encoded.length > 0) encoded[at % encoded.length] = byte;
        return encoded;
      }),
    );
    fc.assert(
      fc.property(bytes, (array) => {
        let ours: Request;
        try {
          ours = read(Buffer.from(array));
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
          return;
        }
        // What we accept is accepted there, and says the same.
        const theirs = oracleRequest.decode(array);
        expect(ours.service).toBe(theirs.service);
        expect(ours.method).toBe(theirs.method);
        expect(ours.payload).toBe(theirs.payload.toString('hex'));
        expect(ours.timeoutNano).toBe(theirs.timeoutNano);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('RequestView', () => {
  it('says nothing and keeps nothing after it was released', () => {
    read(hex(FULL));
    view.release();
    expect([view.bytes.length, view.service, view.method]).toEqual([0, '', '']);
    expect([view.payloadEnd, view.timeoutNano, view.metadataEnd]).toEqual([0, 0, 0]);
  });
});

describe('encodeRoute', () => {
  it('lays service and method out', () => {
    expect(encodeRoute('pkg.Foo', 'Bar')).toEqual(hex('0a07 "pkg.Foo" 1203 "Bar"'));
  });

  it('leaves empty names out', () => {
    expect(encodeRoute('', '')).toEqual(Buffer.alloc(0));
    expect(encodeRoute('', 'Bar')).toEqual(hex('1203 "Bar"'));
  });

  it.each([
    [127, '0a7f'],
    [128, '0a8001'],
    [300, '0aac02'],
    [16_383, '0aff7f'],
  ])('writes the length of a name of %i bytes', (length, head) => {
    const route = encodeRoute('x'.repeat(length), '');
    expect(route).toEqual(Buffer.concat([hex(head), Buffer.alloc(length, 'x')]));
  });

  it('counts bytes, not letters', () => {
    expect(encodeRoute('é'.repeat(64), '').subarray(0, 3)).toEqual(hex('0a8001'));
  });

  it('refuses a name of 16 384 bytes', () => {
    expect(() => encodeRoute('Foo', 'x'.repeat(16_384))).toThrow(
      new RangeError(`name of 16384 bytes is above the limit of 16383: ${'x'.repeat(40)}…`),
    );
  });
});

describe('metadataSize', () => {
  it('counts the encoded pairs and 32 bytes for each', () => {
    expect(metadataSize(undefined)).toBe(0);
    expect(
      metadataSize([
        ['k', 'ä'],
        ['', ''],
      ]),
    ).toBe(3 + 4 + 32 + 32);
  });

  it('is what a reader finds, whatever the metadata', () => {
    fc.assert(
      fc.property(metadata, (pairs) => {
        const bytes = write({ metadata: pairs });
        decodeRequest(bytes, 0, bytes.length, view);
        expect(view.metadataBytes).toBe(metadataSize(pairs));
      }),
    );
    const long = [['x'.repeat(200), 'y'.repeat(20_000)]] as const;
    const bytes = write({ metadata: long });
    decodeRequest(bytes, 0, bytes.length, view);
    expect(view.metadataBytes).toBe(metadataSize(long));
    view.release();
    expect(view.metadataBytes).toBe(0);
  });
});

describe('writeRequestTail', () => {
  it('appends timeout and metadata behind the payload', () => {
    const written = write({
      route: encodeRoute('foo', 'bar'),
      payload: hex('aabb'),
      timeoutNano: 1000,
      metadata: FULL_REQUEST.metadata,
    });
    expect(written).toEqual(hex(FULL));
  });

  it('leaves out what says nothing', () => {
    expect(write({})).toEqual(hex(''));
    expect(write({ metadata: [] })).toEqual(hex(''));
    expect(write({ metadata: [['', '']] })).toEqual(hex('2a00'));
    expect(write({ metadata: [['k', '']] })).toEqual(hex('2a03 0a01 "k"'));
  });

  it('writes what another implementation reads', () => {
    fc.assert(
      fc.property(anyRequest, (request) => {
        const written = write({
          route: encodeRoute(request.service, request.method),
          payload: request.payload,
          timeoutNano: request.timeoutNano,
          metadata: request.metadata.map(({ key, value }) => [key, value] as const),
        });
        expect(oracleRequest.decode(written)).toEqual(request);
      }),
    );
  });
});

const anyRequest: fc.Arbitrary<OracleRequest> = fc.record({
  service: text,
  method: text,
  payload: fc.uint8Array({ maxLength: 400, size: 'max' }).map((bytes) => Buffer.from(bytes)),
  timeoutNano: fc.oneof(fc.constant(0), fc.maxSafeNat()),
  metadata: metadata.map((pairs) => pairs.map(([key, value]) => ({ key, value }))),
});
