/**
 * What the runner and the measured processes say to each other: a line of JSON each way. A process
 * is started as `serve PEER SOCKET` or `drive PEER SOCKET`, says `ready`, and ends with its stdin.
 * The Go peer says the same, see go/main.go.
 */

/** The methods in bench.proto. */
export type Call = 'echo' | 'lift' | 'pour' | 'drip' | 'gather' | 'ferry';

/** What a driver is told to do. */
export interface Job {
  readonly call: Call;
  readonly inFlight: number;
  readonly connections: number;
  /** Messages a call, and bytes a message; an `echo` is 1 of its own size. */
  readonly count: number;
  readonly size: number;
  /** How long; calls under way are waited for. */
  readonly milliseconds: number;
}

/** What a process has used since it was started. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly peakBytes: number;
  /** In memory now, garbage included. */
  readonly rssBytes: number;
}

/** What a process keeps when it has nothing to do, after its garbage was collected. */
export interface Settled {
  readonly rssBytes: number;
  readonly heapBytes: number;
  /** Timers that anybody still refers to, running or not; of Node alone. */
  readonly timers: number;
  /** Calls that its library counts as open; of this package alone. */
  readonly openStreams: number;
}

/** What a driver answers to a {@link Job}. */
export interface Sample {
  /** Calls, or the messages of streams. */
  readonly done: number;
  readonly seconds: number;
  /** Of a call, in microseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** The line that is answered with a {@link Usage}, by servers and drivers alike. */
export const USAGE = 'usage';

/** The line that is answered with a {@link Settled}, by servers and drivers alike. */
export const SETTLE = 'settle';

/** The line upon which a driver connects anew and makes a call; answered with `{}` after it. */
export const FIRST = 'first';

export const READY = 'ready';
