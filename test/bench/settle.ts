import { queryObjects, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import type { Peer } from './peers/peer.js';
import type { Settled } from './protocol.js';

const COLLECTIONS = 2;

/** Collects garbage and says what remains. */
export async function settle(peer: Peer): Promise<Settled> {
  const collect = garbageCollector();
  for (let left = COLLECTIONS; left > 0; left--) {
    collect();
    // What a collection finds unused may be let go only after it, by what it is told to.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { rss, heapUsed } = process.memoryUsage();
  return {
    rssBytes: rss,
    heapBytes: heapUsed,
    timers: countTimers(),
    openStreams: peer.openStreams?.() ?? 0,
  };
}

/** That of `--expose-gc`, without a process's having been started so. */
export function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

function countTimers(): number {
  const timer = setTimeout(() => undefined, 0);
  clearTimeout(timer);
  return queryObjects(timer.constructor, { format: 'count' });
}
