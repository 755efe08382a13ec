import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ProtocolError } from '../../lib/errors.js';
import { HEADER_LENGTH, MAX_PAYLOAD_LENGTH } from '../../lib/spec/frame.js';
import { FrameDecoder } from '../../lib/wire/frame-decoder.js';
import { FrameWriter } from '../../lib/wire/frame-writer.js';
import {
  beginRequestPayload,
  decodeMetadata,
  decodeRequest,
  encodeRoute,
  endPayload,
  RequestView,
  writeRequestTail,
} from '../../lib/wire/request-codec.js';
import {
  beginResponsePayload,
  decodeResponse,
  ResponseView,
  writeStatus,
} from '../../lib/wire/response-codec.js';
import { REQUEST, RESPONSE } from '../interop/frames.js';
import { cut, cuts } from '../support/arbitraries.js';
import { oracleRequest, oracleResponse } from '../wire/oracle.js';
import { budget, timeout } from './budget.js';
import { framesOf } from './corpus.js';
import { hostileBytes, mutated } from './hostile.js';

const MAX = 64;

/** What a decoder says of bytes in these chunks. */
function decoded(chunks: readonly Buffer[]): string[] {
  const said: string[] = [];
  const decoder = new FrameDecoder(
    {
      onFrame: ({ streamId, type, flags }, bytes, start, end) => {
        said.push(`${streamId} ${type} ${flags} ${bytes.toString('hex', start, end)}`);
      },
      onOversizedFrame: ({ streamId, length }) => void said.push(`${streamId} oversized ${length}`),
    },
    MAX,
  );
  try {
    for (const chunk of chunks) decoder.push(chunk);
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    said.push('refused');
  }
  return said;
}

const request = new RequestView();
const response = new ResponseView();

function ourRequest(bytes: Buffer) {
  decodeRequest(bytes, 0, bytes.length, request);
  return {
    service: request.service,
    method: request.method,
    payload: bytes.toString('hex', request.payloadStart, request.payloadEnd),
    timeoutNano: request.timeoutNano,
    metadata: decodeMetadata(bytes.subarray(request.metadataStart, request.metadataEnd)),
  };
}

function theirRequest(bytes: Buffer) {
  const { service, method, payload, timeoutNano, metadata } = oracleRequest.decode(bytes);
  const pairs = metadata.map(({ key, value }): [string, string] => [key.toLowerCase(), value]);
  return { service, method, payload: payload.toString('hex'), timeoutNano, metadata: pairs };
}

/** The envelope that we write. */
function written(append: (writer: FrameWriter) => void): Buffer {
  const writer = new FrameWriter(MAX_PAYLOAD_LENGTH);
  writer.beginFrame(1, REQUEST, 0);
  append(writer);
  writer.endFrame();
  return (writer.take() as Buffer).subarray(HEADER_LENGTH);
}

function rewriteRequest(bytes: Buffer): Buffer {
  const { service, method, payload, timeoutNano, metadata } = theirRequest(bytes);
  return written((writer) => {
    writer.append(encodeRoute(service, method));
    const begun = beginRequestPayload(writer);
    writer.append(Buffer.from(payload, 'hex'));
    endPayload(writer, begun);
    writeRequestTail(writer, timeoutNano, metadata);
  });
}

function rewriteResponse(bytes: Buffer): Buffer {
  const { status, payload } = theirResponse(bytes);
  return written((writer) => {
    if (status) return writeStatus(writer, status);
    const begun = beginResponsePayload(writer);
    writer.append(Buffer.from(payload, 'hex'));
    endPayload(writer, begun);
  });
}

function ourResponse(bytes: Buffer) {
  decodeResponse(bytes, 0, bytes.length, response);
  const payload = bytes.toString('hex', response.payloadStart, response.payloadEnd);
  return { status: response.status, payload };
}

function theirResponse(bytes: Buffer) {
  const { status, payload } = oracleResponse.decode(bytes);
  const ok = status === null || status.code === 0;
  return { status: ok ? undefined : status, payload: payload.toString('hex') };
}

function isWhollyUtf8(bytes: Buffer): boolean {
  try {
    oracleResponse.decode(bytes);
    return true;
  } catch (error) {
    return (error as { code?: string }).code !== 'ERR_ENCODING_INVALID_ENCODED_DATA';
  }
}

/** Ours refuses the bytes by a ProtocolError, or says what theirs says. */
function agree<T>(bytes: Buffer, ours: (bytes: Buffer) => T, theirs: (bytes: Buffer) => T): void {
  let read: T;
  try {
    read = ours(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return;
  }
  expect(read).toEqual(theirs(bytes));
}

describe('FrameDecoder', { timeout }, () => {
  it('says the same of hostile bytes however they are cut, and keeps within its maximum', () => {
    fc.assert(
      fc.property(hostileBytes('client'), cuts, (pieces, sizes) => {
        const bytes = Buffer.concat(pieces);
        const whole = decoded([bytes]);
        expect(decoded(cut(bytes, sizes))).toEqual(whole);
        expect(decoded([...bytes].map((byte) => Buffer.of(byte)))).toEqual(whole);
        for (const line of whole) expect(line.length).toBeLessThan(30 + 2 * MAX);
      }),
      budget,
    );
  });
});

describe('the envelopes', { timeout }, () => {
  const requests = framesOf('client').filter(({ type }) => type === REQUEST);
  const responses = framesOf('server').filter(({ type }) => type === RESPONSE);

  it('are read as another implementation reads them, as Go writes them', () => {
    expect(requests.length).toBeGreaterThan(30);
    expect(responses.length).toBeGreaterThan(25);
    for (const { payload } of requests) expect(ourRequest(payload)).toEqual(theirRequest(payload));
    for (const { payload } of responses) {
      expect(ourResponse(payload)).toEqual(theirResponse(payload));
    }
  });

  it('are written as Go writes them, byte by byte', () => {
    for (const { payload } of requests) expect(rewriteRequest(payload)).toEqual(payload);
    for (const { payload } of responses) expect(rewriteResponse(payload)).toEqual(payload);
  });

  it('of requests are refused or read alike, damaged anywhere', () => {
    const bytes = mutated(fc.constantFrom(...requests.map(({ payload }) => payload)));
    fc.assert(
      fc.property(bytes, (damaged) => agree(damaged, ourRequest, theirRequest)),
      budget,
    );
  });

  it('of responses are refused or read alike, damaged anywhere', () => {
    const bytes = mutated(fc.constantFrom(...responses.map(({ payload }) => payload)));
    fc.assert(
      fc.property(bytes, (damaged) => {
        // A status is not lost for a bad letter of its message; the other implementation refuses it.
        fc.pre(isWhollyUtf8(damaged));
        agree(damaged, ourResponse, theirResponse);
      }),
      budget,
    );
  });
});
