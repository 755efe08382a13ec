import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../lib/errors.js';
import type { Status } from '../../lib/spec/status.js';
import { FrameWriter } from '../../lib/wire/frame-writer.js';
import { endPayload } from '../../lib/wire/request-codec.js';
import {
  beginResponsePayload,
  decodeResponse,
  ResponseView,
  writeStatus,
} from '../../lib/wire/response-codec.js';
import { status as anyStatus } from '../support/arbitraries.js';
import { hex } from '../support/transcript.js';
import { oracleResponse } from './oracle.js';

const view = new ResponseView();

/** Reads a response that stands between other bytes, which change afterwards. */
function read(message: Buffer): { status: Status | undefined; payload: string } {
  const bytes = Buffer.concat([hex('0a01'), message, hex('0101010101')]);
  decodeResponse(bytes, 2, 2 + message.length, view);
  const payload = bytes.toString('hex', view.payloadStart, view.payloadEnd);
  bytes.fill(0xee);
  return { status: view.status, payload };
}

function written(append: (writer: FrameWriter) => void): Buffer {
  const writer = new FrameWriter(4_194_304);
  writer.beginFrame(1, 2, 0);
  append(writer);
  writer.endFrame();
  return (writer.take() as Buffer).subarray(10);
}

/** NOT_FOUND "gone" with one Any. */
const NOT_FOUND = '0a15 0805 1204 "gone" 1a0b 0a05 "pkg.M" 1202 aabb';
const NOT_FOUND_STATUS: Status = {
  code: 5,
  message: 'gone',
  details: [{ typeUrl: 'pkg.M', value: hex('aabb') }],
};

describe('decodeResponse', () => {
  it('finds the payload of a call that ended well', () => {
    expect(read(hex('1203 010203'))).toEqual({ status: undefined, payload: '010203' });
  });

  it('takes an absent status and code 0 both for OK', () => {
    expect(read(hex(''))).toEqual({ status: undefined, payload: '' });
    expect(read(hex('0a00'))).toEqual({ status: undefined, payload: '' });
    expect(read(hex('0a02 0800 1201 aa'))).toEqual({ status: undefined, payload: 'aa' });
    expect(read(hex('0a06 1204 "fine"'))).toEqual({ status: undefined, payload: '' });
  });

  it('reads code, message and details of a status', () => {
    expect(read(hex(NOT_FOUND))).toEqual({ status: NOT_FOUND_STATUS, payload: '' });
  });

  it('takes 128 details, and no response with more', () => {
    const withDetails = (count: number): Buffer => {
      const status = Buffer.concat([hex('0805'), Buffer.alloc(2 * count, hex('1a00'))]);
      const length = [(status.length & 0x7f) | 0x80, status.length >> 7];
      return Buffer.concat([Buffer.of(0x0a, ...length), status]);
    };
    expect(read(withDetails(127)).status?.details).toHaveLength(127);
    expect(read(withDetails(128)).status?.details).toHaveLength(128);
    expect(() => read(withDetails(129))).toThrow(
      'unmarshal response error: status with more than 128 details',
    );
  });

  it('forgets the response before', () => {
    read(hex(`${NOT_FOUND} 1201 aa`));
    expect(read(hex(''))).toEqual({ status: undefined, payload: '' });
  });

  it('takes fields in any order and skips unknown ones, at every level', () => {
    const shuffled = `1801 1201 aa 2202 0000
      0a1f  2801 1a11 1801 1202 aabb 2202 0000 0a05 "pkg.M"  1204 "gone" 3801 0805`;
    expect(read(hex(shuffled))).toEqual({ status: NOT_FOUND_STATUS, payload: 'aa' });
  });

  it('lets the last of a repeated field count', () => {
    expect(read(hex('1201 aa 1202 bbcc')).payload).toBe('bbcc');
    expect(read(hex('0a09 0801 0805 1201 "a" 1200')).status).toEqual({
      code: 5,
      message: '',
      details: [],
    });
  });

  it.each([
    ['08 ffffffffffffffffff01', -1],
    ['08 80808080f8ffffffff01', -(2 ** 31)],
    ['08 ffffffff07', 2 ** 31 - 1],
    ['08 ffffffff0f', -1],
    // An int32 is what its low 32 bits say.
    ['08 85808080808080808001', 5],
  ])('reads the code %s as %i', (bytes, code) => {
    const status = hex(bytes);
    expect(read(Buffer.concat([Buffer.of(0x0a, status.length), status])).status?.code).toBe(code);
  });

  it('keeps an empty Any, and copies what it keeps', () => {
    expect(read(hex('0a04 0801 1a00')).status?.details).toEqual([
      { typeUrl: '', value: Buffer.alloc(0) },
    ]);
    expect(read(hex(NOT_FOUND)).status?.details[0]?.value).toEqual(hex('aabb'));
  });

  it.each([
    ['status', '0801'],
    ['payload', '1001'],
    ['code', '0a02 0a00'],
    ['message', '0a02 1001'],
    ['details', '0a02 1801'],
    ['type URL', '0a04 1a02 0801'],
    ['value', '0a04 1a02 1001'],
  ])('refuses a %s of the wrong wire type', (_, bytes) => {
    expect(() => read(hex(bytes))).toThrow(
      /^unmarshal response error: field \d has wire type \d$/u,
    );
  });

  it('refuses every message that is cut short, unless the cut is between two fields', () => {
    const whole = hex(`1203 010203 ${NOT_FOUND}`);
    for (let length = 0; length < whole.length; length++) {
      const part = whole.subarray(0, length);
      if (length === 0 || length === 5) expect(() => read(part)).not.toThrow();
      else expect(() => read(part), `${length} bytes`).toThrow('unexpected end of message');
    }
  });

  it('answers for the stream, not for the connection', () => {
    let thrown: unknown;
    try {
      read(hex('0a04 1a02 0a05'));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ProtocolError);
    expect(thrown).toMatchObject({ scope: 'stream' });
  });

  it('lets errors pass that are not the message’s', () => {
    const bytes = new Proxy(hex('1201 61'), {
      get: () => {
        throw new RangeError('not readable');
      },
    });
    expect(() => decodeResponse(bytes, 0, 3, view)).toThrow(new RangeError('not readable'));
  });

  it('reads what another implementation writes', () => {
    const payload = fc.uint8Array({ maxLength: 300, size: 'max' });
    fc.assert(
      fc.property(fc.option(anyStatus), payload, (status, bytes) => {
        const encoded = oracleResponse.encode({
          status: status as Parameters<typeof oracleResponse.encode>[0]['status'],
          payload: Buffer.from(bytes),
        });
        expect(read(encoded)).toEqual({
          status: status ?? undefined,
          payload: Buffer.from(bytes).toString('hex'),
        });
      }),
    );
  });
});

describe('writeStatus', () => {
  it('lays out code, message and details', () => {
    expect(written((writer) => writeStatus(writer, NOT_FOUND_STATUS))).toEqual(hex(NOT_FOUND));
  });

  it('leaves out what says nothing', () => {
    const empty: Status = { code: 0, message: '', details: [{ typeUrl: '', value: hex('') }] };
    expect(written((writer) => writeStatus(writer, empty))).toEqual(hex('0a02 1a00'));
    const nothing: Status = { code: 0, message: '', details: [] };
    expect(written((writer) => writeStatus(writer, nothing))).toEqual(hex('0a00'));
  });

  it('writes what another implementation reads', () => {
    fc.assert(
      fc.property(anyStatus, (status) => {
        const bytes = written((writer) => writeStatus(writer, status));
        expect(oracleResponse.decode(bytes)).toEqual({ status, payload: Buffer.alloc(0) });
      }),
    );
  });
});

describe('beginResponsePayload', () => {
  it('begins the payload field', () => {
    const bytes = written((writer) => {
      const begun = beginResponsePayload(writer);
      writer.append(hex('aabb'));
      endPayload(writer, begun);
    });
    expect(bytes).toEqual(hex('1202 aabb'));
  });

  it('is taken back when the payload is empty', () => {
    expect(written((writer) => endPayload(writer, beginResponsePayload(writer)))).toEqual(hex(''));
  });
});
