import {
  CLOSE,
  CLOSED,
  data,
  field,
  filled,
  frame,
  LIMIT,
  response,
  SERVICE,
  type ClientRule,
} from './rule.js';

// Messages of interop.proto, in hex.
/** Message: text "a". */
const A = '0a01 61';
const OK_A = field(2, A);

const MESSAGE_A = { text: 'a', number: '0', data: '' };
const DETAIL = { typeUrl: 'type.googleapis.com/interop.v1.Detail', text: 'x' };
const NOT_FOUND = '0805 1204 "gone"';

/** What a client under test calls last, to show that the connection still answers; in what time is its own choice. */
export function alive(id: number | '*'): string {
  return `request ${id} flags 0 ${SERVICE}/Echo 0a05616c697665…`;
}

/** The answer to {@link alive}. */
export function aliveToo(id: number): Buffer {
  return response(id, field(2, '0a05 "alive"'));
}

/** The answer to the request heard last. */
function answerAlive(heard: string): Buffer {
  return aliveToo(Number(heard.split(' ')[1]));
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
    id: 'fields-in-any-order',
    text: 'Envelope fields come in any order; unknown ones are skipped; the last of a repeated scalar counts.',
    ...ECHO,
    steps: [
      ECHO_REQUEST,
      response(1, field(2, '0a01 62'), field(7, '"new"'), OK_A, field(1, '0800 1200 2801')),
    ],
    outcome: ECHOED,
  },
  {
    id: 'largest-response',
    text: 'A payload of 4 MiB is the largest.',
    ...ECHO,
    steps: [ECHO_REQUEST, filled(response(1, OK_A))],
    outcome: ECHOED,
  },
  {
    id: 'oversized-request',
    text: 'A request over the maximum fails with RESOURCE_EXHAUSTED, nothing of it is sent, and the connection goes on.',
    scenario: 'oversized-request',
    options: { bytes: LIMIT },
    steps: [alive('*'), answerAlive],
    last: true,
    outcome: { code: 8, replies: [], alive: true },
  },
  {
    id: 'ids',
    text: 'Stream ids are odd and increase, also of calls at once; the answers come in any order.',
    scenario: 'inflight',
    options: { count: 3 },
    steps: [
      'request 1 flags 0 interop.v1.Interop/Echo …',
      'request 3 flags 0 interop.v1.Interop/Echo …',
      'request 5 flags 0 interop.v1.Interop/Echo …',
      Buffer.concat([response(5), response(1), response(3)]),
      alive(7),
      aliveToo(7),
    ],
    last: true,
    outcome: { matched: 0, alive: true },
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
    id: 'bare-type-url',
    text: 'Details are handed over, also with a type URL that is a bare name.',
    ...ECHO,
    steps: [
      ECHO_REQUEST,
      response(1, field(1, `${NOT_FOUND} 1a18 0a11 "interop.v1.Detail" 1203 0a0178`)),
    ],
    outcome: { code: 5, details: [{ ...DETAIL, typeUrl: 'interop.v1.Detail' }], alive: true },
  },
  {
    id: 'unknown-code',
    text: 'A status with a code that nobody knows is not OK.',
    ...ECHO,
    steps: [ECHO_REQUEST, response(1, field(1, '082a 1203 "odd"'))],
    outcome: { code: 42, message: 'odd', replies: [], alive: true },
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
    steps: [ECHO_REQUEST, frame(1, 2, 0, Buffer.alloc(LIMIT + 1))],
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
    id: 'connection-lost-in-mid-frame',
    text: 'A frame that the end of the connection cuts off is no answer.',
    ...ECHO,
    steps: [ECHO_REQUEST, response(1, OK_A).subarray(0, -1), CLOSE],
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

/** A stream of requests whose caller waits for an answer to the first. */
const CHAT = { scenario: 'chat', options: { texts: ['a', 'b'] } } as const;
const CHAT_BEGINS = [
  'request 1 flags * interop.v1.Interop/Chat…',
  'data 1 flags 0 0a0161',
] as const;

const COUNT = { scenario: 'count', options: { count: 2 } } as const;
const COUNT_REQUEST = 'request 1 flags 1 interop.v1.Interop/Count 0802';
const FIFTY = Array.from({ length: 50 }, (_, at) => at + 1);
const numberOf = (value: number): string => `08 ${value.toString(16).padStart(2, '0')}`;
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
    id: 'empty-messages',
    text: 'An empty message is zero bytes.',
    ...COUNT,
    steps: [COUNT_REQUEST, data(1, 0), data(1, 0, '0802'), data(1, 5)],
    outcome: { code: 0, replies: [{ value: '0' }, { value: '2' }], alive: true },
  },
  {
    id: 'no-data-is-no-message',
    text: 'A data frame with no-data (4) is no message.',
    ...COUNT,
    steps: [COUNT_REQUEST, data(1, 4), data(1, 0, '0801'), data(1, 0, '0802'), data(1, 5)],
    outcome: COUNTED,
  },
  {
    id: 'in-order',
    text: 'The frames of a stream are delivered in order.',
    ...COUNT,
    steps: [
      COUNT_REQUEST,
      Buffer.concat([...FIFTY.map((value) => data(1, 0, numberOf(value))), data(1, 5)]),
    ],
    outcome: { code: 0, replies: FIFTY.map((value) => ({ value: String(value) })), alive: true },
  },
  {
    id: 'bad-data',
    text: 'A message on a stream that does not decode ends its call, and the connection goes on.',
    ...COUNT,
    steps: [COUNT_REQUEST, data(1, 0, '0801'), data(1, 0, 'ff')],
    outcome: { replies: [{ value: '1' }], alive: true },
  },
  {
    id: 'oversized-data',
    text: 'Data over the maximum ends its call with RESOURCE_EXHAUSTED, and the connection goes on.',
    ...COUNT,
    steps: [COUNT_REQUEST, data(1, 0, `00*${LIMIT + 1}`)],
    outcome: { code: 8, replies: [], alive: true },
  },
  {
    id: 'metadata-and-timeout-of-a-stream',
    text: 'Streaming calls bring metadata and a deadline, too.',
    scenario: 'inspect-stream',
    options: { metadata: [['k', '1']], timeoutMs: 5000 },
    steps: ['request 1 flags 1 interop.v1.Interop/InspectStream {k=1} timeout', data(1, 5)],
    outcome: { code: 0, replies: [], alive: true },
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
    id: 'client-streaming-of-nothing',
    text: 'A stream of no requests is its end alone.',
    scenario: 'sum',
    options: { numbers: [] },
    steps: ['request 1 flags 6 interop.v1.Interop/Sum', 'data 1 flags 5', response(1)],
    outcome: { code: 0, replies: [{ sum: '0', count: '0' }], alive: true },
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
    id: 'status-on-an-open-stream',
    text: 'A response ends a call whose half is open; neither data nor a half-close follows it.',
    ...CHAT,
    steps: [...CHAT_BEGINS, response(1, field(1, NOT_FOUND))],
    outcome: { code: 5, message: 'gone', replies: [], alive: true },
  },
  {
    id: 'connection-lost-on-a-stream',
    text: 'A stream that is open fails when the connection is lost.',
    ...CHAT,
    steps: [...CHAT_BEGINS, data(1, 0, A), 'data 1 flags 0 0a0162', CLOSE],
    last: true,
    outcome: { replies: [MESSAGE_A] },
  },
  {
    id: 'gives-up-on-a-stream',
    text: 'A client that gives up at its deadline closes its half and forgets the stream.',
    ...CHAT,
    options: { ...CHAT.options, timeoutMs: 100 },
    steps: [...CHAT_BEGINS, ['data 1 flags 5', alive(3)], data(1, 0, A), data(1, 5), aliveToo(3)],
    last: true,
    outcome: { replies: [], alive: true },
  },
  {
    id: 'nothing-behind-the-end',
    text: "Neither data nor a half-close is sent after the stream's final frame has arrived: servers die of it.",
    scenario: 'chat',
    options: { texts: ['a'] },
    steps: [...CHAT_BEGINS, Buffer.concat([data(1, 0, A), data(1, 5)])],
    outcome: { code: 0, replies: [MESSAGE_A], alive: true },
  },
];

/** What every client has to do that can make the calls of `interop.proto`. */
export const CLIENT_RULES: readonly ClientRule[] = [
  ...UNARY,
  ...STREAMS.map((rule) => ({ ...rule, streams: true as const })),
];
