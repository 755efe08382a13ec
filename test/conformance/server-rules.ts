import { REQUEST, RESPONSE } from '../interop/frames.js';
import { hex } from '../support/transcript.js';
import {
  CLOSE,
  CLOSED,
  DEAF,
  field,
  filled,
  frame,
  LIMIT,
  LISTEN,
  payload,
  request,
  SERVICE,
  type ServerRule,
} from './rule.js';
import { STREAM_RULES } from './server-stream-rules.js';
import { B, ECHO_A, FOUR_MIB, ids, MINUTE } from './words.js';

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
    id: 'in-one-piece',
    text: 'Frames may come in one piece.',
    steps: [
      Buffer.concat(ids(20).map((id) => request(id, 0, 'Echo', ECHO_A))),
      ids(20).map((id) => `response ${id} OK 0a0161`),
    ],
  },
  {
    id: 'largest-request',
    text: 'A payload of 4 MiB is the largest.',
    steps: [filled(request(1, 0, 'Echo', ECHO_A)), 'response 1 OK 0a0161'],
  },
  {
    id: 'reads-while-unread',
    text: 'Reading does not wait for writing, in a way that two peers can wait for each other.',
    steps: [
      DEAF,
      Buffer.concat(ids(40).map((id) => request(id, 0, 'Echo', payload('0a808006 61*98304')))),
      LISTEN,
      ids(40).map((id) => `response ${id} OK 98308 bytes`),
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
    id: 'metadata-is-text',
    text: 'Metadata values are UTF-8 strings, and may be empty.',
    steps: [
      request(1, 0, 'Inspect', field(5, '0a01 "k" 1202 c3a9'), field(5, '0a01 "l"')),
      'response 1 OK 0a070a016b1202c3a90a030a016c',
    ],
  },
  {
    id: 'timeout-0-is-none',
    text: 'A timeout of 0 is none.',
    steps: [request(1, 0, 'Inspect', hex('2000')), 'response 1 OK'],
  },
  {
    id: 'longest-timeout',
    text: 'A timeout is an int64.',
    steps: [request(1, 0, 'Nothing', hex('20 ffffffffffffffff7f')), 'response 1 OK'],
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
  {
    id: 'unknown-code',
    text: "A status code is the handler's, whatever it is.",
    steps: [request(1, 0, 'Fail', payload('082a 1203 "odd"')), 'response 1 42 "odd"…'],
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
      frame(1, REQUEST, 0, Buffer.alloc(LIMIT + 1)),
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
    id: 'closed-in-mid-frame',
    text: 'A peer that closes in mid-frame ends its connection, and no other.',
    steps: [request(1, 0, 'Echo', ECHO_A).subarray(0, 20), CLOSE],
    last: true,
  },
  {
    id: 'closed-with-calls',
    text: 'A peer that closes while its calls run ends its connection, and no other.',
    steps: [
      request(1, 0, 'Sleep', payload(MINUTE)),
      request(3, 0, 'Echo', ECHO_A),
      'response 3 OK 0a0161',
      CLOSE,
    ],
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
    id: 'bad-utf-8-in-metadata',
    text: 'Metadata that is no UTF-8 reaches no handler.',
    steps: [
      request(1, 0, 'Inspect', field(5, '0a01 "k" 1201 ff')),
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
      frame(1, 0, 0, 'aa'),
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
      request(1, 0, 'Grow', payload(FOUR_MIB)),
      'response 1 RESOURCE_EXHAUSTED "message length …',
    ],
  },
];

/** What every server has to do that serves `interop.proto`, with messages of up to 4 MiB. */
export const SERVER_RULES: readonly ServerRule[] = [
  ...UNARY,
  ...STREAM_RULES.map((rule) => ({ ...rule, streams: true as const })),
  ...BAD_FRAMES,
];
