import { setTimeout as sleep } from 'node:timers/promises';

import { Child } from '../child.js';
import type { BulkOrder } from '../jobs/bulk.js';
import type { PeerName } from '../peers/peer.js';
import { ours } from '../programs.js';
import type { Resources } from '../resources.js';
import { number, table, withFolder, work, type Setup, type Study } from './study.js';

const WORKS: readonly BulkOrder[] = [
  { job: 'unary', calls: 1_000_000, atOnce: 64 },
  { job: 'streams', calls: 100_000, atOnce: 64 },
  { job: 'connections', calls: 10_000, atOnce: 16 },
  { job: 'cancelled', calls: 100_000, atOnce: 64 },
];

const CHECKPOINTS = 10;
/** The first have compiled code and filled caches; the last is held against this one. */
const BASIS = 1;
/** What the heap may have grown by since, in bytes: of 800,000 calls 1.25 each. */
const MAX_HEAP_GROWTH = 1e6;

/** What both ends have after a part of the calls. */
export interface Checkpoint {
  readonly done: number;
  readonly server: Resources;
  readonly client: Resources;
}

/** Very many of anything leave nothing. */
export const leaks: Study = {
  name: 'leaks',
  async run(setup) {
    const texts: string[] = [];
    const faults: string[] = [];
    for (const peer of ['engine', 'nest'] as const) {
      for (const { job, calls, atOnce } of WORKS) {
        const order = { job, calls: Math.ceil(calls * setup.scale), atOnce };
        const checkpoints = await checkpointsOf(peer, order, setup);
        const title = `${job}, ${peer}`;
        texts.push(`## leaks: ${title}, server / client\n`, show(checkpoints), '');
        faults.push(...leaked(checkpoints).map((fault) => `${title}: ${fault}`));
        setup.say(`leaks: ${title}, ${number(order.calls)} done`);
      }
    }
    if (faults.length > 0) throw new Error([...texts, ...faults].join('\n'));
    return texts.join('\n');
  },
};

function checkpointsOf(
  peer: PeerName,
  order: BulkOrder,
  { programs }: Setup,
): Promise<Checkpoint[]> {
  return withFolder(async (path, keep) => {
    const config = { peer, path: path('s') };
    const server = keep(await Child.start(ours(programs, { role: 'serve', ...config })));
    const client = keep(await Child.start(ours(programs, { role: 'call', ...config })));
    const checkpoints = await inParts(order, {
      work: (part) => work(client, part, [server, client]),
      server: () => server.ask<Resources>({ do: 'resources' }),
      client: () => client.ask<Resources>({ do: 'resources' }),
    });
    await client.stop();
    await server.stop();
    return checkpoints;
  });
}

/** Does a part of the calls after the other, and counts after each what is left. */
export async function inParts(
  { job, calls, atOnce }: BulkOrder,
  on: {
    work(part: BulkOrder): Promise<unknown>;
    server(): Promise<Resources>;
    client(): Promise<Resources>;
  },
  parts = CHECKPOINTS,
): Promise<Checkpoint[]> {
  const checkpoints: Checkpoint[] = [];
  const part = { job, calls: Math.ceil(calls / parts), atOnce };
  while (checkpoints.length < parts) {
    await on.work(part);
    const done = (checkpoints.length + 1) * part.calls;
    checkpoints.push({ done, server: await settled(on.server), client: await settled(on.client) });
  }
  return checkpoints;
}

const TRIES = 50;
const TRY_MS = 100;

/** Handlers of calls that were given up, and sockets that were closed, take a moment to end. */
export async function settled(ask: () => Promise<Resources>): Promise<Resources> {
  for (let left = TRIES; ; left--) {
    const now = await ask();
    const { openStreams, connections } = now.stats;
    if ((openStreams === 0 && connections <= 1) || left === 0) return now;
    await sleep(TRY_MS);
  }
}

/** What has grown. */
export function leaked(checkpoints: readonly Checkpoint[]): string[] {
  const last = checkpoints.at(-1) as Checkpoint;
  const basis = checkpoints[BASIS] as Checkpoint;
  return (['server', 'client'] as const).flatMap((side) => {
    const [before, after] = [basis[side], last[side]];
    const faults: string[] = [];
    const allow = (what: string, was: number, is: number, more = 0): void => {
      if (is > was + more) faults.push(`the ${side}'s ${what} grew from ${was} to ${is}`);
    };
    allow('heap', before.heapBytes, after.heapBytes, MAX_HEAP_GROWTH);
    allow('descriptors', before.descriptors, after.descriptors);
    allow('handles', before.handles, after.handles);
    allow('timers', before.timers, after.timers);
    allow('open generators', 0, after.sources);
    allow('open streams', 0, after.stats.openStreams);
    allow('connections', 1, after.stats.connections);
    return faults;
  });
}

const KEPT: readonly (readonly [title: string, of: (kept: Resources) => number])[] = [
  ['heap MB', ({ heapBytes }) => heapBytes / 1e6],
  ['RSS MB', ({ rssBytes }) => rssBytes / 1e6],
  ['fds', ({ descriptors }) => descriptors],
  ['handles', ({ handles }) => handles],
  ['timers', ({ timers }) => timers],
  ['streams', ({ stats }) => stats.openStreams],
  ['connections', ({ stats }) => stats.connections],
];

function show(checkpoints: readonly Checkpoint[]): string {
  const rows = checkpoints.map(({ done, server, client }) => [
    done,
    ...KEPT.map(([, of]) => `${number(of(server))} / ${number(of(client))}`),
  ]);
  return table(['done', ...KEPT.map(([title]) => title)], rows);
}
