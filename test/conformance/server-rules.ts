import { REQUEST, RESPONSE } from '../interop/frames.js';
import { hex } from '../support/transcript.js';
import { CLOSED, data, field, frame, payload, request, SERVICE, type ServerRule } from './rule.js';

// Messages of interop.proto, in hex.
/** Message: text "a". */
const A = '0a01 61';
/** Message: text "b". */
const B = '0a01 62';
/** Number 1, 2, 3. */
const [ONE, TWO, THREE] = ['0801', '0802', '0803'];
/** Pause of a minute. */
const MINUTE = '08 e0d403';
/** Size of 4 MiB. */
const LIMIT = '08 80808002';

const ECHO_A = payload(A);
const GONE = 'response 1 INVALID_ARGUMENT "StreamID is no longer active"';

const UNARY: readonly ServerRule[] = [
  {
    id: 'unary',
    text: 'A unary request has flags 0; a response ends it.',
    steps: [request(1, 0, 'Echo', ECHO_A), 'response 1 OK 0a0161'],
  },
  {
    id: 'empty-message',
    text: 'An absent payload is an empty message.',
    steps: [request(1, 0, 'Nothing'), 'response 1 OK'],
  },
  {
    id: 'cut-anywhere',
    text: 'A frame may come in any pieces.',
    steps: [
      ...[...request(1, 0, 'Echo', ECHO_A)].map((byte) => Buffer.of(byte)),
      'response 1 OK 0a0161',
    ],
  },
  {
    id: 'ids-with-gaps',
    text: 'Stream ids are odd and increase; they may leave gaps.',
    steps: [
      request(5, 0, 'Echo', ECHO_A),
      'response 5 OK 0a0161',
      request(0x7fff_ffff, 0, 'Echo', ECHO_A),
      'response 2147483647 OK 0a0161',
    ],
    last: true,
  },
  {
    id: 'ids-above-2-to-31',
    text: 'Stream ids go up to 2³² − 1.',
    steps: [
      request(0x8000_0001, 0, 'Echo', ECHO_A),
      'response 2147483649 OK 0a0161',
      request(0xffff_ffff, 0, 'Echo', ECHO_A),
      'response 4294967295 OK 0a0161',
    ],
    last: true,
  },
  {
    id: 'fields-in-any-order',
    text: 'Envelope fields come in any order; unknown ones are skipped; the last of a repeated scalar counts.',
    steps: [
      frame(
        1,
        REQUEST,
        0,
        Buffer.concat([
          field(7, '"new"'),
          payload(B),
          field(2, '"Nowhere"'),
          field(2, '"Echo"'),
          ECHO_A,
          hex('3001'),
          field(1, `"${SERVICE}"`),
        ]),
      ),
      'response 1 OK 0a0161',
    ],
  },
  {
    id: 'metadata-in-order',
    text: 'A repeated metadata key keeps its values, in order.',
    steps: [
      request(1, 0, 'Inspect', field(5, '0a01 "k" 1201 "2"'), field(5, '0a01 "k" 1201 "1"')),
      'response 1 OK 0a060a016b1201320a060a016b120131',
    ],
  },
  {
    id: 'hostile-metadata-key',
    text: 'A metadata key is a text like any other, "__proto__" too.',
    steps: [
      request(1, 0, 'Inspect', field(5, '0a09 "__proto__" 1201 "x"')),
      'response 1 OK 0a0e0a095f5f70726f746f5f5f120178',
    ],
  },
  {
    id: 'deadline',
    text: 'A server answers DEADLINE_EXCEEDED when the time that the client gave is over.',
    steps: [
      request(1, 0, 'Sleep', payload(MINUTE), hex('20 80c2d72f')),
      'response 1 DEADLINE_EXCEEDED …',
    ],
  },
  {
    id: 'status-details',
    text: "A handler's status goes out with code, message and details.",
    steps: [
      request(1, 0, 'Fail', payload('0805 1204 "gone" 1a01 "x"')),
      'response 1 NOT_FOUND "gone" [type.googleapis.com/interop.v1.Detail 0a0178]',
    ],
  },
];

const STREAMS: readonly ServerRule[] = [
  {
    id: 'server-streaming',
    text: 'Server streaming: a request with flags 1; data frames, then data with flags 5.',
    steps: [
      request(1, 1, 'Count', payload('0802')),
      'data 1 flags 0 0801',
      'data 1 flags 0 0802',
      'data 1 flags 5',
    ],
  },
  {
    id: 'server-streaming-empty-request',
    text: 'An empty payload of a server streaming request is an empty message.',
    steps: [request(1, 1, 'Count'), 'data 1 flags 5'],
  },
  {
    id: 'server-streaming-error',
    text: 'A server stream that fails ends with a response that has the status.',
    steps: [
      request(1, 1, 'Count', payload('0805 1001 1808')),
      'data 1 flags 0 0801',
      'response 1 RESOURCE_EXHAUSTED "failed after 1"',
    ],
  },
  {
    id: 'client-streaming',
    text: 'Client streaming: a request with flags 6; data frames, data with flags 5; a response.',
    steps: [
      request(1, 6, 'Sum'),
      data(1, 0, ONE),
      data(1, 0, TWO),
      data(1, 5),
      'response 1 OK 08031002',
    ],
  },
  {
    id: 'client-streaming-flags-2',
    text: 'Flags 2 with no payload open a stream of requests that is empty so far.',
    steps: [request(1, 2, 'Sum'), data(1, 0, THREE), data(1, 5), 'response 1 OK 08031001'],
  },
  {
    id: 'message-in-open-request',
    text: 'A payload in a request with flags 2 is message number one.',
    steps: [
      request(1, 2, 'Sum', payload(ONE)),
      data(1, 0, TWO),
      data(1, 5),
      'response 1 OK 08031002',
    ],
  },
  {
    id: 'empty-data-is-a-message',
    text: 'A data frame of zero bytes is a message.',
    steps: [request(1, 6, 'Sum'), data(1, 0), data(1, 0), data(1, 5), 'response 1 OK 1002'],
  },
  {
    id: 'no-data-is-no-message',
    text: 'A data frame with no-data (4) is no message.',
    steps: [
      request(1, 6, 'Sum'),
      data(1, 4),
      data(1, 0, ONE),
      data(1, 5),
      'response 1 OK 08011001',
    ],
  },
  {
    id: 'data-in-the-last-frame',
    text: 'Data with remote-closed and a payload: the payload is delivered, then the half ends.',
    steps: [request(1, 6, 'Sum'), data(1, 1, ONE), 'response 1 OK 08011001'],
  },
  {
    id: 'bidirectional',
    text: 'Bidirectional: as client streaming, and as server streaming.',
    steps: [
      request(1, 6, 'Chat'),
      data(1, 0, A),
      'data 1 flags 0 0a0161',
      data(1, 0, B),
      'data 1 flags 0 0a0162',
      data(1, 5),
      'data 1 flags 5',
    ],
  },
  {
    id: 'interleaved',
    text: 'Streams of one connection are independent.',
    steps: [
      request(1, 6, 'Chat'),
      request(3, 6, 'Chat'),
      data(3, 0, A),
      'data 3 flags 0 0a0161',
      request(5, 0, 'Echo', ECHO_A),
      'response 5 OK 0a0161',
      data(1, 0, B),
      'data 1 flags 0 0a0162',
      data(3, 5),
      'data 3 flags 5',
    ],
  },
  {
    id: 'done-once-ended',
    text: "A server is done with a stream once it has sent its end, whether or not the client's half is closed.",
    steps: [
      request(1, 6, 'Brief'),
      data(1, 0, A),
      'data 1 flags 0 0a0161',
      'data 1 flags 5',
      data(1, 0, B),
      GONE,
    ],
  },
  {
    id: 'bad-message-on-a-stream',
    text: "Data that does not decode as the method's input: INTERNAL, and the connection goes on.",
    steps: [
      request(1, 6, 'Sum'),
      data(1, 0, 'ff'),
      'response 1 INTERNAL "ttrpc: error unmarshalling payload: …',
    ],
  },
  {
    id: 'data-on-no-stream',
    text: 'Data on a stream that is not open: INVALID_ARGUMENT.',
    steps: [data(1, 0, A), GONE],
  },
  {
    id: 'data-on-unary',
    text: 'Data on a unary stream: INVALID_ARGUMENT.',
    steps: [
      request(1, 0, 'Sleep', payload(MINUTE)),
      data(1, 0, A),
      'response 1 INVALID_ARGUMENT …',
    ],
  },
];

const BAD_FRAMES: readonly ServerRule[] = [
  {
    id: 'even-id',
    text: 'Even stream id: INVALID_ARGUMENT.',
    steps: [
      request(2, 0, 'Echo', ECHO_A),
      'response 2 INVALID_ARGUMENT "StreamID must be odd for client initiated streams"',
    ],
  },
  {
    id: 'repeated-id',
    text: 'Stream id not greater than the last: INVALID_ARGUMENT.',
    steps: [
      request(3, 0, 'Echo', ECHO_A),
      'response 3 OK 0a0161',
      request(3, 0, 'Echo', ECHO_A),
      'response 3 INVALID_ARGUMENT "StreamID cannot be re-used and must increment"',
      request(1, 0, 'Echo', ECHO_A),
      'response 1 INVALID_ARGUMENT "StreamID cannot be re-used and must increment"',
    ],
  },
  {
    id: 'oversized-request',
    text: 'Length over the maximum: RESOURCE_EXHAUSTED, and exactly that many bytes are dropped.',
    steps: [
      frame(1, REQUEST, 0, Buffer.alloc(4_194_305)),
      'response 1 RESOURCE_EXHAUSTED "message length 4194305 exceed maximum message size of 4194304"',
    ],
  },
  {
    id: 'no-ttrpc',
    text: 'A first length byte that is not 0, with a maximum under 16 MiB, closes the connection.',
    steps: [Buffer.from('GET / HTTP/1.1\r\n\r\n'), CLOSED],
    last: true,
  },
  {
    id: 'bad-envelope',
    text: 'Request envelope that does not decode: INVALID_ARGUMENT.',
    steps: [
      frame(1, REQUEST, 0, '0a05'),
      'response 1 INVALID_ARGUMENT "unmarshal request error: …',
    ],
  },
  {
    id: 'bad-utf-8',
    text: 'A name that is no UTF-8 reaches no handler.',
    steps: [
      frame(1, REQUEST, 0, Buffer.concat([field(1, 'ff'), field(2, '"Echo"')])),
      'response 1 INVALID_ARGUMENT "unmarshal request error: …',
    ],
  },
  {
    id: 'unknown-service',
    text: 'Unknown service: UNIMPLEMENTED, "service NAME".',
    steps: [
      frame(1, REQUEST, 0, Buffer.concat([field(1, '"x.Y"'), field(2, '"Echo"')])),
      'response 1 UNIMPLEMENTED "service x.Y"',
    ],
  },
  {
    id: 'unknown-method',
    text: 'Unknown method: UNIMPLEMENTED, "method NAME".',
    steps: [request(1, 0, 'Nowhere'), 'response 1 UNIMPLEMENTED "method Nowhere"'],
  },
  {
    id: 'method-named-as-a-property',
    text: 'A method called as a property of every object is unknown like any other.',
    steps: [request(1, 0, 'constructor'), 'response 1 UNIMPLEMENTED "method constructor"'],
  },
  {
    id: 'bad-payload',
    text: "Payload that does not decode as the method's input: INTERNAL.",
    steps: [
      request(1, 0, 'Echo', payload('ff')),
      'response 1 INTERNAL "ttrpc: error unmarshalling payload: …',
    ],
  },
  {
    id: 'ignored-frames',
    text: 'A response, and a frame of an unknown type, is ignored.',
    steps: [
      frame(1, RESPONSE, 0, ''),
      frame(1, 4, 0, 'aa'),
      frame(1, 255, 255, 'aa'),
      request(1, 0, 'Echo', ECHO_A),
      'response 1 OK 0a0161',
    ],
  },
  {
    id: 'oversized-response',
    text: 'An oversized response: that call ends with RESOURCE_EXHAUSTED, the connection goes on.',
    steps: [
      request(1, 0, 'Grow', payload(LIMIT)),
      'response 1 RESOURCE_EXHAUSTED "message length …',
    ],
  },
];

/** What every server has to do that serves `interop.proto`, with messages of up to 4 MiB. */
export const SERVER_RULES: readonly ServerRule[] = [
  ...UNARY,
  ...STREAMS.map((rule) => ({ ...rule, streams: true as const })),
  ...BAD_FRAMES,
];
