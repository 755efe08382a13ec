import { readFileSync } from 'node:fs';

import { Child } from '../child.js';
import type { PeerName } from '../peers/peer.js';
import { ours } from '../programs.js';
import type { Resources } from '../resources.js';
import { number, table, withFolder, work, type Setup, type Study } from './study.js';

const CONNECTIONS = 10_000;
/** Those that come first fill what all share, and are not counted. */
const FIRST_SHARE = 0.1;
/** What a process has open besides, at most. */
const OTHER_DESCRIPTORS = 100;

/** Very many connections that do nothing, held at once, a call made on each. */
export const idle: Study = {
  name: 'idle',
  async run(setup) {
    const rows: (number | string)[][] = [];
    for (const [server, client] of [
      ['engine', 'engine'],
      ['nest', 'engine'],
    ] as const) {
      rows.push([server, client, ...(await hold(server, client, setup))]);
      setup.say(`idle: ${server} ← ${client} done`);
    }
    const sides = ['server', 'client'].flatMap((side) => [`${side}: heap`, `${side}: RSS`]);
    return [
      '## idle: connections held at once, and what each takes, in KiB\n',
      table(['server', 'client', 'connections', ...sides], rows),
    ].join('\n');
  },
};

/** Node itself raises the limit of descriptors to what the system allows; that must do. */
function checkLimit(connections: number): void {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const allowed = Number(/^Max open files +\S+ +(\d+)/m.exec(limits)?.[1] ?? Infinity);
  if (allowed > connections + OTHER_DESCRIPTORS) return;
  throw new Error(`${number(connections)} connections need more than ulimit -Hn ${allowed} allows`);
}

/** @returns how many were held, and KiB a connection: heap and RSS of the server and of the client */
function hold(server: PeerName, client: PeerName, setup: Setup): Promise<number[]> {
  return withFolder(async (path, keep) => {
    const config = { path: path('s') };
    const start = async (role: 'call' | 'serve', peer: PeerName): Promise<Child> =>
      keep(await Child.start(ours(setup.programs, { role, peer, ...config })));
    const serving = await start('serve', server);
    const calling = await start('call', client);
    const both = [serving, calling];
    const all = Math.ceil(CONNECTIONS * setup.scale);
    checkLimit(all);
    const first = Math.ceil(all * FIRST_SHARE);
    const kept = async (connections: number): Promise<Resources[]> => {
      await work(calling, { job: 'hold', connections }, both);
      const left = await Promise.all(both.map((one) => one.ask<Resources>({ do: 'resources' })));
      for (const { stats } of left) {
        if (stats.connections === connections && stats.openStreams === 0) continue;
        throw new Error(`${number(stats.connections)} of ${number(connections)} connections stand`);
      }
      return left;
    };
    const before = await kept(first);
    const after = await kept(all);
    const each = after.flatMap(({ heapBytes, rssBytes }, side) => [
      (heapBytes - (before[side]?.heapBytes ?? 0)) / (all - first) / 1024,
      (rssBytes - (before[side]?.rssBytes ?? 0)) / (all - first) / 1024,
    ]);
    // All of them still carry a call.
    await work(calling, { job: 'hold', connections: all }, both);
    return [all, ...each];
  });
}
