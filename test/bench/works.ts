import type { Job } from './protocol.js';

/** What subjects are measured at. */
export interface Work {
  /** With `inFlight` it names the work, in results and on the command line. */
  readonly name: string;
  readonly inFlight: number;
  /** Server and client on a core each, where the system can. */
  readonly pinned: boolean;
  /** What the table says. */
  readonly title: string;
  /** What is counted, once. */
  readonly unit: 'calls' | 'messages';
  readonly job: Omit<Job, 'milliseconds'>;
  /** Whether every subject does it, or only the main ones. */
  readonly everybody: boolean;
  /** Whether a quick run has it. */
  readonly quick: boolean;
}

/** @param quick - streams are shorter then */
export function worksOf(quick: boolean): readonly Work[] {
  return [
    unary(1),
    unary(64),
    unary(512),
    { ...unary(64), name: 'unary-unpinned', pinned: false, everybody: false, quick: false },
    {
      ...unary(64, 64),
      name: 'unary-64-connections',
      title: 'unary, 64 connections with one call each',
      everybody: false,
      quick: false,
    },
    stream('stream-16B', '16 B', { count: quick ? 20_000 : 100_000, size: 16 }),
    stream('stream-64KiB', '64 KiB', { count: 2000, size: 65_536 }),
  ].map((work) => (work.pinned ? work : { ...work, title: `${work.title}, not pinned` }));
}

function unary(inFlight: number, connections = 1): Work {
  return {
    name: 'unary',
    inFlight,
    pinned: true,
    title: `unary, ${inFlight} in flight`,
    unit: 'calls',
    job: { call: 'echo', inFlight, connections, count: 1, size: 0 },
    everybody: true,
    quick: true,
  };
}

function stream(name: string, size: string, burst: { count: number; size: number }): Work {
  return {
    name,
    inFlight: 1,
    pinned: true,
    title: `server stream of ${burst.count.toLocaleString('en')} × ${size}`,
    unit: 'messages',
    job: { call: 'pour', inFlight: 1, connections: 1, ...burst },
    everybody: true,
    quick: burst.size < 1024,
  };
}
