import { readdirSync } from 'node:fs';
import { queryObjects, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import type { TtrpcStats } from '../../lib/engine/index.js';
import { sources } from './peers/peer.js';

/** What a process has when it has nothing to do. */
export interface Resources {
  /** After its garbage was collected. */
  readonly heapBytes: number;
  readonly rssBytes: number;
  /** File descriptors; 0 where the system does not say. */
  readonly descriptors: number;
  /** Sockets, pipes and requests that keep a process running. */
  readonly handles: number;
  /** Timers that anybody still refers to, running or not. */
  readonly timers: number;
  /** Generators of messages that nobody has left. */
  readonly sources: number;
  readonly stats: TtrpcStats;
}

const COLLECTIONS = 2;

/** Collects garbage and counts what is left. */
export async function resources(ends: readonly { stats(): TtrpcStats }[]): Promise<Resources> {
  for (let left = COLLECTIONS; left > 0; left--) {
    collector();
    // What a collection finds unused may be let go only after it, by what it is told to.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed: heapBytes, rss: rssBytes } = process.memoryUsage();
  return {
    heapBytes,
    rssBytes,
    descriptors: process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0,
    handles: process.getActiveResourcesInfo().filter((name) => name !== 'Timeout').length,
    timers: timers(),
    sources: sources.open,
    stats: sum(ends.map((end) => end.stats())),
  };
}

/** That of `--expose-gc`, without a process's having been started so. */
const collector = ((): (() => void) => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
})();

function timers(): number {
  const timer = setTimeout(() => undefined, 0);
  clearTimeout(timer);
  return queryObjects(timer.constructor, { format: 'count' });
}

function sum(all: readonly TtrpcStats[]): TtrpcStats {
  const total: Record<string, number> = { connections: 0, openStreams: 0 };
  for (const stats of all) {
    for (const [name, count] of Object.entries(stats)) total[name] = (total[name] ?? 0) + count;
  }
  return total as unknown as TtrpcStats;
}
