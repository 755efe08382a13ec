import type { Call, Job } from './protocol.js';

/** What subjects are measured at. */
export interface Work {
  /** With `inFlight` it names the work, in results and on the command line. */
  readonly name: string;
  readonly inFlight: number;
  /** Server and client on a core each, where the system can. */
  readonly pinned: boolean;
  /** What the table says. */
  readonly title: string;
  /** What is counted. */
  readonly unit: 'calls' | 'messages';
  /** 2 where each message that a client sends comes back and is counted as well. */
  readonly ways: 1 | 2;
  readonly job: Omit<Job, 'milliseconds'>;
  /** Whether every subject does it, or only the main ones. */
  readonly everybody: boolean;
  /** Whether a quick run has it. */
  readonly quick: boolean;
}

/** What of the largest message of 4 MiB is left for all that isn't its data, in bytes. */
const ENVELOPE = 1024;

/** @param quick - streams are shorter then */
export function worksOf(quick: boolean): readonly Work[] {
  const fewer = { count: 20_000, size: 16 };
  const small = quick ? fewer : { ...fewer, count: 100_000 };
  return [
    unary(1),
    unary(64),
    unary(512),
    ...[1, 64, 512].map((inFlight) => unpinned(inFlight)),
    {
      ...unary(64, 64),
      name: 'unary-64-connections',
      title: 'unary, 64 connections with one call each',
      quick: false,
    },
    lift('unary-4MiB', '4 MiB', 4 * 2 ** 20 - ENVELOPE),
    stream('stream-16B', 'server stream of', 'pour', small),
    stream('stream-64KiB', 'server stream of', 'pour', { count: 2000, size: 65_536 }),
    stream('client-stream-16B', 'client stream of', 'gather', small),
    stream('bidi-16B', 'both ways, each way', 'ferry', fewer),
    stream('paced-16B', 'paced at 100,000/s, server stream of', 'drip', fewer),
  ].map((work) => (work.pinned ? work : { ...work, title: `${work.title}, not pinned` }));
}

function unary(inFlight: number, connections = 1): Work {
  return {
    name: 'unary',
    inFlight,
    pinned: true,
    title: `unary, ${inFlight} in flight`,
    unit: 'calls',
    ways: 1,
    job: { call: 'echo', inFlight, connections, count: 1, size: 0 },
    everybody: true,
    quick: true,
  };
}

function unpinned(inFlight: number): Work {
  return {
    ...unary(inFlight),
    name: 'unary-unpinned',
    pinned: false,
    everybody: false,
    quick: false,
  };
}

function lift(name: string, title: string, size: number): Work {
  return {
    ...unary(1),
    name,
    title: `unary, ${title} both ways, 1 in flight`,
    job: { call: 'lift', inFlight: 1, connections: 1, count: 1, size },
    everybody: false,
    quick: false,
  };
}

interface Burst {
  readonly count: number;
  readonly size: number;
}

function stream(name: string, title: string, call: Call, burst: Burst): Work {
  const size = burst.size < 1024 ? `${burst.size} B` : `${burst.size / 1024} KiB`;
  return {
    name,
    inFlight: 1,
    pinned: true,
    title: `${title} ${burst.count.toLocaleString('en')} × ${size}`,
    unit: 'messages',
    ways: call === 'ferry' ? 2 : 1,
    job: { call, inFlight: 1, connections: 1, ...burst },
    everybody: call === 'pour',
    quick: name === 'stream-16B',
  };
}
