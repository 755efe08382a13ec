import { FrameCutter } from '../interop/frames.js';
import { frameText } from './frame-text.js';
import { CLOSE, CLOSED, data, field, frame, request, response, type ClientRule } from './rule.js';

// Messages of interop.proto, in hex.
/** Message: text "a". */
const A = '0a01 61';
const OK_A = field(2, A);

const MESSAGE_A = { text: 'a', number: '0', data: '' };
const DETAIL = { typeUrl: 'type.googleapis.com/interop.v1.Detail', text: 'x' };
const NOT_FOUND = '0805 1204 "gone"';

/** What a client under test calls last, to show that the connection still answers; in what time is its own choice. */
export function alive(id: number): string {
  const [frameOfIt] = new FrameCutter().cut(request(id, 0, 'Echo', field(3, '0a05 "alive"')));
  return `${frameText(frameOfIt!)}…`;
}

/** The answer to {@link alive}. */
export function aliveToo(id: number): Buffer {
  return response(id, field(2, '0a05 "alive"'));
}

const ECHO = { scenario: 'echo', options: { text: 'a', number: '0' } } as const;
const ECHO_REQUEST = 'request 1 flags 0 interop.v1.Interop/Echo 0a0161';
const ECHOED = { code: 0, replies: [MESSAGE_A], alive: true };

const UNARY: readonly ClientRule[] = [
  {
    id: 'unary',
    text: 'A unary request has stream id 1, flags 0, no metadata and no timeout when there is none; a response ends it.',
    ...ECHO,
    steps: [ECHO_REQUEST, response(1, OK_A)],
    outcome: ECHOED,
  },
  {
    id: 'empty-response',
    text: 'A response of zero bytes is an empty message.',
    scenario: 'nothing',
    options: {},
    steps: ['request 1 flags 0 interop.v1.Interop/Nothing', response(1)],
    outcome: { code: 0, replies: [{}], alive: true },
  },
  {
    id: 'status-0-is-ok',
    text: 'A status of code 0 is OK, as an absent one.',
    ...ECHO,
    steps: [ECHO_REQUEST, response(1, field(1, '0800'), OK_A)],
    outcome: ECHOED,
  },
  {
    id: 'response-cut-anywhere',
    text: 'A frame may come in any pieces.',
    ...ECHO,
    steps: [ECHO_REQUEST, ...[...response(1, OK_A)].map((byte) => Buffer.of(byte))],
    outcome: ECHOED,
  },
  {
    id: 'metadata-and-timeout',
    text: 'Metadata goes out in order with keys in lower case; a deadline as the time that is left.',
    scenario: 'inspect',
    options: {
      metadata: [
        ['K', '2'],
        ['k', '1'],
      ],
      timeoutMs: 5000,
    },
    steps: ['request 1 flags 0 interop.v1.Interop/Inspect {k=2, k=1} timeout', response(1)],
    outcome: { code: 0, alive: true },
  },
  {
    id: 'status',
    text: 'A status that is not OK ends the call with its code, message and details.',
    ...ECHO,
    steps: [
      ECHO_REQUEST,
      response(
        1,
        field(1, `${NOT_FOUND} 1a2c 0a25 "type.googleapis.com/interop.v1.Detail" 1203 0a0178`),
      ),
    ],
    outcome: { code: 5, message: 'gone', details: [DETAIL], replies: [], alive: true },
  },
  {
    id: 'unknown-frames',
    text: 'Frames of unknown streams and types, and a second answer, are ignored.',
    ...ECHO,
    steps: [
      ECHO_REQUEST,
      response(3, OK_A),
      data(2, 0, A),
      frame(1, 7, 0, A),
      response(1, OK_A),
      response(1, OK_A),
    ],
    outcome: ECHOED,
  },
  {
    id: 'bad-response',
    text: 'A response that does not decode ends its call, and the connection goes on.',
    ...ECHO,
    steps: [ECHO_REQUEST, frame(1, 2, 0, '0a')],
    outcome: { replies: [], alive: true },
  },
  {
    id: 'bad-response-payload',
    text: 'A message that does not decode ends its call, and the connection goes on.',
    ...ECHO,
    steps: [ECHO_REQUEST, response(1, field(2, 'ff'))],
    outcome: { replies: [], alive: true },
  },
  {
    id: 'data-on-a-unary-call',
    text: 'Data on a unary call ends it, and the connection goes on.',
    ...ECHO,
    steps: [ECHO_REQUEST, data(1, 0, A)],
    outcome: { replies: [], alive: true },
  },
  {
    id: 'oversized-response',
    text: 'A response over the maximum ends its call with RESOURCE_EXHAUSTED, and the connection goes on.',
    ...ECHO,
    steps: [ECHO_REQUEST, frame(1, 2, 0, Buffer.alloc(4_194_305))],
    outcome: { code: 8, replies: [], alive: true },
  },
  {
    id: 'deadline',
    text: 'The client gives up at its deadline by itself, sends nothing about it, and ignores the answer that comes late.',
    scenario: 'sleep',
    options: { milliseconds: 60_000, timeoutMs: 100 },
    steps: [
      'request 1 flags 0 interop.v1.Interop/Sleep 08e0d403 timeout',
      alive(3),
      response(1),
      aliveToo(3),
    ],
    last: true,
    outcome: { replies: [], alive: true },
  },
  {
    id: 'connection-lost',
    text: 'A call in flight fails when the connection is lost; it never hangs.',
    ...ECHO,
    steps: [ECHO_REQUEST, CLOSE],
    last: true,
    outcome: { replies: [] },
  },
  {
    id: 'no-ttrpc',
    text: 'A first length byte that is not 0 closes the connection.',
    ...ECHO,
    steps: [ECHO_REQUEST, Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), CLOSED],
    last: true,
    outcome: { replies: [] },
  },
];

const COUNT = { scenario: 'count', options: { count: 2 } } as const;
const COUNT_REQUEST = 'request 1 flags 1 interop.v1.Interop/Count 0802';
const COUNTED = { code: 0, replies: [{ value: '1' }, { value: '2' }], alive: true };

const STREAMS: readonly ClientRule[] = [
  {
    id: 'server-streaming',
    text: 'Server streaming: a request with flags 1; data frames, then data with flags 5.',
    ...COUNT,
    steps: [COUNT_REQUEST, data(1, 0, '0801'), data(1, 0, '0802'), data(1, 5)],
    outcome: COUNTED,
  },
  {
    id: 'message-in-the-last-frame',
    text: 'Data with remote-closed and a payload: the payload is delivered, then the stream ends.',
    ...COUNT,
    steps: [COUNT_REQUEST, data(1, 0, '0801'), data(1, 1, '0802')],
    outcome: COUNTED,
  },
  {
    id: 'message-in-the-response',
    text: 'An OK response with a payload on a stream of responses is a last message.',
    ...COUNT,
    steps: [COUNT_REQUEST, data(1, 0, '0801'), response(1, field(2, '0802'))],
    outcome: COUNTED,
  },
  {
    id: 'server-streaming-error',
    text: 'A response with a status ends a stream of responses.',
    ...COUNT,
    steps: [COUNT_REQUEST, data(1, 0, '0801'), response(1, field(1, NOT_FOUND))],
    outcome: { code: 5, message: 'gone', replies: [{ value: '1' }], alive: true },
  },
  {
    id: 'client-streaming',
    text: 'Client streaming: a request with flags 6 and no payload; data frames, then data with flags 5.',
    scenario: 'sum',
    options: { numbers: [1, 0] },
    steps: [
      'request 1 flags 6 interop.v1.Interop/Sum',
      'data 1 flags 0 0801',
      'data 1 flags 0',
      'data 1 flags 5',
      response(1, field(2, '0801 1002')),
    ],
    outcome: { code: 0, replies: [{ sum: '1', count: '2' }], alive: true },
  },
  {
    id: 'bidirectional',
    text: 'Bidirectional: as client streaming, and as server streaming.',
    scenario: 'chat',
    options: { texts: ['a', ''] },
    steps: [
      'request 1 flags 6 interop.v1.Interop/Chat',
      'data 1 flags 0 0a0161',
      data(1, 0, A),
      'data 1 flags 0',
      data(1, 0),
      'data 1 flags 5',
      data(1, 5),
    ],
    outcome: { code: 0, replies: [MESSAGE_A, { ...MESSAGE_A, text: '' }], alive: true },
  },
  {
    id: 'nothing-behind-the-end',
    text: "Neither data nor a half-close is sent after the stream's final frame has arrived: servers die of it.",
    scenario: 'chat',
    options: { texts: ['a'] },
    steps: [
      'request 1 flags 6 interop.v1.Interop/Chat',
      'data 1 flags 0 0a0161',
      Buffer.concat([data(1, 0, A), data(1, 5)]),
    ],
    outcome: { code: 0, replies: [MESSAGE_A], alive: true },
  },
];

/** What every client has to do that can make the calls of `interop.proto`. */
export const CLIENT_RULES: readonly ClientRule[] = [
  ...UNARY,
  ...STREAMS.map((rule) => ({ ...rule, streams: true as const })),
];
