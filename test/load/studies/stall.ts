import { readFileSync } from 'node:fs';

import { Child } from '../child.js';
import type { StallOrder, StallResult, Stretch } from '../jobs/stall.js';
import type { PeerName } from '../peers/peer.js';
import { ours } from '../programs.js';
import type { Resources } from '../resources.js';
import { settled } from './leaks.js';
import { number, table, withFolder, work, type Setup, type Study } from './study.js';

const STREAMS = 99;
const COUNT = 10_000;
const SIZE = 1024;
/** What a process may grow beyond its peak without a stall, in bytes; Observables can't be paused. */
const MAX_GROWTH = 48e6;

const HEADS = [
  'peer',
  'what stalls',
  'producers',
  'alone',
  'stall s',
  'meanwhile',
  'after',
  'all: factor',
  'server grew MB',
  'client grew MB',
];

type Case = Pick<StallOrder, 'kind' | 'observables'> & { readonly peer: PeerName };

const CASES: readonly Case[] = (['download', 'upload'] as const).flatMap((kind) => [
  { peer: 'engine', kind, observables: false },
  { peer: 'nest', kind, observables: false },
  { peer: 'nest', kind, observables: true },
]);

/** One consumer that takes nothing more costs the other streams of its connection a pause, no more. */
export const stallStudy: Study = {
  name: 'stall',
  async run(setup) {
    const rows: (number | string)[][] = [];
    const faults: string[] = [];
    for (const each of CASES) {
      const { row, fault } = await stallIn(each, setup);
      rows.push(row);
      if (fault !== undefined) faults.push(fault);
      setup.say(`stall: ${row.slice(0, 3).join(', ')} done`);
    }
    const text = [
      `## stall: ${STREAMS} streams of ${number(COUNT * setup.scale)} × ${SIZE} bytes beside one that stalls; messages/s\n`,
      table(HEADS, rows),
    ].join('\n');
    if (faults.length > 0) throw new Error([text, ...faults].join('\n'));
    return text;
  },
};

function stallIn(
  { peer, kind, observables }: Case,
  { programs, scale }: Setup,
): Promise<{ row: (number | string)[]; fault: string | undefined }> {
  return withFolder(async (path, keep) => {
    const config = { peer, path: path('s') };
    const server = keep(await Child.start(ours(programs, { role: 'serve', ...config })));
    const client = keep(await Child.start(ours(programs, { role: 'call', ...config })));
    const both = [server, client];
    const order = { job: 'stall', kind, observables, streams: STREAMS, size: SIZE } as const;
    const count = Math.ceil(COUNT * scale);
    const alone = await work<StallResult>(client, { ...order, count, stalled: false }, both);
    const peaks = both.map(peakOf);
    const beside = await work<StallResult>(client, { ...order, count, stalled: true }, both);
    const growth = both.map((one, index) => peakOf(one) - (peaks[index] ?? 0));
    const left = await Promise.all(
      both.map((one) => settled(() => one.ask<Resources>({ do: 'resources' }))),
    );
    const { stalling = { messages: 0, seconds: 0 }, flowing } = beside;
    const all: Stretch = {
      messages: stalling.messages + flowing.messages,
      seconds: stalling.seconds + flowing.seconds,
    };
    const what = `${peer}, ${kind}, ${observables ? 'Observables' : 'iterables'}`;
    // What Observables emit is no measure of what has left.
    const unknown = kind === 'upload' && observables;
    const row = [
      peer,
      kind === 'download' ? "caller's loop" : 'handler',
      observables ? 'Observables' : 'iterables',
      rate(alone.flowing),
      stalling.seconds,
      unknown ? '' : rate(stalling),
      unknown ? '' : rate(flowing),
      rate(all) / rate(alone.flowing),
      ...growth.map((bytes) => bytes / 1e6),
    ];
    return { row, fault: faultIn(what, observables ? [] : growth, left) };
  });
}

/** Only one stream failed, of neither process's memory much was needed for it. */
function faultIn(
  what: string,
  growth: readonly number[],
  left: readonly Resources[],
): string | undefined {
  const stalled = left.reduce((sum, { stats }) => sum + stats.stalledStreams, 0);
  const open = left.reduce((sum, { stats }) => sum + stats.openStreams, 0);
  if (stalled !== 1) return `${what}: ${stalled} streams have stalled`;
  if (open > 0) return `${what}: ${open} streams are still open`;
  if (Math.max(...growth) > MAX_GROWTH) return `${what}: grew by ${growth.join(' and ')} bytes`;
  return undefined;
}

function rate({ messages, seconds }: Stretch): number {
  return seconds === 0 ? 0 : messages / seconds;
}

/** The most that a process ever had in memory, in bytes; Linux says it in kB. */
function peakOf({ pid }: Child): number {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1] ?? 0) * 1024;
}
