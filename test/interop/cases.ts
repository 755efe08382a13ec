import { expect } from 'vitest';

import type { Options, Outcome } from './outcome.js';

type Expected = Partial<Outcome>;

/** One case, and what every client observes of every server, the {@link DIFFERENCES} apart. */
export interface Case {
  readonly name: string;
  /** The scenario to run, when it is not called like the case. */
  readonly scenario?: string;
  readonly options?: Options;
  /** Needs streams. */
  readonly streams?: true;
  /** Only our client can do it. */
  readonly oursOnly?: true;
  readonly expected: Expected;
  /** What the server says meanwhile. */
  readonly says?: readonly string[];
}

const LIMIT = 4 * 1024 * 1024;
/** How every side words that a message is above the limit. */
export const TOO_LARGE = expect.stringContaining(
  `exceed maximum message size of ${LIMIT}`,
) as string;

const EMPTY = { text: '', number: '0', data: '' };
const metadata = [
  ['b', '2'],
  ['a', '1'],
  ['a', '3'],
] as const;
const seen = {
  metadata: [
    { key: 'a', value: '1' },
    { key: 'a', value: '3' },
    { key: 'b', value: '2' },
  ],
  timeoutNano: 'up to 5 s',
};
const detail = { typeUrl: 'type.googleapis.com/interop.v1.Detail', text: 'détail' };
const failure = { message: 'no: ✗', detail: 'détail' };

function numbers(count: number): { value: string }[] {
  return Array.from({ length: count }, (_, i) => ({ value: String(i + 1) }));
}

const UNARY_CASES: readonly Case[] = [
  {
    name: 'unary',
    scenario: 'echo',
    options: { text: 'héllo', number: '-9007199254740993', data: 'AAH/' },
    expected: { code: 0, replies: [{ text: 'héllo', number: '-9007199254740993', data: 'AAH/' }] },
  },
  { name: 'unary, nothing set', scenario: 'echo', expected: { code: 0, replies: [EMPTY] } },
  { name: 'unary, empty messages', scenario: 'nothing', expected: { code: 0, replies: [{}] } },
  {
    name: 'metadata and deadline',
    scenario: 'inspect',
    options: { metadata, timeoutMs: 5000 },
    expected: { code: 0, replies: [seen] },
  },
  {
    name: 'no metadata, no deadline',
    scenario: 'inspect',
    expected: { code: 0, replies: [{ metadata: [], timeoutNano: 'none' }] },
  },
  {
    name: 'a deadline that is kept',
    scenario: 'sleep',
    options: { milliseconds: 10, timeoutMs: 20_000 },
    expected: { code: 0, replies: [{}] },
    says: ['sleep started', 'sleep ended'],
  },
  {
    name: 'a deadline that passes',
    scenario: 'sleep',
    options: { milliseconds: 20_000, timeoutMs: 100 },
    expected: { code: 4, replies: [] },
    says: ['sleep started', 'sleep interrupted'],
  },
  {
    name: 'status with details',
    scenario: 'fail',
    options: { code: 9, ...failure },
    expected: { code: 9, message: 'no: ✗', details: [detail], replies: [] },
  },
  {
    name: 'status with an unknown code',
    scenario: 'fail',
    options: { code: 42, ...failure },
    expected: { code: 42, message: 'no: ✗', details: [detail], replies: [] },
  },
  {
    name: 'large messages',
    scenario: 'oversized-response',
    options: { bytes: LIMIT - 100 },
    expected: { code: 0, replies: [{ ...EMPTY, data: `${LIMIT - 100} bytes` }] },
  },
  {
    name: 'oversized request',
    scenario: 'oversized-request',
    options: { bytes: LIMIT },
    expected: { code: 8, message: TOO_LARGE, replies: [] },
  },
  {
    name: 'oversized response',
    scenario: 'oversized-response',
    options: { bytes: LIMIT },
    expected: { code: 8, message: TOO_LARGE, replies: [] },
  },
  {
    name: 'unknown service',
    scenario: 'unknown-service',
    expected: { code: 12, message: 'service interop.v1.Nobody', replies: [] },
  },
  {
    name: 'unknown method',
    scenario: 'unknown-method',
    expected: { code: 12, message: 'method Nowhere', replies: [] },
  },
  {
    name: '1,000 calls in flight',
    scenario: 'inflight',
    options: { count: 1000 },
    expected: { matched: 1000 },
  },
];

const STREAM_CASES: readonly Case[] = [
  {
    name: 'server stream',
    scenario: 'count',
    options: { count: 1000 },
    expected: { code: 0, replies: numbers(1000) },
  },
  {
    name: 'server stream, empty request and no messages',
    scenario: 'count',
    options: { count: 0, timeoutMs: 3000 },
    expected: { code: 0, replies: [] },
  },
  {
    name: 'server stream that fails',
    scenario: 'count',
    options: { count: 5, failAfter: 2, code: 8 },
    expected: { code: 8, message: 'failed after 2', replies: numbers(2) },
  },
  {
    name: 'server stream with metadata and deadline',
    scenario: 'inspect-stream',
    options: { metadata, timeoutMs: 5000 },
    expected: { code: 0, replies: [seen] },
  },
  {
    name: 'client stream',
    scenario: 'sum',
    options: { numbers: [1, 2, 0, -5] },
    expected: { code: 0, replies: [{ sum: '-2', count: '4' }] },
  },
  {
    name: 'client stream of empty messages',
    scenario: 'sum',
    options: { numbers: [0, 0, 0] },
    expected: { code: 0, replies: [{ sum: '0', count: '3' }] },
  },
  {
    name: 'client stream of nothing',
    scenario: 'sum',
    options: { numbers: [] },
    expected: { code: 0, replies: [{ sum: '0', count: '0' }] },
  },
  {
    name: 'bidirectional stream',
    scenario: 'chat',
    options: { texts: ['a', '', 'c'] },
    expected: { code: 0, replies: ['a', '', 'c'].map((text) => ({ ...EMPTY, text })) },
  },
  {
    name: 'a loop over responses that is left',
    scenario: 'abandon',
    oursOnly: true,
    expected: { code: 0, replies: [{ ...EMPTY, text: 'first' }] },
  },
  {
    name: "messages handed over after a client stream's answer",
    scenario: 'late-first',
    oursOnly: true,
    expected: { code: 0, replies: [{ value: '1' }] },
  },
  {
    name: "messages handed over after a bidirectional stream's end",
    scenario: 'late-brief',
    oursOnly: true,
    expected: { code: 0, replies: [{ ...EMPTY, number: '1' }] },
  },
  {
    name: "frames that cross a client stream's answer",
    scenario: 'first',
    options: { count: 50 },
    expected: { code: 0, replies: [{ value: '1' }] },
  },
  {
    name: "frames that cross a bidirectional stream's end",
    scenario: 'brief',
    options: { count: 50 },
    expected: { code: 0, replies: [{ ...EMPTY, number: '1' }] },
  },
];

/** Every case; the client has a connection that still answers at its end, unless it says else. */
export const CASES: readonly Case[] = [
  ...UNARY_CASES,
  ...STREAM_CASES.map((each) => ({ ...each, streams: true as const })),
].map((each) => ({ ...each, expected: { alive: true, ...each.expected } }));
