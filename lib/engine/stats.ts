import type { LimitCounters } from '../protocol/limit-counters.js';

/**
 * What a server or client has at the moment, and how often its peers have reached a bound since it
 * was made. A client never counts `refusedConnections`, `failedHandshakes` and `idleConnections`.
 */
export interface TtrpcStats extends Readonly<LimitCounters> {
  /** Connections that are open. */
  readonly connections: number;
  /** Calls that wait for their end on all of them; a client's that wait to be sent don't count. */
  readonly openStreams: number;
}

/** The moment's numbers; what changes later does not change them. */
export function statsOf(
  connections: Iterable<{ readonly openStreams: number }>,
  counters: LimitCounters,
): TtrpcStats {
  const stats = Object.assign({ connections: 0, openStreams: 0 }, counters);
  for (const { openStreams } of connections) {
    stats.connections += 1;
    stats.openStreams += openStreams;
  }
  return stats;
}
