import { setTimeout as sleep } from 'node:timers/promises';

import { number, table } from '../report.js';
import type { Role } from '../subjects.js';
import { GO, keptBytes, node, withPair } from './pair.js';
import { once, verdicts, type Check, type Figure, type Setup, type Study } from './study.js';

/** Far more than fits, in messages of 1 KiB. */
const ASKED = { call: 'pour', inFlight: 1, connections: 1, count: 1_000_000, size: 1024 } as const;
const WARM_UP = { ...ASKED, count: 10_000 };
/** Long enough for the request to arrive, and too short for all the messages to, in milliseconds. */
const READING_MS = 300;
const MAX_GROWTH_MB = 4;

/** Whose handlers are iterables is bounded by a target; Observables and the peers stand beside them. */
const SERVERS: readonly (readonly [name: string, role: Role, atMost: number])[] = [
  ['engine', node('engine'), MAX_GROWTH_MB],
  ['nest', node('nest'), MAX_GROWTH_MB],
  ['nest-observables', node('nest-observables'), Infinity],
  ['go', GO, Infinity],
  ['grpc-js', node('grpc-js'), Infinity],
  ['nest-grpc', node('nest-grpc'), Infinity],
];

/**
 * How much more a server keeps while its client, asleep as a process, takes nothing of a stream.
 * Garbage, of which a stream makes as much for a reader that reads, is collected before each reading.
 */
export const stalled: Study = {
  name: 'stalled',
  async run(setup) {
    const checks: Check[] = [];
    for (const [subject, role, atMost] of SERVERS.filter(([name]) => setup.go || name !== 'go')) {
      const [before, after] = await stall(role, setup);
      const values = { subjectValue: after / 1e6, peerValue: before / 1e6 };
      setup.say(`stalled: ${subject} grew by ${number(values.subjectValue - values.peerValue)} MB`);
      const ratio = once(after, before);
      const names = { work: 'stalled', subject, peer: 'before', unit: 'MB' };
      checks.push({ ...names, ratio, ...values, atMost, by: 'difference' });
    }
    const figures = checks.map(({ work, subject, unit, subjectValue, peerValue }): Figure => {
      return { work, subject, at: ASKED.count, unit, value: subjectValue - peerValue };
    });
    const text = [
      `## stalled: a server's growth, its garbage collected, for a reader that stops reading a stream of ${ASKED.count.toLocaleString('en')} × 1 KiB\n`,
      table(
        ['server', 'grew by MB'],
        figures.map(({ subject, value }) => [subject, number(value)]),
      ),
      verdicts(checks),
    ].join('\n');
    return { text, checks, figures };
  },
};

/** @returns bytes of the server's memory before the stream, and while nobody reads it */
async function stall(role: Role, { options, cores }: Setup): Promise<[number, number]> {
  return withPair(role, role, cores, async ({ server, client }) => {
    await client.drive({ ...WARM_UP, milliseconds: options.warmUp });
    const before = await keptBytes(server);
    const poured = client.drive({ ...ASKED, milliseconds: 1 }).then(
      () => true,
      () => false,
    );
    await sleep(READING_MS);
    client.signal('SIGSTOP');
    await sleep(options.slice);
    const after = await keptBytes(server);
    client.signal('SIGKILL');
    if (await poured) throw new Error('the stream was over before its reader stopped');
    return [before, after];
  });
}
