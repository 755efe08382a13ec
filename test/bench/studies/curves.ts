import type { Job } from '../protocol.js';
import { number, table } from '../report.js';
import { spread } from '../statistics.js';
import { methodCurves } from './methods.js';
import { node, withPair } from './pair.js';
import { once, verdicts, type Check, type Figure, type Setup, type Study } from './study.js';

/** From step to step the cost may grow by so much more than the size. */
const MARGIN = 1.5;

/** What something costs at each size. */
export interface Curve {
  readonly work: string;
  readonly subject: string;
  /** Of what there are so many. */
  readonly sizes: string;
  readonly points: readonly Point[];
}

export interface Point {
  readonly size: number;
  /** Of all of it together, in microseconds. */
  readonly cost: number;
  /** What is printed: of one of what is counted, in microseconds. */
  readonly each: number;
}

interface Ladder {
  readonly work: string;
  readonly sizes: string;
  readonly steps: readonly number[];
  jobOf(size: number): Omit<Job, 'milliseconds'>;
  /** How often the time of a call is what the whole work costs at that size. */
  readonly callsOf: (size: number) => number;
}

const SMALL = { call: 'pour', connections: 1, count: 1, size: 16 } as const;

/** The greatest payload is a little below the limit of 4 MiB, which its envelope counts against. */
const LADDERS: readonly Ladder[] = [
  {
    work: 'curve-connections',
    sizes: 'connections, 1,000 calls in flight on all together',
    steps: [1, 10, 100, 1000],
    jobOf: (connections) => ({ ...SMALL, call: 'echo', inFlight: 1000, connections }),
    callsOf: () => 1,
  },
  {
    work: 'curve-streams',
    sizes: 'streams open on one connection',
    steps: [1, 10, 100, 1000, 10_000],
    jobOf: (inFlight) => ({ ...SMALL, inFlight }),
    callsOf: (streams) => streams,
  },
  {
    work: 'curve-payload',
    sizes: 'bytes of payload',
    steps: [0, 64, 1024, 16_384, 262_144, 4_193_280],
    jobOf: (size) => ({ ...SMALL, inFlight: 4, size }),
    callsOf: () => 1,
  },
];

/** How cost grows with the work, and whether that is ever worse than linear. */
export const curves: Study = {
  name: 'curves',
  async run(setup) {
    const all: Curve[] = [];
    for (const ladder of LADDERS) {
      for (const subject of ['engine', 'nest']) all.push(await climb(ladder, subject, setup));
    }
    all.push(...methodCurves(setup.options.quick));
    const checks = all.map(steepest);
    const text = [...all.map(show), verdicts(checks)].join('\n');
    return { text, checks, figures: all.flatMap(figuresOf) };
  },
};

async function climb(
  { work, sizes, steps, jobOf, callsOf }: Ladder,
  subject: string,
  { options, cores, say }: Setup,
): Promise<Curve> {
  const { slice, rounds, warmUp } = options;
  const points = await withPair(node(subject), node(subject), cores, async ({ client }) => {
    const reached: Point[] = [];
    for (const size of steps) {
      const job = jobOf(size);
      await client.drive({ ...job, milliseconds: warmUp / 2 });
      const times: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const { done, seconds } = await client.drive({ ...job, milliseconds: slice / 4 });
        times.push((seconds * 1e6) / done);
      }
      const each = spread(times).median;
      reached.push({ size, each, cost: each * callsOf(size) });
    }
    return reached;
  });
  say(`${work}: ${subject}, µs ${points.map(({ each }) => number(each)).join(' ')}`);
  return { work, subject, sizes, points };
}

/** The step at which cost grows most, beside the growth of the size. */
export function steepest({ work, subject, points }: Curve): Check {
  const steps = points.slice(1).map((point, index) => {
    const before = points[index] as Point;
    const grown = { cost: point.cost / before.cost, size: point.size / before.size };
    return { ...grown, ratio: grown.cost / grown.size };
  });
  const worst = steps.reduce((most, step) => (step.ratio > most.ratio ? step : most));
  return {
    work,
    subject,
    peer: 'growth of the size',
    ratio: once(worst.cost, worst.size),
    unit: 'times, at the steepest step',
    subjectValue: worst.cost,
    peerValue: worst.size,
    atMost: MARGIN,
  };
}

function show({ work, subject, sizes, points }: Curve): string {
  const head = [sizes, 'µs each', 'µs together'];
  const rows = points.map(({ size, each, cost }) => [number(size), number(each), number(cost)]);
  return `## ${work}: ${subject}\n\n${table(head, rows)}`;
}

function figuresOf({ work, subject, points }: Curve): Figure[] {
  return points.map(({ size, each }) => ({ work, subject, at: size, unit: 'µs', value: each }));
}
