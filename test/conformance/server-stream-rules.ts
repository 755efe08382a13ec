import { RESPONSE } from '../interop/frames.js';
import { hex } from '../support/transcript.js';
import { data, field, frame, LIMIT, payload, request, type ServerRule } from './rule.js';
import { A, B, ECHO_A, GONE, ids, MINUTE, ONE, THREE, TWO } from './words.js';

/** What a server that knows streams has to do. */
export const STREAM_RULES: readonly ServerRule[] = [
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
    id: 'bad-request-of-a-stream',
    text: "A stream's request that does not decode as the method's input: INTERNAL.",
    steps: [
      request(1, 1, 'Count', payload('ff')),
      'response 1 INTERNAL "ttrpc: error unmarshalling payload: …',
    ],
  },
  {
    id: 'metadata-of-a-stream',
    text: 'Streaming calls bring metadata, too.',
    steps: [
      request(1, 1, 'InspectStream', field(5, '0a01 "k" 1201 "1"')),
      'data 1 flags 0 0a060a016b120131',
      'data 1 flags 5',
    ],
  },
  {
    id: 'deadline-of-a-stream',
    text: 'Streaming calls bring a deadline, too.',
    steps: [request(1, 6, 'Chat', hex('20 80c2d72f')), 'response 1 DEADLINE_EXCEEDED …'],
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
    id: 'answered-early',
    text: 'A server may answer a stream of requests before its end, and is done with it then.',
    steps: [request(1, 6, 'First'), data(1, 0, ONE), 'response 1 OK 0801', data(1, 0, TWO), GONE],
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
    id: 'message-in-open-bidirectional-request',
    text: 'A payload in a request with flags 2 is message number one; an empty message is one, too.',
    steps: [
      request(1, 2, 'Chat', payload(A)),
      'data 1 flags 0 0a0161',
      data(1, 0),
      'data 1 flags 0',
      data(1, 5),
      'data 1 flags 5',
    ],
  },
  {
    id: 'in-order',
    text: 'The frames of a stream are delivered in order.',
    steps: [
      Buffer.concat([
        request(1, 6, 'Chat'),
        ...ids(50).map((number) => data(1, 0, `10 ${number.toString(16).padStart(2, '0')}`)),
        data(1, 5),
      ]),
      ...ids(50).map((number) => `data 1 flags 0 10${number.toString(16).padStart(2, '0')}`),
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
    id: 'oversized-data',
    text: 'Data over the maximum ends its call with RESOURCE_EXHAUSTED, and the connection goes on.',
    steps: [
      request(1, 6, 'Sum'),
      data(1, 0, `00*${LIMIT + 1}`),
      'response 1 RESOURCE_EXHAUSTED "message length 4194305 exceed maximum message size of 4194304"',
    ],
  },
  {
    id: 'response-on-an-open-stream',
    text: 'A response is ignored, of an open stream, too.',
    steps: [
      request(1, 6, 'Chat'),
      frame(1, RESPONSE, 0, ''),
      data(1, 0, A),
      'data 1 flags 0 0a0161',
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
  {
    id: 'data-on-answered-unary',
    text: 'A unary stream is not open once it is answered.',
    steps: [request(1, 0, 'Echo', ECHO_A), 'response 1 OK 0a0161', data(1, 0, A), GONE],
  },
  {
    id: 'data-on-an-even-id',
    text: 'Even stream id: INVALID_ARGUMENT, whatever the frame.',
    steps: [
      data(2, 0, A),
      'response 2 INVALID_ARGUMENT "StreamID must be odd for client initiated streams"',
    ],
  },
];
