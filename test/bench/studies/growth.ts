import type { Job, Sample, Settled } from '../protocol.js';
import { number, table } from '../report.js';
import { node, withPair } from './pair.js';
import { verdicts, once, type Check, type Figure, type Study } from './study.js';

const TENTHS = 10;
const SLICE_MS = 100;
/** What the heap may have grown by since the second tenth, in MB: of 800,000 calls 1.25 bytes each. */
const MAX_HEAP_MB = 1;
/** The system's view of it depends on what the collector keeps for later. */
const MAX_RSS_MB = 24;
/** Deadlines that lie equally far ahead share a timer: the library keeps those of so many distances. */
const MAX_TIMERS = 16;

const WORKS: readonly (Omit<Job, 'milliseconds'> & {
  readonly work: string;
  readonly all: number;
})[] = [
  {
    work: 'growth-unary',
    call: 'echo',
    inFlight: 64,
    connections: 1,
    count: 1,
    size: 0,
    all: 1_000_000,
  },
  {
    work: 'growth-streams',
    call: 'pour',
    inFlight: 64,
    connections: 1,
    count: 1,
    size: 16,
    all: 100_000,
  },
];

/** A process that can say what it keeps. */
export interface End {
  settle(): Promise<Settled>;
}

/** What each end keeps after a tenth of the calls. */
export interface Tenth {
  readonly done: number;
  readonly server: Settled;
  readonly client: Settled;
}

/** Nothing grows, however many calls were made. */
export const growth: Study = {
  name: 'growth',
  async run({ options, say }) {
    const texts: string[] = [];
    const checks: Check[] = [];
    const figures: Figure[] = [];
    for (const { work, all, ...job } of WORKS) {
      for (const subject of ['engine', 'nest']) {
        const calls = options.quick ? all / TENTHS : all;
        const tenths = await withPair(node(subject), node(subject), undefined, (pair) =>
          makeCalls(calls, pair, () => pair.client.drive({ ...job, milliseconds: SLICE_MS })),
        );
        say(`${work}: ${subject}, ${number(tenths.at(-1)?.done ?? NaN)} calls`);
        checks.push(...compareTenths(work, subject, tenths));
        figures.push(...tenths.flatMap((tenth) => figuresOf(work, subject, tenth)));
        texts.push(`## ${work}: ${subject}, after each tenth\n`, show(tenths));
      }
    }
    return { text: [...texts, verdicts(checks)].join('\n'), checks, figures };
  },
};

/**
 * Makes at least so many calls, and lets both ends say after each tenth what they keep.
 *
 * @param some - makes some calls and says how many
 */
export async function makeCalls(
  calls: number,
  ends: { readonly server: End; readonly client: End },
  some: () => Promise<Pick<Sample, 'done'>>,
): Promise<Tenth[]> {
  const tenths: Tenth[] = [];
  let done = 0;
  for (let tenth = 1; tenth <= TENTHS; tenth++) {
    const before = done;
    while (done - before < calls / TENTHS) done += (await some()).done;
    tenths.push({ done, server: await ends.server.settle(), client: await ends.client.settle() });
  }
  return tenths;
}

/** The last tenth beside the second: the first has compiled code and filled caches. */
export function compareTenths(work: string, subject: string, tenths: readonly Tenth[]): Check[] {
  const early = tenths[1] as Tenth;
  const late = tenths.at(-1) as Tenth;
  return (['server', 'client'] as const).flatMap((side) => {
    const check = (unit: string, atMost: number, of: (settled: Settled) => number): Check => {
      const [subjectValue, peerValue] = [of(late[side]), of(early[side])];
      const ratio = once(subjectValue, peerValue);
      const name = `${subject} ${side}`;
      const values = { subjectValue, peerValue, atMost, by: 'difference' } as const;
      return { work, subject: name, peer: 'its second tenth', ratio, unit, ...values };
    };
    return [
      check('heap MB', MAX_HEAP_MB, ({ heapBytes }) => heapBytes / 1e6),
      check('RSS MB', MAX_RSS_MB, ({ rssBytes }) => rssBytes / 1e6),
      check('timers', MAX_TIMERS, ({ timers }) => timers),
      check('open streams', 0, ({ openStreams }) => openStreams),
    ];
  });
}

function figuresOf(work: string, subject: string, { done, server, client }: Tenth): Figure[] {
  return Object.entries({ server, client }).flatMap(([side, settled]) =>
    Object.entries(settled).map(([unit, value]: [string, number]) => ({
      work,
      subject: `${subject} ${side}`,
      at: done,
      unit,
      value,
    })),
  );
}

function show(tenths: readonly Tenth[]): string {
  const kept = ['heap MB', 'RSS MB', 'timers', 'open streams'];
  return table(
    ['calls', ...kept.map((what) => `server: ${what}`), ...kept.map((what) => `client: ${what}`)],
    tenths.map(({ done, server, client }) => [
      number(done),
      ...[server, client].flatMap(({ heapBytes, rssBytes, timers, openStreams }) =>
        [heapBytes / 1e6, rssBytes / 1e6, timers, openStreams].map(number),
      ),
    ]),
  );
}
