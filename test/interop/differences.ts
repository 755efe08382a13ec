import { expect } from 'vitest';

import { TOO_LARGE } from './cases.js';
import type { Outcome } from './outcome.js';

type Expected = Partial<Outcome>;

/** Where a pair of client and server observes something else than {@link CASES} say, and why. */
export interface Difference {
  /** Of the server; absent: our server. */
  readonly server?: readonly string[];
  /** Of the client; absent: our client. */
  readonly client?: readonly string[];
  readonly cases: readonly string[];
  readonly because: string;
  /** One of these. */
  readonly expected: readonly Expected[];
  /** The server may die of it. */
  readonly serverMayDie?: true;
}

const RUST = ['rust 0.9.0', 'rust 0.10.0'];
const GO_REFUSING = ['go 1.2.8', 'go 1.2.9', 'go 1.2.10'];
const GO_STREAMS = ['go 1.2.2', ...GO_REFUSING];

const CROSSING = [
  "frames that cross a client stream's answer",
  "frames that cross a bidirectional stream's end",
];

export const DIFFERENCES: readonly Difference[] = [
  {
    server: RUST,
    cases: ['unknown service'],
    because: 'Rust calls a service that it does not know an invalid argument',
    expected: [{ code: 3, message: 'interop.v1.Nobody service does not exist', alive: true }],
  },
  {
    server: RUST,
    cases: ['unknown method'],
    because: 'Rust words it the other way round',
    expected: [{ code: 12, message: 'Nowhere method', alive: true }],
  },
  {
    server: GO_REFUSING,
    cases: ['oversized response'],
    because: 'a later Go server closes the connection rather than send what is too large',
    expected: [{ code: 14, alive: false }],
  },
  {
    server: RUST,
    cases: ['oversized response'],
    because: 'Rust calls what is too large an invalid argument',
    expected: [{ code: 3, message: TOO_LARGE, alive: true }],
  },
  {
    server: ['go 1.2.2'],
    cases: [
      'server stream, empty request and no messages',
      'server stream with metadata and deadline',
    ],
    because: 'an early Go server waits for the message of an empty request (containerd/ttrpc#126)',
    expected: [{ code: 4, replies: [], alive: true }],
  },
  {
    server: ['go 1.2.2'],
    cases: CROSSING,
    because:
      'an early Go server dies of a frame for a stream that has ended; no client can help it',
    expected: [{ code: 0 }, { code: 14 }],
    serverMayDie: true,
  },
  {
    server: ['go 1.2.8'],
    cases: CROSSING,
    because: 'a Go server until 1.2.8 stops reading when messages wait for a handler that is done',
    expected: [
      { code: 0, alive: true },
      { code: 0, alive: false },
    ],
  },
  {
    server: RUST,
    cases: CROSSING,
    because:
      'a Rust server may refuse the messages behind the last one that it wanted, and answer that first',
    expected: [
      { code: 0, alive: true },
      { code: 3, message: 'Stream is no longer active', alive: true },
    ],
  },
  {
    client: RUST,
    cases: ['oversized request'],
    because: 'the Rust client refuses it with an error that is no status',
    expected: [{ code: -1, message: TOO_LARGE, alive: true }],
  },
  {
    client: ['go 1.1.2', ...GO_STREAMS],
    cases: ['a deadline that passes'],
    because: "Go's client gives up by itself, with an error that is no status, or hears the server",
    expected: [
      { code: -1, message: 'context deadline exceeded', alive: true },
      { code: 4, alive: true },
    ],
  },
  {
    client: RUST,
    cases: ['a deadline that passes'],
    because:
      "Rust's client gives up by itself, with an error that is no status, or hears the server",
    expected: [
      { code: -1, message: expect.stringMatching(/timeout|deadline/) as string, alive: true },
      { code: 4, alive: true },
    ],
  },
  {
    client: RUST,
    cases: ['status with an unknown code'],
    because: 'the Rust client reads a code that it does not know as OK',
    expected: [{ code: 0, message: '', replies: [{}], alive: true }],
  },
  {
    client: GO_STREAMS,
    cases: ['server stream with metadata and deadline'],
    because: "Go's streaming calls send neither metadata nor deadline",
    expected: [{ code: 0, replies: [{ metadata: [], timeoutNano: 'none' }], alive: true }],
  },
];
