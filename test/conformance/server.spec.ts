import { describe, expect, it } from 'vitest';
import { StatusError } from '../../lib/errors.js';
import type { CallContext } from '../../lib/rpc/call.js';
import { converse, server } from './conversation.js';

/** Answers with what it was given. */
const echo = (request: string): string => request;

/** Answers with all requests, one behind the other. */
async function join(requests: AsyncIterable<string>): Promise<string> {
  let joined = '';
  for await (const request of requests) joined += `${request}dd`;
  return joined;
}

/** Answers each request at once. */
async function* echoes(requests: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const request of requests) yield request;
}

function* twice(request: string): Generator<string> {
  yield request;
  yield request;
}

const HANDLERS = {
  'U unary': echo,
  'SS serverStreaming': twice,
  'CS clientStreaming': join,
  'B bidirectional': echoes,
};

// A request begins with 0a01 "S" (service S) and 1201 "U" (method U); 1a is its payload.

describe('Call shapes, as a server', () => {
  it('unary: request, flags 0; response', () =>
    converse(
      server(HANDLERS),
      `client> 0000000a 00000001 01 00  0a01 "S" 1201 "U" 1a02 aabb
       server> 00000004 00000001 02 00  1202 aabb`,
    ));

  it('server streaming: request, flags 1; data*, then data flags 5', () =>
    converse(
      server(HANDLERS),
      `client> 0000000a 00000001 01 01  0a01 "S" 1202 "SS" 1a01 aa
       server> 00000001 00000001 03 00  aa
       server> 00000001 00000001 03 00  aa
       server> 00000000 00000001 03 05`,
    ));

  it('server streaming: on error a response with the status', () =>
    converse(
      server({
        *'SS serverStreaming'(): Generator<string> {
          yield 'aa';
          throw new StatusError({ code: 5, message: 'gone' });
        },
      }),
      `client> 00000007 00000001 01 01  0a01 "S" 1202 "SS"
       server> 00000001 00000001 03 00  aa
       server> 0000000a 00000001 02 00  0a08 0805 1204 "gone"`,
    ));

  it('client streaming: request, flags 6; data*; data flags 5; response', () =>
    converse(
      server(HANDLERS),
      `client> 00000007 00000001 01 06  0a01 "S" 1202 "CS"
       client> 00000001 00000001 03 00  aa
       client> 00000001 00000001 03 00  bb
       client> 00000000 00000001 03 05
       server> 00000006 00000001 02 00  1204 aaddbbdd`,
    ));

  it('bidi: as client streaming; as server streaming', () =>
    converse(
      server(HANDLERS),
      `client> 00000006 00000001 01 06  0a01 "S" 1201 "B"
       client> 00000001 00000001 03 00  aa
       server> 00000001 00000001 03 00  aa
       client> 00000001 00000001 03 00  bb
       server> 00000001 00000001 03 00  bb
       client> 00000000 00000001 03 05
       server> 00000000 00000001 03 05`,
    ));

  it('accepts flags 2 as well as 6', () =>
    converse(
      server(HANDLERS),
      `client> 00000007 00000001 01 02  0a01 "S" 1202 "CS"
       client> 00000000 00000001 03 05
       server> 00000000 00000001 02 00`,
    ));

  it('takes a payload in a remote-open request for message number one', () =>
    converse(
      server(HANDLERS),
      `client> 0000000a 00000001 01 02  0a01 "S" 1202 "CS" 1a01 aa
       client> 00000001 00000001 03 00  bb
       client> 00000000 00000001 03 05
       server> 00000006 00000001 02 00  1204 aaddbbdd`,
    ));

  it('takes an empty payload anywhere else for an empty message', () =>
    converse(
      server(HANDLERS),
      `client> 00000007 00000001 01 01  0a01 "S" 1202 "CS"
       server> 00000003 00000001 02 00  1201 dd
       client> 00000006 00000003 01 00  0a01 "S" 1201 "U"
       server> 00000000 00000003 02 00`,
    ));

  it('takes zero bytes for a message: only no-data says that there is none', () =>
    converse(
      server(HANDLERS),
      `client> 00000007 00000001 01 06  0a01 "S" 1202 "CS"
       client> 00000000 00000001 03 00
       client> 00000000 00000001 03 04
       client> 00000000 00000001 03 05
       server> 00000003 00000001 02 00  1201 dd`,
    ));

  it('delivers the payload of data [remote-closed], then ends', () =>
    converse(
      server(HANDLERS),
      `client> 00000007 00000001 01 06  0a01 "S" 1202 "CS"
       client> 00000001 00000001 03 01  aa
       server> 00000004 00000001 02 00  1202 aadd`,
    ));

  it('is done with a stream once its end is sent, whether or not the client’s half is closed', () =>
    converse(
      server({ 'B bidirectional': () => ['aa'] }),
      `client> 00000006 00000001 01 06  0a01 "S" 1201 "B"
       server> 00000001 00000001 03 00  aa
       server> 00000000 00000001 03 05
       client> 00000001 00000001 03 00  bb
       server> 00000022 00000001 02 00  0a20 0803 121c "StreamID is no longer active"`,
    ));

  it('takes ids that leave gaps, and interleaved streams', () =>
    converse(
      server(HANDLERS),
      `client> 00000006 00000005 01 06  0a01 "S" 1201 "B"
       client> 00000006 ffffffff 01 06  0a01 "S" 1201 "B"
       client> 00000001 00000005 03 00  aa
       client> 00000001 ffffffff 03 00  bb
       server> 00000001 00000005 03 00  aa
       server> 00000001 ffffffff 03 00  bb`,
    ));
});

describe('What a server answers to a bad frame', () => {
  // Each conversation goes on behind the answer: the connection is not lost.
  const STILL_SERVED = `
       client> 00000006 00000063 01 00  0a01 "S" 1201 "U"
       server> 00000000 00000063 02 00`;

  it('even stream id: INVALID_ARGUMENT', () =>
    converse(
      server(HANDLERS),
      `client> 00000006 00000002 01 00  0a01 "S" 1201 "U"
       server> 00000037 00000002 02 00
         0a35 0803 1231 "StreamID must be odd for client initiated streams"
       ${STILL_SERVED}`,
    ));

  it('stream id not greater than the last: INVALID_ARGUMENT', () =>
    converse(
      server(HANDLERS),
      `client> 00000006 00000003 01 00  0a01 "S" 1201 "U"
       server> 00000000 00000003 02 00
       client> 00000006 00000003 01 00  0a01 "S" 1201 "U"
       server> 00000033 00000003 02 00
         0a31 0803 122d "StreamID cannot be re-used and must increment"
       client> 00000006 00000001 01 00  0a01 "S" 1201 "U"
       server> 00000033 00000001 02 00
         0a31 0803 122d "StreamID cannot be re-used and must increment"
       ${STILL_SERVED}`,
    ));

  it('length over the maximum: RESOURCE_EXHAUSTED, and exactly that many bytes are dropped', () =>
    converse(
      server(HANDLERS),
      `client> 00400001 00000001 01 00 00*4194305
       server> 00000043 00000001 02 00
         0a41 0808 123d "message length 4194305 exceed maximum message size of 4194304"
       ${STILL_SERVED}`,
    ));

  it('first length byte not 0: the connection is closed', async () => {
    const side = server(HANDLERS);
    await converse(side, 'client> 01000000 00000001 01 00');
    expect(side.pair.server.closed).toBe(true);
    expect(side.connection.closed).toBe(true);
  });

  it('request envelope that does not decode: INVALID_ARGUMENT', () =>
    converse(
      server(HANDLERS),
      `client> 00000002 00000001 01 00  0a05
       server> 00000038 00000001 02 00
         0a36 0803 1232 "unmarshal request error: unexpected end of message"
       ${STILL_SERVED}`,
    ));

  it('unknown service: UNIMPLEMENTED, "service NAME"', () =>
    converse(
      server(HANDLERS),
      `client> 00000006 00000001 01 00  0a01 "X" 1201 "U"
       server> 0000000f 00000001 02 00  0a0d 080c 1209 "service X"
       ${STILL_SERVED}`,
    ));

  it('unknown method: UNIMPLEMENTED, "method NAME"', () =>
    converse(
      server(HANDLERS),
      `client> 00000006 00000001 01 00  0a01 "S" 1201 "X"
       server> 0000000e 00000001 02 00  0a0c 080c 1208 "method X"
       ${STILL_SERVED}`,
    ));

  it('payload that does not decode as the method’s input: INTERNAL', () =>
    converse(
      server(HANDLERS),
      `client> 00000009 00000001 01 00  0a01 "S" 1201 "U" 1a01 ff
       server> 00000033 00000001 02 00
         0a31 080d 122d "ttrpc: error unmarshalling payload: bad bytes"
       ${STILL_SERVED}`,
    ));

  it('the same in a stream of requests', () =>
    converse(
      server(HANDLERS),
      `client> 00000007 00000001 01 06  0a01 "S" 1202 "CS"
       client> 00000001 00000001 03 00  ff
       server> 00000033 00000001 02 00
         0a31 080d 122d "ttrpc: error unmarshalling payload: bad bytes"
       ${STILL_SERVED}`,
    ));

  it('data on a stream that is not open: INVALID_ARGUMENT', () =>
    converse(
      server(HANDLERS),
      `client> 00000001 00000001 03 00  aa
       server> 00000022 00000001 02 00  0a20 0803 121c "StreamID is no longer active"
       ${STILL_SERVED}`,
    ));

  it('data on a unary stream: INVALID_ARGUMENT', () =>
    converse(
      server({ ...HANDLERS, 'Wait unary': () => new Promise<string>(() => {}) }),
      `client> 00000009 00000001 01 00  0a01 "S" 1204 "Wait"
       client> 00000001 00000001 03 00  aa
       server> 0000002f 00000001 02 00
         0a2d 0803 1229 "data frame on a call that has one request"
       ${STILL_SERVED}`,
    ));

  it('response frame, unknown type: ignored', () =>
    converse(
      server(HANDLERS),
      `client> 00000000 00000001 02 00
       client> 00000001 00000001 04 00  aa
       client> 00000001 00000001 ff ff  aa
       ${STILL_SERVED}`,
    ));

  it('peer closes, also in mid-frame: the handlers’ signals abort', async () => {
    let aborted = false;
    const side = server({
      'Wait unary': (_: string, context: CallContext) => {
        context.signal.addEventListener('abort', () => (aborted = true));
        return new Promise<string>(() => {});
      },
    });
    await converse(side, 'client> 00000009 00000001 01 00  0a01 "S" 1204 "Wait" 00000009 000000');
    side.pair.server.receiveEnd();
    await side.pair.settled();
    expect(aborted).toBe(true);
  });

  it('a handler that throws: always a response', () =>
    converse(
      server({
        'T unary': () => {
          throw new Error('secret');
        },
      }),
      `client> 00000006 00000001 01 00  0a01 "S" 1201 "T"
       server> 0000001b 00000001 02 00  0a19 0802 1215 "Internal server error"`,
    ));

  it('a handler that rejects: always a response', () =>
    converse(
      server({ 'R unary': () => Promise.reject(new StatusError({ code: 5, message: 'gone' })) }),
      `client> 00000006 00000001 01 00  0a01 "S" 1201 "R"
       server> 0000000a 00000001 02 00  0a08 0805 1204 "gone"`,
    ));

  it('a handler that returns what can’t be serialised: always a response', () =>
    converse(
      server({ 'R unary': () => '!' }),
      `client> 00000006 00000001 01 00  0a01 "S" 1201 "R"
       server> 00000039 00000001 02 00
         0a37 080d 1233 "response message can not be serialised: bad message"`,
    ));

  it('an oversized response: that call ends with RESOURCE_EXHAUSTED, the connection goes on', () =>
    converse(
      server({ ...HANDLERS, 'R unary': () => 'aa'.repeat(1022) }, { maxPayloadBytes: 1024 }),
      `client> 00000006 00000001 01 00  0a01 "S" 1201 "R"
       server> 0000003d 00000001 02 00
         0a3b 0808 1237 "message length 1025 exceed maximum message size of 1024"
       ${STILL_SERVED}`,
    ));
});

describe('Envelopes, as a server', () => {
  it('takes fields in any order, skips unknown ones, and lets a repeated scalar’s last value win', () =>
    converse(
      server(HANDLERS),
      `client> 00000016 00000001 01 00
         3a03 "new" 1a01 bb 1201 "X" 1201 "U" 1a01 aa 3001 0a01 "S"
       server> 00000003 00000001 02 00  1201 aa`,
    ));

  it('shows metadata in order, keys in lower case', () =>
    converse(
      server({
        'M unary': (_: string, { metadata }: CallContext) =>
          Buffer.from(JSON.stringify(metadata.toJSON())).toString('hex'),
      }),
      `client> 00000016 00000001 01 00
         0a01 "S" 1201 "M"  2a06 0a01 "K" 1201 "1"  2a06 0a01 "k" 1201 "2"
       server> 00000011 00000001 02 00  120f 7b226b223a5b2231222c2232225d7d # {"k":["1","2"]}`,
    ));

  it('answers a call whose time is up already', () =>
    converse(
      server(HANDLERS),
      `client> 00000011 00000001 01 00  0a01 "S" 1201 "U" 20 ffffffffffffffffff01
       server> 00000017 00000001 02 00  0a15 0804 1211 "deadline exceeded"`,
    ));

  it('sends an absent result as the empty message', () =>
    converse(
      server({ 'U unary': () => '' }),
      `client> 00000006 00000001 01 00  0a01 "S" 1201 "U"
       server> 00000000 00000001 02 00`,
    ));
});
